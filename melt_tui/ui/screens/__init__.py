"""Whole screens: own timers, place widgets, take messages."""
