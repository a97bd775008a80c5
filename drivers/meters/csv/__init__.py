"""Meters that write text: a line for each sample, a column for each quantity."""
