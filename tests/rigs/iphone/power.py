"""The battery, as a phone's registry tells it: new numbers at the phone's own pace, whoever asks how often."""

import time
from dataclasses import dataclass, field
from typing import Any

AT_REST: dict[str, Any] = {
    "AppleRawCurrentCapacity": 2487,
    "AppleRawMaxCapacity": 3095,
    "AtCriticalLevel": False,
    "CurrentCapacity": 80,
    "CycleCount": 118,
    "DesignCapacity": 3227,
    "ExternalConnected": True,
    "FullyCharged": False,
    "InstantAmperage": -742,
    "Amperage": -736,
    "IsCharging": False,
    "MaxCapacity": 100,
    "NominalChargeCapacity": 3110,
    "Serial": "F8Y0000000000000A",
    "Temperature": 3170,
    "TimeRemaining": 201,
    "Voltage": 3985,
    "AppleRawBatteryVoltage": 3985,
}
"""Of an iPhone on a USB port that gives less than it uses: mA (signed), mV, 1/100 degree Celsius, mAh, minutes."""


@dataclass
class Battery:
    """IOPMPowerSource. ``values`` is what is true, ``told`` what the registry has of it since the last refresh."""

    values: dict[str, Any] = field(default_factory=lambda: dict(AT_REST))
    refresh_s: float = 0.0
    """0: whatever is true is told at once. Real phones take 1 s to 20 s or so."""
    sway: int = 0
    """mA that the current and mV that the voltage go to and fro with each refresh."""
    unsigned: bool = False
    """Negative numbers as they come from some phones: two's complement in 64 bits, without a sign."""
    began: float = field(default_factory=time.monotonic)
    told: dict[str, Any] = field(default_factory=dict)
    turn: int = -1

    def registry(self) -> dict[str, Any]:
        """What a read of the registry gives now."""
        since = time.monotonic() - self.began
        turn = int(since / self.refresh_s) if self.refresh_s else self.turn + 1
        if turn != self.turn:
            self.turn = turn
            self.told = self._now()
        return dict(self.told)

    def gauge(self) -> dict[str, Any]:
        """The same through lockdownd: domain com.apple.mobile.battery."""
        told = self.registry()
        return {
            "BatteryCurrentCapacity": told["CurrentCapacity"],
            "BatteryIsCharging": told["IsCharging"],
            "ExternalChargeCapable": told["ExternalConnected"],
            "ExternalConnected": told["ExternalConnected"],
            "FullyCharged": told["FullyCharged"],
            "GasGaugeCapability": True,
            "HasBattery": True,
        }

    def _now(self) -> dict[str, Any]:
        now = dict(self.values)
        lean = self.sway if self.turn % 2 else -self.sway
        for name in ("InstantAmperage", "Amperage", "Voltage", "AppleRawBatteryVoltage"):
            if lean and name in now:
                now[name] += lean
        now["UpdateTime"] = int(time.time())
        if self.unsigned:
            now = {name: folded(value) for name, value in now.items()}
        return now


def folded(value: Any) -> Any:
    """An int below zero as the unsigned one of 64 bits with the same bits."""
    return value + (1 << 64) if isinstance(value, int) and value < 0 else value
