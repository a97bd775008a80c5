"""RDTech UM24C, UM25C and UM34C: USB meters that are asked over Bluetooth serial."""
