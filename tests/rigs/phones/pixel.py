"""A Pixel 8 on a user build. Its quirks: battery, zones, GPU and rails closed to adb's shell; battery-limit figures and
vendor sensors among the temperatures; a stale cached section; current by ``cmd battery``, positive into the battery."""

from pathlib import Path

from tests.rigs.phones.phone import Battery, Phone, Thermal, policy, proc, properties, zones

RAILS = """t=349894
CH0(T=349894)[S10M_VDD_TPU], 5578756
CH3(T=349894)[S2M_VDD_CPUCL2], 30203502
CH4(T=349894)[S3M_VDD_CPUCL1], 23377533
"""
_NAN = "NaN, NaN, NaN, NaN, NaN, NaN, NaN"


def pixel(root: Path) -> Phone:
    return Phone(
        root,
        files={
            **policy(0, "0 1 2 3", 1704000, 1704000, "sched_pixel"),
            **policy(4, "4 5 6 7", 2367000, 2367000, "sched_pixel"),
            **policy(8, "8", 2914000, 2914000, "sched_pixel"),
            **zones(("BIG", "45000"), ("LITTLE", "44000")),
            "sys/class/power_supply/battery/status": "Discharging\n",
            "sys/class/power_supply/battery/current_now": "-812500\n",
            "sys/class/power_supply/battery/voltage_now": "4102000\n",
            "sys/bus/iio/devices/iio:device0/name": "s2mpg14-odpm\n",
            "sys/bus/iio/devices/iio:device0/energy_value": RAILS,
            "sys/class/devfreq/1f000000.mali/cur_freq": "150000000\n",
            "system/rig/current_now": "-812500\n",
            **proc(9, 4_212_345, 7_812_345),
        },
        denied=(
            "sys/class/thermal",
            "sys/class/power_supply/battery/*",
            "sys/bus/iio/devices/iio:device0/energy_value",
            "sys/class/devfreq/1f000000.mali/*",
            "sys/devices/system/cpu/cpufreq/*/cpuinfo_cur_freq",
        ),
        properties=properties("Google", "Pixel 8", "15", "BP1A.250505.005", ("Google", "Tensor G3")),
        settings={
            "global.airplane_mode_on": "1",
            "global.low_power": "0",
            "system.screen_brightness": "102",
            "system.screen_brightness_mode": "0",
        },
        thermal=Thermal(
            cached=[(37.0, 0, "BIG", 0), (31.0, 3, "VIRTUAL-SKIN", 0)],
            temperatures=[
                (66.5, 0, "BIG", 0),
                (58.0, 0, "MID", 0),
                (51.0, 0, "LITTLE", 0),
                (49.0, 1, "G3D", 0),
                (48.0, 10, "TPU", 0),
                (34.2, 3, "VIRTUAL-SKIN", 0),
                (30.1, 2, "battery", 0),
                (4102.0, 6, "vbat", 0),
                (812.0, 7, "ocp_cpu1", 0),
                (80.0, 8, "soc", 0),
                (1.375, -1, "VIRTUAL-SKIN-CHARGE-DIFF", 0),
                (33.800003, 4, "usb_pwr_therm", 0),
            ],
            coolings=[(0, 2, "thermal-cpufreq-0"), (0, 2, "thermal-cpufreq-2"), (0, 3, "thermal-gpufreq-0")],
            thresholds=[
                (3, "VIRTUAL-SKIN", "NaN, 39.0, 43.0, 45.0, 46.5, 52.0, 55.0"),
                (0, "BIG", "NaN, NaN, NaN, 95.0, NaN, NaN, 115.0"),
                (2, "battery", _NAN),
            ],
        ),
        battery=Battery(),
    )
