"""RDTech TC66 and TC66C: USB-C meters that answer with encrypted frames."""
