"""A Xiaomi 14. Its quirks: battery files open, positive while it runs down, charge and level zones among the thermal
ones, an Adreno GPU that tells all, brightness up to 4095, a service that caches what was hot long ago."""

from pathlib import Path

from tests.rigs.phones.phone import Battery, Phone, Thermal, policy, proc, properties, zones

_BATTERY = "sys/class/power_supply/battery"
_GPU = "sys/class/kgsl/kgsl-3d0"


def xiaomi(root: Path) -> Phone:
    return Phone(
        root,
        files={
            **policy(0, "0 1", 2265600, 2265600, "walt"),
            **policy(2, "2 3 4", 3148800, 3148800, "walt"),
            **policy(5, "5 6", 2956800, 2956800, "walt"),
            **policy(7, "7", 3302400, 3302400, "walt"),
            **zones(
                ("cpu-0-0-0", "52300"),
                ("cpu-2-1-1", "61100"),
                ("gpuss-0", "47400"),
                ("battery", "32000"),
                ("xo-therm", "38250"),
                ("soc", "78"),
                ("pm8550b-ibat-lvl0", "1500"),
                ("modem-skin", "36400"),
                ("camera-lens", "-273000"),
            ),
            f"{_GPU}/gpuclk": "680000000\n",
            f"{_GPU}/max_gpuclk": "903000000\n",
            f"{_GPU}/devfreq/cur_freq": "680000000\n",
            f"{_GPU}/devfreq/max_freq": "903000000\n",
            f"{_GPU}/gpu_busy_percentage": "43 %\n",
            f"{_GPU}/gpu_model": "Adreno750v2\n",
            f"{_BATTERY}/status": "Discharging\n",
            f"{_BATTERY}/capacity": "78\n",
            f"{_BATTERY}/voltage_now": "4010000\n",
            f"{_BATTERY}/current_now": "1250000\n",
            f"{_BATTERY}/temp": "320\n",
            f"{_BATTERY}/charge_counter": "3600000\n",
            **proc(8, 6_000_000, 11_600_000),
        },
        denied=("sys/devices/system/cpu/cpufreq/*/cpuinfo_cur_freq",),
        properties=properties(
            "Xiaomi",
            "23127PN0CC",
            "15",
            "AQ3A.240627.003",
            ("QTI", "SM8650"),
            ro__product__marketname="Xiaomi 14",
        ),
        settings={"system.screen_brightness": "2780", "system.screen_brightness_mode": "1"},
        thermal=Thermal(
            cached=[(89.9, 0, "CPU7", 0), (43.4, 3, "skin", 0)],
            temperatures=[
                (51.2, 0, "CPU0", 0),
                (31.4, 0, "CPU7", 0),
                (31.9, 1, "GPU0", 0),
                (32.0, 2, "battery", 0),
                (37.5, 3, "skin", 0),
            ],
            coolings=[(0, 2, "cpu-isolate7"), (0, 3, "gpu")],
            thresholds=[(3, "skin", "NaN, NaN, 46.0, 48.0, 50.0, 52.0, 58.0")],
        ),
        battery=Battery(level=78, voltage=4010, temperature=320),
    )
