"""Recordings: one SQLite file per session, written while it runs, read at any moment, kept for good."""
