"""Trees of ``/sys`` and ``/proc`` in the shapes that real machines show, planted below a folder."""

from collections.abc import Mapping
from pathlib import Path

CPUINFO_INTEL = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: 12th Gen Intel(R) Core(TM) i7-1260P
cpu MHz\t\t: 2100.000
flags\t\t: fpu vme aperfmperf avx2

processor\t: 1
model name\t: 12th Gen Intel(R) Core(TM) i7-1260P
cpu MHz\t\t: 3100.500
flags\t\t: fpu vme aperfmperf avx2
"""

INTEL_LAPTOP = {
    "proc/cpuinfo": CPUINFO_INTEL,
    "proc/pressure/memory": "some avg10=1.53 avg60=0.24 avg300=0.05 total=1210563\nfull avg10=0.70 avg60=0.10 avg300=0.01 total=902311\n",
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\n',
    "sys/class/dmi/id/sys_vendor": "LENOVO\n",
    "sys/class/dmi/id/product_name": "21CBCTO1WW\n",
    # coretemp
    "sys/class/hwmon/hwmon5/name": "coretemp\n",
    "sys/class/hwmon/hwmon5/temp1_label": "Package id 0\n",
    "sys/class/hwmon/hwmon5/temp1_input": "62000\n",
    "sys/class/hwmon/hwmon5/temp1_max": "100000\n",
    "sys/class/hwmon/hwmon5/temp1_crit": "100000\n",
    "sys/class/hwmon/hwmon5/temp2_label": "Core 0\n",
    "sys/class/hwmon/hwmon5/temp2_input": "61000\n",
    "sys/class/hwmon/hwmon5/temp2_crit": "100000\n",
    "sys/class/hwmon/hwmon5/temp10_label": "Core 8\n",
    "sys/class/hwmon/hwmon5/temp10_input": "58000\n",
    # nvme, wireless, the embedded controller, the battery's mirror
    "sys/class/hwmon/hwmon2/name": "nvme\n",
    "sys/class/hwmon/hwmon2/temp1_label": "Composite\n",
    "sys/class/hwmon/hwmon2/temp1_input": "41850\n",
    "sys/class/hwmon/hwmon2/temp1_crit": "84850\n",
    "sys/class/hwmon/hwmon2/temp1_max": "81850\n",
    "sys/class/hwmon/hwmon2/temp2_label": "Sensor 1\n",
    "sys/class/hwmon/hwmon2/temp2_input": "41850\n",
    "sys/class/hwmon/hwmon2/temp2_max": "65261850\n",
    "sys/class/hwmon/hwmon6/name": "iwlwifi_1\n",
    "sys/class/hwmon/hwmon6/temp1_input": "47000\n",
    "sys/class/hwmon/hwmon4/name": "thinkpad\n",
    "sys/class/hwmon/hwmon4/temp1_label": "CPU\n",
    "sys/class/hwmon/hwmon4/temp1_input": "61000\n",
    "sys/class/hwmon/hwmon4/temp2_label": "GPU\n",
    "sys/class/hwmon/hwmon4/temp2_input": "-128000\n",
    "sys/class/hwmon/hwmon4/temp3_input": "0\n",
    "sys/class/hwmon/hwmon4/fan1_input": "2718\n",
    "sys/class/hwmon/hwmon4/fan2_input": "65535\n",
    "sys/class/hwmon/hwmon3/name": "BAT0\n",
    "sys/class/hwmon/hwmon3/in0_input": "15400\n",
    "sys/class/hwmon/hwmon3/power1_input": "9876000\n",
    # zones
    "sys/class/thermal/thermal_zone0/type": "acpitz\n",
    "sys/class/thermal/thermal_zone0/temp": "61000\n",
    "sys/class/thermal/thermal_zone0/trip_point_0_type": "critical\n",
    "sys/class/thermal/thermal_zone0/trip_point_0_temp": "128000\n",
    "sys/class/thermal/thermal_zone1/type": "iwlwifi_1\n",
    "sys/class/thermal/thermal_zone1/temp": "47000\n",
    "sys/class/thermal/thermal_zone2/type": "x86_pkg_temp\n",
    "sys/class/thermal/thermal_zone2/temp": "62000\n",
    "sys/class/thermal/thermal_zone2/trip_point_0_type": "passive\n",
    "sys/class/thermal/thermal_zone2/trip_point_0_temp": "-274000\n",
    # RAPL, with the memory-mapped twin of the package
    "sys/class/powercap/intel-rapl/enabled": "1\n",
    "sys/class/powercap/intel-rapl:0/name": "package-0\n",
    "sys/class/powercap/intel-rapl:0/energy_uj": "262143000000\n",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850\n",
    "sys/class/powercap/intel-rapl:0:0/name": "core\n",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "1000000\n",
    "sys/class/powercap/intel-rapl:0:0/max_energy_range_uj": "262143328850\n",
    "sys/class/powercap/intel-rapl-mmio:0/name": "package-0\n",
    "sys/class/powercap/intel-rapl-mmio:0/energy_uj": "262143000100\n",
    "sys/class/powercap/intel-rapl-mmio:0/max_energy_range_uj": "262143328850\n",
    # battery, charger, a mouse
    "sys/class/power_supply/AC/type": "Mains\n",
    "sys/class/power_supply/AC/online": "0\n",
    "sys/class/power_supply/BAT0/type": "Battery\n",
    "sys/class/power_supply/BAT0/status": "Discharging\n",
    "sys/class/power_supply/BAT0/capacity": "87\n",
    "sys/class/power_supply/BAT0/energy_full": "52060000\n",
    "sys/class/power_supply/BAT0/voltage_now": "15400000\n",
    "sys/class/power_supply/BAT0/power_now": "9876000\n",
    "sys/class/power_supply/hidpp_battery_0/type": "Battery\n",
    "sys/class/power_supply/hidpp_battery_0/scope": "Device\n",
    "sys/class/power_supply/hidpp_battery_0/capacity": "55\n",
    # cpufreq: two performance cores, one efficient
    "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "2000000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq": "4700000\n",
    "sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq": "4700000\n",
    "sys/devices/system/cpu/cpufreq/policy0/related_cpus": "0\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "powersave\n",
    "sys/devices/system/cpu/cpufreq/policy1/scaling_cur_freq": "4000000\n",
    "sys/devices/system/cpu/cpufreq/policy1/scaling_max_freq": "4700000\n",
    "sys/devices/system/cpu/cpufreq/policy1/cpuinfo_max_freq": "4700000\n",
    "sys/devices/system/cpu/cpufreq/policy1/related_cpus": "1\n",
    "sys/devices/system/cpu/cpufreq/policy1/scaling_governor": "powersave\n",
    "sys/devices/system/cpu/cpufreq/policy8/scaling_cur_freq": "1500000\n",
    "sys/devices/system/cpu/cpufreq/policy8/scaling_max_freq": "3400000\n",
    "sys/devices/system/cpu/cpufreq/policy8/cpuinfo_max_freq": "3400000\n",
    "sys/devices/system/cpu/cpufreq/policy8/related_cpus": "8\n",
    "sys/devices/system/cpu/cpufreq/policy8/scaling_governor": "powersave\n",
    # throttling
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "4\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "12\n",
    "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "3\n",
    "sys/devices/system/cpu/cpu1/thermal_throttle/package_throttle_count": "12\n",
}

AMD_DESKTOP = {
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD Ryzen 7 5800X 8-Core Processor\nflags\t\t: fpu aperfmperf\ncpu MHz\t\t: 3800.000\n",
    "etc/os-release": "PRETTY_NAME='Arch Linux'\n",
    "sys/class/hwmon/hwmon0/name": "nvme\n",
    "sys/class/hwmon/hwmon0/temp1_label": "Composite\n",
    "sys/class/hwmon/hwmon0/temp1_input": "36850\n",
    "sys/class/hwmon/hwmon1/name": "nvme\n",
    "sys/class/hwmon/hwmon1/temp1_label": "Composite\n",
    "sys/class/hwmon/hwmon1/temp1_input": "38850\n",
    "sys/class/hwmon/hwmon2/name": "k10temp\n",
    "sys/class/hwmon/hwmon2/temp1_label": "Tctl\n",
    "sys/class/hwmon/hwmon2/temp1_input": "51375\n",
    "sys/class/hwmon/hwmon2/temp1_max": "70000\n",
    "sys/class/hwmon/hwmon2/temp3_label": "Tccd1\n",
    "sys/class/hwmon/hwmon2/temp3_input": "44250\n",
    "sys/class/hwmon/hwmon3/name": "amdgpu\n",
    "sys/class/hwmon/hwmon3/temp1_label": "edge\n",
    "sys/class/hwmon/hwmon3/temp1_input": "44000\n",
    "sys/class/hwmon/hwmon3/fan1_input": "0\n",
    "sys/class/hwmon/hwmon3/power1_label": "PPT\n",
    "sys/class/hwmon/hwmon3/power1_average": "23000000\n",
    "sys/class/hwmon/hwmon4/name": "nct6798\n",
    "sys/class/hwmon/hwmon4/temp1_label": "SYSTIN\n",
    "sys/class/hwmon/hwmon4/temp1_input": "33000\n",
    "sys/class/hwmon/hwmon4/temp1_fault": "1\n",
    "sys/class/powercap/intel-rapl:0/name": "package-0\n",
    "sys/class/powercap/intel-rapl:0/energy_uj": "3000000\n",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "65532610987\n",
    "sys/class/powercap/intel-rapl:0:0/name": "core\n",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "1000000\n",
    "sys/class/powercap/intel-rapl:0:0/max_energy_range_uj": "65532610987\n",
}

RASPBERRY_PI = {
    "proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 108.00\n\nRevision\t: c03111\nModel\t\t: Raspberry Pi 4 Model B Rev 1.1\n",
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.1\0",
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
    "sys/class/hwmon/hwmon0/temp1_input": "48199\n",
    "sys/class/hwmon/hwmon0/temp1_crit": "110000\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48199\n",
    "sys/class/thermal/thermal_zone0/trip_point_0_type": "critical\n",
    "sys/class/thermal/thermal_zone0/trip_point_0_temp": "110000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "1500000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq": "1500000\n",
    "sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq": "1500000\n",
    "sys/devices/system/cpu/cpufreq/policy0/related_cpus": "0 1 2 3\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "ondemand\n",
}


def plant(root: Path, tree: Mapping[str, str]) -> Path:
    """Write the tree below ``root``; the same root again."""
    for path, text in tree.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return root


def process(
    pid: int,
    *,
    rss_kb: int,
    anon_kb: int,
    file_kb: int,
    peak_kb: int,
    cpu_ticks: int,
    children: str = "",
    start: int = 100,
) -> dict[str, str]:
    """``/proc`` of one process with one thread."""
    return {
        f"proc/{pid}/stat": f"{pid} (a (very) odd name) S 1 {pid} {pid} 0 -1 4194560 1 0 0 0 {cpu_ticks} 0 0 0 20 0 1 0 {start} 1 2",
        f"proc/{pid}/status": (
            f"Name:\tx\nVmPeak:\t 999999 kB\nVmHWM:\t{peak_kb:8d} kB\nVmRSS:\t{rss_kb:8d} kB\n"
            f"RssAnon:\t{anon_kb:8d} kB\nRssFile:\t{file_kb:8d} kB\nRssShmem:\t       0 kB\n"
        ),
        f"proc/{pid}/smaps_rollup": f"55 ---p [rollup]\nRss: {rss_kb:15d} kB\nPss: {rss_kb // 2:15d} kB\nPss_Anon:    1 kB\n",
        f"proc/{pid}/task/{pid}/children": children,
    }
