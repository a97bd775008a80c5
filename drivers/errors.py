"""What can go wrong with a device, sorted by what the reader can do.

::

    DriverError
    ├── LinkError          wait and try again
    │   ├── LinkLost       it was there and is gone
    │   └── LinkTimeout    it did not answer in time
    ├── AskUser            somebody has to do something first
    │   ├── Refused        it said no: permission, authorisation, a busy port
    │   │   └── NeedsPassword  it lets in who knows a password
    │   ├── NotSupported   it cannot do this
    │   │   └── NeedsSetup what it needs for that can be put on it
    │   └── MissingExtra   a Python or system package is not installed
    ├── Garbled            it answered nonsense: report it
    └── RunFailed          the runtime ended by itself

Every message is one sentence for the user: what happened, to which device, and after ``remedy`` what to do.
"""


class DriverError(Exception):
    """Base of all errors that a driver raises on purpose."""

    def __init__(self, sentence: str, *, remedy: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.sentence}: {self.remedy}" if self.remedy else self.sentence


class LinkError(DriverError):
    """The way to the device is interrupted; trying again may help."""


class LinkLost(LinkError):
    """The device was there and is gone. ``told``: at the moment that it went; else it may have been silent before."""

    def __init__(self, sentence: str, *, remedy: str = "", told: bool = False) -> None:
        super().__init__(sentence, remedy=remedy)
        self.told = told


class LinkTimeout(LinkError):
    """The device did not answer in time."""


class AskUser(DriverError):
    """Trying again does not help until somebody has done something."""


class Refused(AskUser):
    """The device or the system said no."""


class NeedsPassword(Refused):
    """It lets in who knows a password: none was given, or ``wrong`` a wrong one."""

    def __init__(self, sentence: str, *, remedy: str, account: str, wrong: bool) -> None:
        super().__init__(sentence, remedy=remedy)
        self.account = account
        """Whose password: ``user@host``."""
        self.wrong = wrong


class NotSupported(AskUser):
    """This device, model or option cannot do what was asked."""


class NeedsSetup(NotSupported):
    """What it takes is not on the device, or does not fit it: setting the device up puts it there.

    ``remedy`` holds ``{}`` where the device is to be named as ``melt setup`` takes it.
    """

    def __init__(self, sentence: str, *, remedy: str, device: str = "") -> None:
        super().__init__(sentence, remedy=remedy.format(device))
        self._remedy = remedy

    def call(self, device: str) -> None:
        """Name the device otherwise: by its address, where nobody has given it a name to keep."""
        self.remedy = self._remedy.format(device)


class MissingExtra(AskUser):
    """A package is not installed; the remedy names the command."""


class Garbled(DriverError):
    """The device answered what its protocol does not allow."""


class RunFailed(DriverError):
    """The runtime could not start, or ended by itself."""
