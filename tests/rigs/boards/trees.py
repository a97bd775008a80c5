"""Files of boards as their kernels show them, by board: below a root, values in the kernel's own units."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.rigs.boards import lines

Tree = Mapping[str, str]

STAT = "cpu  1000 20 300 90000 50 0 10 0 0 0\ncpu0 250 5 75 22500 12 0 2 0 0 0\n"
MEMINFO = "MemTotal:        7990000 kB\nMemFree:         4000000 kB\nMemAvailable:    6012345 kB\n"
PRESSURE = (
    "some avg10=0.12 avg60=0.01 avg300=0.00 total=1234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
)
OS = {
    "18": 'PRETTY_NAME="Ubuntu 18.04.6 LTS"\n',
    "20": 'PRETTY_NAME="Ubuntu 20.04.6 LTS"\n',
    "22": 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\n',
    "24": 'PRETTY_NAME="Ubuntu 24.04.3 LTS"\n',
}


@dataclass(frozen=True)
class Board:
    """A board: its files, its commands' output."""

    name: str
    tree: Tree
    line: str
    """Of tegrastats; empty for a machine without it."""
    nvpmodel: str = ""
    input: str = "board-input"
    """The channel that is the board's input."""
    input_w: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    """Zones that show no temperature now."""


def _base(model: str, compatible: str, release: str, system: str) -> dict[str, str]:
    return {
        "proc/stat": STAT,
        "proc/meminfo": MEMINFO,
        "proc/pressure/memory": PRESSURE,
        "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\n",
        "proc/device-tree/model": model + "\0",
        "proc/device-tree/compatible": compatible.replace(" ", "\0") + "\0",
        "etc/nv_tegra_release": f"# {release}, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025\n",
        "etc/os-release": OS[system],
    }


def zones(**degrees: str) -> dict[str, str]:
    """Thermal zones by their names (``_`` for ``-``), in millidegrees."""
    files: dict[str, str] = {}
    for number, (name, value) in enumerate(degrees.items()):
        folder = f"sys/class/thermal/thermal_zone{number}"
        files |= {f"{folder}/type": f"{name.replace('_', '-')}\n", f"{folder}/temp": f"{value}\n"}
        files |= {f"{folder}/trip_point_0_type": "critical\n", f"{folder}/trip_point_0_temp": "104500\n"}
        files |= {f"{folder}/trip_point_1_type": "passive\n", f"{folder}/trip_point_1_temp": "99000\n"}
    return files


def coolers(*names: str) -> dict[str, str]:
    """Cooling devices at rest."""
    files: dict[str, str] = {}
    for number, name in enumerate(names):
        folder = f"sys/class/thermal/cooling_device{number}"
        files |= {f"{folder}/type": f"{name}\n", f"{folder}/cur_state": "0\n", f"{folder}/max_state": "3\n"}
    return files


def policies(**caps: int) -> dict[str, str]:
    """Policies of cpufreq, each with its cap in kHz and four cores."""
    files: dict[str, str] = {}
    for name, cap in caps.items():
        folder = f"sys/devices/system/cpu/cpufreq/{name}"
        files |= {
            f"{folder}/cpuinfo_max_freq": f"{cap}\n",
            f"{folder}/scaling_max_freq": f"{cap}\n",
            f"{folder}/scaling_cur_freq": f"{cap // 2}\n",
            f"{folder}/scaling_governor": "schedutil\n",
            f"{folder}/related_cpus": "0 1 2 3\n",
        }
    return files


def gpu(name: str, hertz: int, load: str = "") -> dict[str, str]:
    """The GPU's clock, and its load where its driver tells it."""
    folder = f"sys/class/devfreq/{name}"
    files = {f"{folder}/cur_freq": f"{hertz // 2}\n", f"{folder}/max_freq": f"{hertz}\n"}
    return files | ({load: "427\n"} if load else {})


def ina_hwmon(chip: int, *rails: tuple[str, int, int]) -> dict[str, str]:
    """An INA3221 under hwmon: name, mV, mA of each rail; its shunts and their sum beside them, as the kernel has it."""
    folder = f"sys/class/hwmon/hwmon{chip}"
    files = {f"{folder}/name": "ina3221\n", f"{folder}/in7_label": "sum of shunt voltages\n"}
    files |= {f"{folder}/in7_input": "999\n", f"{folder}/curr4_input": "2222\n"}
    for number, (label, millivolts, milliamperes) in enumerate(rails, 1):
        files |= {
            f"{folder}/in{number}_label": f"{label}\n",
            f"{folder}/in{number}_input": f"{millivolts}\n",
            f"{folder}/curr{number}_input": f"{milliamperes}\n",
            f"{folder}/curr{number}_max": "32760\n",
            f"{folder}/in{number + 3}_input": "5\n",
        }
    return files


def ina_iio(address: str, *rails: tuple[str, int, int]) -> dict[str, str]:
    """An INA3221 of JetPack 4, under iio: name, mV, mA of each rail."""
    folder = f"sys/bus/i2c/drivers/ina3221x/{address}/iio:device{address[-1]}"
    files: dict[str, str] = {}
    for number, (label, millivolts, milliamperes) in enumerate(rails):
        files |= {
            f"{folder}/rail_name_{number}": f"{label}\n",
            f"{folder}/in_voltage{number}_input": f"{millivolts}\n",
            f"{folder}/in_current{number}_input": f"{milliamperes}\n",
            f"{folder}/in_power{number}_input": f"{millivolts * milliamperes // 1000}\n",
        }
    return files


def overcurrent(chip: int) -> dict[str, str]:
    """The counters of ``soctherm_oc``."""
    folder = f"sys/class/hwmon/hwmon{chip}"
    files = {f"{folder}/name": "soctherm_oc\n"}
    for number in (1, 2, 3):
        files |= {f"{folder}/oc{number}_event_cnt": "27\n", f"{folder}/oc{number}_throt_en": "1\n"}
    return files


def fan_hwmon(chip: int) -> dict[str, str]:
    """A fan as JetPack 5 and later show it."""
    return {
        f"sys/class/hwmon/hwmon{chip}/name": "pwmfan\n",
        f"sys/class/hwmon/hwmon{chip}/pwm1": "51\n",
        f"sys/class/hwmon/hwmon{chip + 1}/name": "pwm_tach\n",
        f"sys/class/hwmon/hwmon{chip + 1}/rpm": "1786\n",
    }


FAN_JP4 = {"sys/devices/pwm-fan/cur_pwm": "255\n", "sys/devices/pwm-fan/rpm_measured": "5210\n"}
ALERTS = ("cpu-throttle-alert", "gpu-throttle-alert", "pwm-fan", "hot-surface-alert", "cpufreq-cpu0")

TX1 = Board(
    "TX1, JetPack 3",
    _base(
        "jetson_tx1",
        "nvidia,p2371-2180 nvidia,jetson-cv nvidia,tegra210",
        "R28 (release), REVISION: 2.1",
        "18",
    )
    | zones(AO_therm="40000", CPU_therm="37500", GPU_therm="39000", PMIC_Die="100000")
    | policies(policy0=1734000)
    | ina_iio("1-0040", ("VDD_IN", 19000, 140), ("VDD_GPU", 19000, 1), ("VDD_CPU", 19000, 10)),
    lines.TX1_JP3,
    input="VDD_IN",
    input_w=2.66,
    silent=("PMIC-Die",),
    facts={"jetpack": "JetPack 3 (L4T 28.2.1)"},
)
TX2 = Board(
    "TX2, JetPack 4",
    _base(
        "NVIDIA Jetson TX2 Developer Kit",
        "nvidia,p2771-0000 nvidia,tegra186",
        "R32 (release), REVISION: 7.1",
        "18",
    )
    | zones(BCPU_therm="35000", GPU_therm="41000", PMIC_Die="100000", thermal_fan_est="35500")
    | coolers("cpu-throttle-alert", "pwm-fan")
    | policies(policy0=2035200, policy1=2035200)
    | gpu("17000000.gp10b", 1300500000, "sys/devices/gpu.0/load")
    | ina_iio("0-0040", ("VDD_SYS_GPU", 19000, 8), ("VDD_SYS_SOC", 19000, 20), ("VDD_4V0_WIFI", 4000, 0))
    | ina_iio("0-0041", ("VDD_IN", 19000, 105), ("VDD_SYS_CPU", 19000, 17), ("VDD_SYS_DDR", 4800, 50))
    | FAN_JP4,
    lines.TX2_JP4,
    "NVPM WARN: fan mode is not set!\nNV Power Mode: MAXP_CORE_ARM\n3\n",
    input="VDD_IN",
    input_w=1.995,
    silent=("PMIC-Die",),
    facts={"jetpack": "JetPack 4 (L4T 32.7.1)", "power mode": "MAXP_CORE_ARM (3)"},
)
NANO = Board(
    "Nano, JetPack 4",
    _base(
        "NVIDIA Jetson Nano Developer Kit",
        "nvidia,p3450-0000 nvidia,jetson-nano nvidia,tegra210",
        "R32 (release), REVISION: 7.6",
        "18",
    )
    | zones(
        AO_therm="45000",
        CPU_therm="40000",
        GPU_therm="40000",
        PLL_therm="37000",
        PMIC_Die="100000",
        thermal_fan_est="40000",
    )
    | coolers("cpu-balanced", "gpu-balanced", "pwm-fan")
    | policies(policy0=1479000)
    | gpu("57000000.gpu", 921600000, "sys/devices/gpu.0/load")
    | ina_iio("6-0040", ("POM_5V_IN", 5000, 350), ("POM_5V_GPU", 5000, 0), ("POM_5V_CPU", 5000, 73))
    | FAN_JP4,
    lines.NANO_JP4,
    "NV Power Mode: 5W\n1\nNVPM ERROR: Error opening /sys/kernel/nvpmodel_emc_cap/emc_iso_cap: 13\n"
    "NVPM ERROR: failed to read PARAM EMC: ARG MAX_FREQ: PATH /sys/kernel/nvpmodel_emc_cap/emc_iso_cap\n",
    input="POM_5V_IN",
    input_w=1.75,
    silent=("PMIC-Die",),
    facts={"jetpack": "JetPack 4 (L4T 32.7.6)", "power mode": "5W (1)"},
)
XAVIER_NX = Board(
    "Xavier NX, JetPack 5",
    _base(
        "NVIDIA Jetson Xavier NX Developer Kit",
        "nvidia,p3509-0000+p3668-0000 nvidia,tegra194",
        "R35 (release), REVISION: 4.1",
        "20",
    )
    | zones(
        AUX_therm="45000", CPU_therm="46500", GPU_therm="45500", PMIC_Die="50000", thermal_fan_est="45600"
    )
    | coolers(*ALERTS)
    | policies(policy0=1907200, policy2=1907200, policy4=1907200)
    | gpu("17000000.gv11b", 1109250000, "sys/devices/gpu.0/load")
    | ina_hwmon(3, ("VDD_IN", 5020, 552), ("VDD_CPU_GPU_CV", 5020, 130), ("VDD_SOC", 5020, 130))
    | overcurrent(5)
    | fan_hwmon(1),
    lines.XAVIER_NX_JP5,
    "NV Fan Mode:quiet\nNV Power Mode: MODE_15W_DESKTOP\n7\nNVPM ERROR: Error opening /sys/kernel/nvpmodel_emc_cap/emc_iso_cap: 13\n",
    input="VDD_IN",
    input_w=2.77104,
    silent=("PMIC-Die",),
    facts={"jetpack": "JetPack 5 (L4T 35.4.1)", "power mode": "MODE_15W_DESKTOP (7)", "fan mode": "quiet"},
)
AGX_XAVIER = Board(
    "AGX Xavier, JetPack 4",
    _base("Jetson-AGX", "nvidia,p2822-0000+p2888-0001 nvidia,tegra194", "R32 (release), REVISION: 7.1", "18")
    | zones(
        CPU_therm="37500",
        GPU_therm="37500",
        AUX_therm="36000",
        Tboard_tegra="37000",
        Tdiode_tegra="40000",
        PMIC_Die="100000",
    )
    | coolers(*ALERTS)
    | policies(policy0=2265600, policy2=2265600)
    | gpu("17000000.gv11b", 1377000000, "sys/devices/gpu.0/load")
    | ina_iio("1-0040", ("GPU", 19000, 0), ("CPU", 19000, 16), ("SOC", 19000, 49))
    | ina_iio("1-0041", ("CV", 19000, 0), ("VDDRQ", 19000, 32), ("SYS5V", 19000, 78))
    | FAN_JP4,
    lines.AGX_XAVIER_JP4,
    "NV Fan Mode:cool\nNV Power Mode: MODE_30W_4CORE\n5\n",
    input="board input",
    input_w=3.325,
    silent=("PMIC-Die",),
    facts={"jetpack": "JetPack 4 (L4T 32.7.1)", "power mode": "MODE_30W_4CORE (5)", "fan mode": "cool"},
)
ORIN_NANO = Board(
    "Orin Nano, JetPack 6",
    _base(
        "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
        "nvidia,p3768-0000+p3767-0005-super nvidia,tegra234",
        "R36 (release), REVISION: 4.3",
        "22",
    )
    | zones(
        cpu_thermal="57125", gpu_thermal="58625", cv0_thermal="0", soc0_thermal="56625", tj_thermal="58312"
    )
    | coolers(*ALERTS)
    | policies(policy0=1728000, policy4=1728000)
    | gpu("17000000.gpu", 1020000000, "sys/devices/platform/bus@0/17000000.gpu/load")
    | ina_hwmon(1, ("VDD_IN", 4960, 3290), ("VDD_CPU_GPU_CV", 4960, 1432), ("VDD_SOC", 4960, 629))
    | overcurrent(2)
    | fan_hwmon(3),
    lines.ORIN_NANO_JP6,
    "NV Power Mode: 25W\n1\n",
    input="VDD_IN",
    input_w=16.3184,
    silent=("cv0-thermal",),
    facts={"jetpack": "JetPack 6 (L4T 36.4.3)", "power mode": "25W (1)"},
)
AGX_ORIN = Board(
    "AGX Orin, JetPack 6",
    _base(
        "NVIDIA Jetson AGX Orin Developer Kit",
        "nvidia,p3737-0000+p3701-0005 nvidia,tegra234",
        "R36 (release), REVISION: 4.4",
        "22",
    )
    | zones(
        cpu_thermal="44562",
        gpu_thermal="-256000",
        cv0_thermal="-256000",
        soc0_thermal="41093",
        tj_thermal="44343",
    )
    | coolers(*ALERTS)
    | policies(policy0=2201600, policy4=2201600, policy8=2201600)
    | gpu("17000000.gpu", 1300500000, "sys/devices/platform/bus@0/17000000.gpu/load")
    | ina_hwmon(4, ("VDD_GPU_SOC", 19888, 118), ("VDD_CPU_CV", 19888, 20), ("VIN_SYS_5V0", 5056, 796))
    | ina_hwmon(5, ("NC", 0, 0), ("VDDQ_VDD2_1V8AO", 5056, 60), ("NC", 0, 0))
    | overcurrent(2)
    | fan_hwmon(6),
    lines.AGX_ORIN_JP6,
    "NV Power Mode: MAXN\n0\n",
    input="board input",
    input_w=(19888 * 118 + 19888 * 20 + 5056 * 796) / 1e6,
    silent=("gpu-thermal", "cv0-thermal"),
    facts={"jetpack": "JetPack 6 (L4T 36.4.4)", "power mode": "MAXN (0)"},
)
THOR = Board(
    "AGX Thor, JetPack 7",
    _base(
        "NVIDIA Jetson AGX Thor Developer Kit",
        "nvidia,p4071-0000+p3834-0008 nvidia,tegra264",
        "R38 (release), REVISION: 4.0",
        "24",
    )
    | zones(
        tj_thermal="55100",
        cpu_thermal="53700",
        soc012_thermal="55100",
        soc345_thermal="53700",
        gpu_thermal="0",
    )
    | coolers(
        "cpu-throttle-alert", "gpu-throttle-alert", "soc012-throttle-alert", "pwm-fan", "devfreq-gpu-gpc-0"
    )
    | policies(policy0=2601000, policy2=2601000)
    | gpu("gpu-gpc-0", 1575000000)
    | ina_hwmon(3, ("VDD_GPU", 12040, 640), ("VDD_CPU_SOC_MSS", 12040, 960), ("VIN_SYS_5V0", 5088, 1740))
    | {"sys/class/hwmon/hwmon4/name": "ina238\n", "sys/class/hwmon/hwmon4/power1_input": "26686000\n"}
    | overcurrent(5)
    | fan_hwmon(6),
    lines.THOR_JP72,
    "NVPM VERB: Config file: /etc/nvpmodel.conf\nNVPM VERB: parsing done for /etc/nvpmodel.conf\n"
    "NVPM VERB: Current mode: NV Power Mode: 120W\n1\n",
    input="VIN",
    input_w=26.686,
    silent=("gpu-thermal",),
    facts={"jetpack": "JetPack 7 (L4T 38.4.0)", "power mode": "120W (1)"},
)

BOARDS = (TX1, TX2, NANO, XAVIER_NX, AGX_XAVIER, ORIN_NANO, AGX_ORIN, THOR)
