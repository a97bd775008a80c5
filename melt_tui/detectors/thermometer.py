"""The temperature that stands for a device's SoC, and whether its sensor still moves."""

from math import isfinite

from drivers.clock import SECOND
from drivers.model import Channel, ChannelKey, Quantity, Samples, code_struct
from melt_tui.measures.sensors import rank

_STILL_NS = 60 * SECOND
_STILL_READINGS = 20
"""A sensor that read the same so often and so long stands still: under load no SoC does."""


class Thermometer:
    """Of one device: the sensor that has a limit, or that is named after the whole chip, or the first announced."""

    def __init__(self) -> None:
        self._channels: dict[ChannelKey, Channel] = {}
        self._chosen: ChannelKey | None = None
        self._code = b""
        self._last: Samples | None = None
        self._since_ns = 0
        self._readings = 0

    def open(self, channel: Channel) -> None:
        """Know a sensor from now on."""
        if channel.quantity is Quantity.TEMPERATURE:
            self._channels[channel.key] = channel
            best = min(self._channels.values(), key=rank).key
            if best != self._chosen:
                self._chosen, self._last, self._code, self._readings = best, None, b"", 0

    def take(self, samples: Samples) -> None:
        """A block of a sensor that was opened."""
        if (samples.device, samples.channel) != self._chosen:
            return
        code, n = samples.codes[-code_struct(samples.dtype).size :], samples.n
        if code != self._code or (n > 1 and samples.codes != n * code):
            self._code, self._since_ns, self._readings = code, samples.t0_ns, 0
        self._readings += n
        self._last = samples

    @property
    def sensor(self) -> str:
        """Its name; empty where there is none, or it gave nothing so far."""
        return self._last.channel if self._last is not None else ""

    @property
    def celsius(self) -> float | None:
        """Its newest value."""
        if self._last is None or self._chosen is None:
            return None
        value = self._channels[self._chosen].decoding.value(self._last.last_code)
        return value if isfinite(value) else None

    @property
    def still_s(self) -> float:
        """How long it has stood still; 0 while it moves."""
        if self._last is None or self._readings < _STILL_READINGS:
            return 0.0
        still_ns = self._last.t1_ns - self._since_ns
        return still_ns / SECOND if still_ns >= _STILL_NS else 0.0
