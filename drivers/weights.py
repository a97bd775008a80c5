"""Whose model a runtime runs."""

from enum import StrEnum


class Weights(StrEnum):
    """Whose the model of a run is: what we know of a file of ours says nothing of another's."""

    FILE = "file"
    """A file of ours."""
    NAMED = "named"
    """One that the server has, asked for by name: that of our file where no other was given."""
    SERVED = "served"
    """One that the server has or was started with."""
    OWN = "own"
    """The app's, with its prompts: none is chosen for it."""
