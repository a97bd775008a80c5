"""What meters of several families have in common: asking and answering, counting what is lost, finding ports."""
