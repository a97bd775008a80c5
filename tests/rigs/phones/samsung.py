"""A Galaxy S24 on the maker's own thermal HAL. Its quirks: sensor types one too high, -99.9 and 0.0 for absent ones, no
thresholds, a modem that always cools a little, current in mA among the battery's lines, its GPU's clock in MHz."""

from pathlib import Path

from tests.rigs.phones.phone import Battery, Phone, Thermal, policy, proc, properties, zones

EXTRA = {
    "batteryMiscEvent": "65536",
    "batteryCurrentEvent": "0",
    "mSecPlugTypeSummary": "2",
    "LED Charging": "true",
    "LED Low Battery": "true",
    "current now": "-625",
    "charge counter": "3120000",
    "Adaptive Fast Charging Settings": "true",
}


def samsung(root: Path) -> Phone:
    return Phone(
        root,
        files={
            **policy(0, "0 1 2 3", 1959000, 1959000, "energy_aware"),
            **policy(4, "4 5 6", 2592000, 2592000, "energy_aware"),
            **policy(7, "7 8", 2900000, 2900000, "energy_aware"),
            **policy(9, "9", 3207000, 3207000, "energy_aware"),
            **zones(("BIG", "52000"), ("LITTLE", "48000"), ("G3D", "47000"), ("ISP", "0")),
            "sys/kernel/gpu/gpu_clock": "1095\n",
            "sys/kernel/gpu/gpu_max_clock": "1095\n",
            "sys/kernel/gpu/gpu_busy": "37 %\n",
            "sys/class/power_supply/battery/status": "Discharging\n",
            "sys/class/power_supply/battery/current_now": "-625\n",
            **proc(10, 3_900_000, 7_500_000),
        },
        denied=("sys/class/power_supply/battery/*", "sys/devices/system/cpu/cpufreq/*/cpuinfo_cur_freq"),
        properties=properties(
            "samsung",
            "SM-S921B",
            "14",
            "UP1A.231005.007",
            ("Samsung", "s5e9945"),
            ro__build__version__security_patch="2024-06-01",
        ),
        settings={"global.airplane_mode_on": "0", "global.low_power": "1", "system.screen_brightness": "255"},
        thermal=Thermal(
            connection="Sdhms connected: yes",
            cached=[(24.0, 1, "TYPE_CPU", 0)],
            temperatures=[
                (24.5, 1, "TYPE_CPU", 0),
                (24.4, 3, "TYPE_BATTERY", 0),
                (25.3, 4, "TYPE_SKIN", 0),
                (24.2, 5, "TYPE_USB_PORT", 0),
                (-99.9, 6, "TYPE_POWER_AMPLIFIER", 0),
                (0.0, 3, "SUBBAT", 0),
            ],
            coolings=[(0, 2, "TYPE_CPU"), (0, 3, "TYPE_GPU"), (0, 1, "TYPE_BATTERY"), (1, 4, "TYPE_MODEM")],
        ),
        battery=Battery(level=78, voltage=4012, temperature=285, extra=dict(EXTRA)),
    )
