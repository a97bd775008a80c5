"""Simulated devices: a phone, a board and a bulk stream that behave like real ones, by a seeded model of their physics."""
