"""The simulated engine: turns that take the time a simulated machine needs, with canned words."""
