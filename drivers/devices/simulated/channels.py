"""What simulated machines give, with the codes that their real models write: millidegrees, kilohertz, kilobytes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from drivers.devices.simulated.body import Body
from drivers.model import Channel, DType, Kind, Quantity, Unit, linear

MILLI = linear(1e-3)
KILO = linear(1e3)
KIBI = linear(1024.0)
FAST_HZ = 10.0


@dataclass(frozen=True, slots=True)
class Sensor:
    """A channel and how its code is read off a machine at a moment in ns since its start."""

    channel: Channel
    code: Callable[[Body, int], float]
    every_ns: int = 0
    """At least this long between readings; 0: at every tick."""


def phone(device: str, rate_hz: float) -> list[Sensor]:
    """Of a phone: temperatures, clocks and their caps, memory, thermal status, battery."""
    return [
        _temperature(device, "soc", Quantity.TEMPERATURE, "soc", 0.08, rate_hz, limit=75.0),
        _temperature(device, "skin", Quantity.SKIN_TEMPERATURE, "skin", 0.03, rate_hz),
        _frequency(device, 0, "policy0", rate_hz),
        _frequency(device, 1, "policy4", rate_hz),
        _cap(device, 0, "policy0", rate_hz),
        _cap(device, 1, "policy4", rate_hz),
        _use(device, rate_hz),
        _available(device, rate_hz),
        _status(device, rate_hz),
        replace(
            _temperature(device, "battery", Quantity.BATTERY_TEMPERATURE, "battery", 0.02, 1.0), every_ns=10**9
        ),
        Sensor(
            Channel(
                device=device, name="battery level", quantity=Quantity.BATTERY_LEVEL, unit=Unit.PERCENT,
                rate_hz=0.2, dtype=DType.U8,
            ),
            lambda body, _: int(body.battery_percent),
            5 * 10**9,
        ),
    ]  # fmt: skip


def jetson(device: str, rate_hz: float) -> list[Sensor]:
    """Of a board: rails, temperatures, clocks and their caps, memory, fan."""
    return [
        _rail(device, "VDD_IN", rate_hz, lambda watts: watts),
        _rail(device, "VDD_CPU_GPU_CV", rate_hz, lambda watts: 0.75 + 0.62 * max(0.0, watts - 5.8)),
        _rail(device, "VDD_SOC", rate_hz, lambda watts: 1.4 + 0.16 * max(0.0, watts - 5.8)),
        _temperature(device, "gpu", Quantity.TEMPERATURE, "soc", 0.06, rate_hz, limit=99.0),
        _temperature(device, "cpu", Quantity.TEMPERATURE, "soc", 0.06, rate_hz, shift=-1.1, limit=99.0),
        _temperature(device, "tj", Quantity.TEMPERATURE, "soc", 0.0, rate_hz, shift=0.4, limit=99.0),
        _frequency(device, 1, "gpu", rate_hz),
        _cap(device, 1, "gpu", rate_hz),
        _frequency(device, 0, "cpu", rate_hz),
        _use(device, rate_hz),
        _available(device, rate_hz),
        Sensor(
            Channel(
                device=device,
                name="fan",
                quantity=Quantity.FAN,
                unit=Unit.RPM,
                rate_hz=rate_hz,
                dtype=DType.I32,
            ),
            lambda body, t: round(body.fan * (body.spec.fan_rpm or 0) + 12 * body.noise.normal("fan", t)),
        ),
    ]


def thermometer(device: str, number: int, rate_hz: float) -> Sensor:
    """One more thermometer, for those who want many channels."""
    return _temperature(
        device, f"core{number}", Quantity.TEMPERATURE, "soc", 0.2, rate_hz, shift=-0.3 * number
    )


def gauge(device: str) -> Channel:
    """Power by the battery's own gauge: slow, positive when it leaves the battery."""
    return Channel(
        device=device, name="battery gauge", quantity=Quantity.POWER, unit=Unit.WATT, dtype=DType.I32,
        decoding=MILLI, point="battery-gauge", detail="refreshed every 2 to 3 s, mean since the last one",
    )  # fmt: skip


def process_channels(device: str) -> tuple[Channel, ...]:
    """Memory of the processes that are watched: all, anonymous, of files, and the most so far."""
    return tuple(
        Channel(
            device=device, name=quantity.value, quantity=quantity, unit=Unit.BYTES, rate_hz=FAST_HZ,
            dtype=DType.I64, decoding=KIBI,
        )
        for quantity in (Quantity.RSS, Quantity.RSS_ANON, Quantity.RSS_FILE, Quantity.RSS_PEAK)
    )  # fmt: skip


def _temperature(
    device: str, name: str, quantity: Quantity, node: str, noise_c: float, rate_hz: float, *,
    shift: float = 0.0, limit: float | None = None,
) -> Sensor:  # fmt: skip
    channel = Channel(
        device=device, name=name, quantity=quantity, unit=Unit.CELSIUS, rate_hz=rate_hz, dtype=DType.I32,
        decoding=MILLI, limit=limit,
    )  # fmt: skip
    stream = f"{name} °C"

    def code(body: Body, t: int) -> float:
        return round(1000 * (body.temperatures[node] + shift + noise_c * body.noise.normal(stream, t)))

    return Sensor(channel, code)


def _frequency(device: str, i: int, name: str, rate_hz: float) -> Sensor:
    channel = Channel(
        device=device, name=f"{name} freq", quantity=Quantity.FREQUENCY, unit=Unit.HERTZ, rate_hz=rate_hz,
        dtype=DType.U32, decoding=KILO,
    )  # fmt: skip
    return Sensor(channel, lambda body, _: round(body.governor.frequency(i) / 1000))


def _cap(device: str, i: int, name: str, rate_hz: float) -> Sensor:
    channel = Channel(
        device=device, name=f"{name} cap", quantity=Quantity.FREQUENCY_CAP, unit=Unit.HERTZ, rate_hz=rate_hz,
        dtype=DType.U32, decoding=KILO,
    )  # fmt: skip
    return Sensor(channel, lambda body, _: round(body.governor.cap(i) / 1000))


def _use(device: str, rate_hz: float) -> Sensor:
    channel = Channel(
        device=device, name="cpu use", quantity=Quantity.CPU_USE, unit=Unit.PERCENT, kind=Kind.INTERVAL_MEAN,
        rate_hz=rate_hz, dtype=DType.U16, decoding=linear(0.1),
    )  # fmt: skip
    return Sensor(
        channel,
        lambda body, t: round(10 * min(100.0, max(0.0, body.cpu_percent + body.noise.normal("cpu", t)))),
    )


def _available(device: str, rate_hz: float) -> Sensor:
    channel = Channel(
        device=device, name="memory available", quantity=Quantity.MEMORY_AVAILABLE, unit=Unit.BYTES,
        rate_hz=rate_hz, dtype=DType.I64, decoding=KIBI,
    )  # fmt: skip
    return Sensor(
        channel, lambda body, t: round((body.memory_available + 4e6 * body.noise.normal("memory", t)) / 1024)
    )


def _status(device: str, rate_hz: float) -> Sensor:
    channel = Channel(
        device=device, name="thermal status", quantity=Quantity.LIMIT_LEVEL, unit=Unit.NONE, rate_hz=rate_hz,
        dtype=DType.U8, detail="0 none, 1 light, 2 moderate, 3 severe",
    )  # fmt: skip
    return Sensor(channel, lambda body, _: int(body.status))


def _rail(device: str, name: str, rate_hz: float, share: Callable[[float], float]) -> Sensor:
    channel = Channel(
        device=device, name=name, quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=rate_hz, dtype=DType.I32,
        decoding=MILLI, point=f"rail:{name}",
    )  # fmt: skip
    return Sensor(
        channel, lambda body, t: round(1000 * share(body.power_w) + 15 * body.noise.normal(name, t))
    )
