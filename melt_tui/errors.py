"""What can go wrong on our side of the floor, said in one sentence for the user.

::

    MeltError            base: what happened, and after ``remedy`` what to do
    ├── ModelError       a model that is not there, not whole or not one
    ├── WorkloadError    a workload that cannot be built
    ├── ConfigError      a setting that is not one, named with its line
    ├── UsageError       what was asked for cannot be asked for like that
    ├── SetupError       what is to be put on a device could not be had, or does not fit it
    ├── BadImport        a file of somebody else's that cannot be taken in
    ├── CannotWrite      a recording that cannot be written there
    └── BadRecording     a recording that is not there, not whole or not one
        └── RecordingTooNew  written by a newer melt
"""


class MeltError(Exception):
    """Base of all errors that melt raises on purpose; the same shape as ``drivers.errors.DriverError``."""

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.sentence}: {self.remedy}" if self.remedy else self.sentence


class ModelError(MeltError):
    """A model file or name that cannot be used."""


class WorkloadError(MeltError):
    """A workload that cannot be built from what was asked."""


class ConfigError(MeltError):
    """A wrong key or value of the config file."""


class UsageError(MeltError):
    """What was asked for cannot be asked for like that."""


class SetupError(MeltError):
    """What is to be put on a device could not be had, or does not fit it."""


class BadImport(MeltError):
    """A file of somebody else's that cannot be taken in."""


class CannotWrite(MeltError):
    """A recording cannot be written there."""


class BadRecording(MeltError):
    """A file that cannot be read as a recording."""


class RecordingTooNew(BadRecording):
    """A recording whose format is newer than this version."""
