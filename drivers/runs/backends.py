"""What an engine of ggml's says that it computes on, of the lines that it prints as it comes up. Pure.

Sources: ggml-backend-reg.cpp (``load_backend``), ggml-cuda.cu, ggml-vulkan.cpp, ggml-opencl.cpp, ggml-metal,
llama-print-system-info (``CUDA : ARCHS = 870 | … | CPU : NEON = 1``; before 2024-12 features of the processor alone).
"""

import re
from typing import Final

BACKENDS_LIMIT: Final = 8
LINE_LIMIT: Final = 2000
"""Characters of a line that are read."""
CPU: Final = "CPU"

_LOADED = re.compile(r"load_backend: loaded ([\w.+-]{1,20}) backend\b")
_COUNTED = re.compile(
    r"ggml_(?:cuda_init|vulkan|sycl_init|cann_init): found (\d{1,4}) (\w{1,20}) devices?\b", re.IGNORECASE
)
_FAILED = re.compile(r"ggml_cuda_init: failed to initialize (\w{1,20})\b")
_OPENCL = re.compile(
    r"ggml_opencl: (?:selected platform|selected device|device|using device|default device)\b"
)
_METAL = re.compile(
    r"ggml_metal\w{0,20}: (?:allocating|found device|GPU name|default device|picking default device)\b"
)
_SYSTEM = re.compile(r"\bsystem_info: (.*)")
_REGISTERED = re.compile(r"(?:^|\| )([A-Za-z][\w+-]{0,19}) : (?=\w+ = )")
_FEATURE = re.compile(r"\b[A-Z][A-Z0-9_]{1,30} = [01]\b")
_NAMES: Final = {
    "mtl": "Metal",
    "metal": "Metal",
    "cuda": "CUDA",
    "vulkan": "Vulkan",
    "opencl": "OpenCL",
    "cpu": CPU,
}


class Backends:
    """Those that it named so far. A backend that found no device of its own is none, whatever else names it."""

    def __init__(self) -> None:
        self._named: dict[str, None] = {}
        self._refuted: set[str] = set()

    def note(self, line: str) -> None:
        """Read one of its lines."""
        line = line[:LINE_LIMIT]
        self._refuted |= _refuted(line)
        for name in _named(line):
            if len(self._named) < BACKENDS_LIMIT:
                self._named[name] = None

    @property
    def told(self) -> str:
        """Joined, the processor last: ``CUDA, CPU``; empty when none was named."""
        left = [name for name in self._named if name not in self._refuted]
        return ", ".join(sorted(left, key=lambda name: name == CPU))


def _named(line: str) -> list[str]:
    if loaded := _LOADED.search(line):
        return [_common(loaded[1])]
    if counted := _COUNTED.search(line):
        return [_common(counted[2])] if int(counted[1]) else []
    if system := _SYSTEM.search(line):
        return _registered(system[1])
    return [name for name, pattern in (("OpenCL", _OPENCL), ("Metal", _METAL)) if pattern.search(line)]


def _registered(told: str) -> list[str]:
    """A build from before backends had names tells what its processor can: that is a plain one, as far as it tells."""
    names = [_common(name) for name in _REGISTERED.findall(told)]
    return names or ([CPU] if _FEATURE.search(told) else [])


def _refuted(line: str) -> set[str]:
    failed, counted = _FAILED.search(line), _COUNTED.search(line)
    if failed:
        return {_common(failed[1])}
    return {_common(counted[2])} if counted and not int(counted[1]) else set()


def _common(name: str) -> str:
    return _NAMES.get(name.lower(), name)
