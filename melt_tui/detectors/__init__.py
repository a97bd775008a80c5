"""Transforms on the bus: what follows from passing items, by their own times alone."""
