"""What each simulated machine is made of: the numbers behind its physics, plausible for one of its kind."""

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.devices.simulated.governor import Policy
from drivers.devices.simulated.thermal import AMBIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One kind of machine."""

    ambient_c: float
    capacities: Mapping[str, float]
    """J/K by node; the hot one is called ``soc``."""
    conductances: Mapping[tuple[str, str], float]
    """W/K."""
    heat_shares: Mapping[str, float]
    """Which part of the power turns to heat in which node."""
    thresholds_c: tuple[float, float, float]
    """SoC temperature from which the status is light, moderate, severe."""
    policies: tuple[Policy, ...]
    """The last one does the inference."""
    idle_w: float
    leak_w: float
    """At 50 °C; e times as much every 45 K."""
    load_w: float
    prefill_w: float
    decode_w: float
    """Above idle, at the highest frequency."""
    least_voltage: float
    """At frequency 0, as a part of the voltage at the highest one."""
    load_bps: float
    """Bytes of weights read a second."""
    prefill_tps: float
    decode_tps: float
    """Of the default weights with an empty context, at the highest frequency."""
    weights_bytes: int
    context_half: float
    """Tokens in context at which decoding takes twice as long."""
    kv_bytes: int
    """Of one token in the context."""
    buffers_bytes: int
    memory_bytes: int
    used_bytes: int
    """By everything else."""
    cores: int
    battery_wh: float | None = None
    battery_percent: float = 82.0
    fan_rpm: float | None = None
    """At full speed."""


PHONE = Spec(
    ambient_c=25.0,
    capacities={"soc": 2.2, "skin": 150.0, "battery": 70.0},
    conductances={("soc", "skin"): 1 / 7, ("skin", AMBIENT): 0.25, ("battery", "skin"): 1 / 3},
    heat_shares={"soc": 0.88, "skin": 0.08, "battery": 0.04},
    thresholds_c=(66.0, 71.0, 75.0),
    policies=(
        Policy("policy0", (0.55e9, 0.96e9, 1.4e9, 1.6e9, 1.8e9), (1.8e9, 1.8e9, 1.6e9, 1.4e9)),
        Policy(
            "policy4",
            (0.71e9, 1.08e9, 1.59e9, 1.8e9, 2.0e9, 2.19e9, 2.4e9, 2.65e9, 2.84e9),
            (2.84e9, 2.4e9, 2.0e9, 1.59e9),
        ),
    ),
    idle_w=0.95,
    leak_w=0.18,
    load_w=1.4,
    prefill_w=4.6,
    decode_w=3.5,
    least_voltage=0.55,
    load_bps=0.8e9,
    prefill_tps=70.0,
    decode_tps=18.6,
    weights_bytes=1_640_000_000,
    context_half=9000.0,
    kv_bytes=114_688,
    buffers_bytes=230_000_000,
    memory_bytes=7_860_000_000,
    used_bytes=3_900_000_000,
    cores=8,
    battery_wh=18.6,
)

JETSON = Spec(
    ambient_c=25.0,
    capacities={"soc": 8.0, "sink": 180.0},
    conductances={("soc", "sink"): 1.0, ("sink", AMBIENT): 0.32},
    heat_shares={"soc": 0.8, "sink": 0.2},
    thresholds_c=(95.0, 97.0, 99.0),
    policies=(
        Policy("cpu", (0.73e9, 1.11e9, 1.34e9, 1.51e9), (1.51e9, 1.34e9, 1.11e9, 0.73e9)),
        Policy("gpu", (0.306e9, 0.408e9, 0.51e9, 0.62475e9), (0.62475e9, 0.51e9, 0.408e9, 0.306e9)),
    ),
    idle_w=5.6,
    leak_w=0.3,
    load_w=1.6,
    prefill_w=5.4,
    decode_w=4.2,
    least_voltage=0.6,
    load_bps=0.55e9,
    prefill_tps=240.0,
    decode_tps=24.4,
    weights_bytes=1_930_000_000,
    context_half=14000.0,
    kv_bytes=114_688,
    buffers_bytes=260_000_000,
    memory_bytes=7_990_000_000,
    used_bytes=1_450_000_000,
    cores=6,
    fan_rpm=5200.0,
)
