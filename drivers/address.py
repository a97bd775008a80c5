"""Addresses of devices: ``scheme:target?option=value&…``. Typed by people, so bounded and refused with a sentence."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from drivers.errors import NotSupported
from drivers.points import KNOWN, is_point

LENGTH_LIMIT = 1024
"""Characters of an address."""

_OPTIONS_LIMIT = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart: ``sim:phone?rate=10`` has the base ``sim:phone``."""

    base: str
    options: Mapping[str, str]

    @property
    def scheme(self) -> str:
        """What stands before the first colon: ``adb`` of ``adb:SERIAL``, ``ssh`` of ``ssh://user@host:port``."""
        return self.base.partition(":")[0]

    @property
    def target(self) -> str:
        """What stands after it; of ``ssh://user@host:port`` without the slashes."""
        return self.base.partition(":")[2].removeprefix("//")

    def only(self, known: Iterable[str]) -> "Address":
        """This address, when it has no other options than these. Raises NotSupported."""
        names = tuple(known)
        for option in self.options:
            if option not in names:
                raise NotSupported(
                    f"{self.base} has no option {option[:40]!r}",
                    remedy=f"it has {', '.join(names)}" if names else "it has none",
                )
        return self

    def text(self, option: str, default: str = "") -> str:
        """An option that is a name: letters, digits, ``.``, ``_`` and ``-``. Raises NotSupported."""
        value = self.options.get(option)
        if value is None:
            return default
        if not _NAME.fullmatch(value):
            raise NotSupported(
                f"{self.base}: {option}={value[:40]!r} is no name",
                remedy="use up to 64 letters, digits, dots, dashes and underscores",
            )
        return value

    def point(self, default: str = "") -> str:
        """The option ``point``: where a meter measures. Raises NotSupported, naming the points that there are."""
        value = self.options.get("point", default)
        if value and not is_point(value):
            raise NotSupported(
                f"{self.base}: {value[:40]!r} is no reference point", remedy=f"there are {KNOWN}"
            )
        return value

    def number(self, option: str, default: float, low: float, high: float) -> float:
        """An option that is a number from ``low`` to ``high``. Raises NotSupported."""
        value = self.options.get(option)
        if value is None:
            return default
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise NotSupported(
                f"{self.base}: {option}={value[:40]!r} is not possible",
                remedy=f"it is a number from {low:g} to {high:g}",
            )
        return number

    def whole(self, option: str, default: int, low: int, high: int) -> int:
        """An option that is a whole number from ``low`` to ``high``. Raises NotSupported."""
        number = self.number(option, default, low, high)
        if number != int(number):
            raise NotSupported(
                f"{self.base}: {option}={number:g} is not possible", remedy="it is a whole number"
            )
        return int(number)


def parse(text: str) -> Address:
    """Take an address apart. Raises NotSupported for one that is too long, unprintable or has broken options."""
    if len(text) > LENGTH_LIMIT or not text.isprintable():
        raise NotSupported(
            f"{text[:40]!r} … is not an address", remedy="addresses are one short line of text"
        )
    base, _, query = text.partition("?")
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=_OPTIONS_LIMIT
        )
    except ValueError:
        raise NotSupported(
            f"the options of {base[:40]!r} cannot be read", remedy="write them as ?option=value&option=value"
        ) from None
    options = dict(pairs)
    if len(options) != len(pairs):
        raise NotSupported(f"{base[:40]!r} states an option twice", remedy="state each option once")
    return Address(base, options)
