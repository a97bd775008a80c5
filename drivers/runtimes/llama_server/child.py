"""Our own engine's process: xllamacpp's server on 127.0.0.1, ended by the end of its standard input.

Run as ``python -m drivers.runtimes.llama_server.child --model …``. Prints one line of JSON (``protocol.ready_line`` or
``protocol.failed_line``); whatever else it prints is the engine's. While a model loads the engine holds the
interpreter: then the guard that every local process has ends it.
"""

import argparse
import importlib
import importlib.metadata
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from drivers.errors import DriverError, NotSupported
from drivers.runtimes.llama_server.processor import MISSING_LIBGOMP, MISSING_PACKAGE, processor_objection
from drivers.runtimes.llama_server.protocol import failed_line, ready_line

LOAD_MODES: Mapping[str, tuple[str, bool]] = {
    "none": ("LLAMA_LOAD_MODE_NONE", False),
    "mmap": ("LLAMA_LOAD_MODE_MMAP", True),
    "mlock": ("LLAMA_LOAD_MODE_MLOCK", False),
}
"""Name in newer builds, and ``use_mmap`` of older ones."""


def main() -> int:
    """Serve until standard input ends, or say why that cannot be; the exit code."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        server, line = _serve(_options())
    except DriverError as error:
        _say(failed_line(type(error).__name__, error.sentence, error.remedy))
        return 1
    except RuntimeError as error:
        _say(failed_line("RunFailed", str(error), ""))
        return 1
    _say(line)
    threading.Event().wait()
    del server
    return 0


def _serve(options: argparse.Namespace) -> tuple[object, str]:
    """The server, to be kept, and the line that says where it listens."""
    engine = _load_engine()
    params = engine.CommonParams()
    ignored = _set_parameters(engine, params, options)
    started = time.monotonic()
    server = engine.Server(params)
    line = ready_line(
        port=urlsplit(server.listening_address).port or 0,
        load_s=time.monotonic() - started,
        build=f"xllamacpp {importlib.metadata.version('xllamacpp')}",
        backend=_backend(engine),
        ignored=", ".join(ignored),
    )
    return server, line


def _load_engine() -> ModuleType:
    objection = processor_objection()
    if objection:
        raise objection
    try:
        return importlib.import_module("xllamacpp")
    except ModuleNotFoundError:
        raise MISSING_PACKAGE from None
    except ImportError as error:
        if "libgomp" in str(error):
            raise MISSING_LIBGOMP from None
        raise NotSupported(f"the engine for this computer cannot be loaded: {error}") from None


def _set_parameters(engine: ModuleType, params: Any, options: argparse.Namespace) -> list[str]:
    """Set what we rely on, raising NotSupported where it is missing; names of what could be left out and was."""
    params.model.path = options.model
    for owner, name, value in (
        (params, "port", 0),
        (params, "n_ctx", options.context),
        (params, "n_batch", options.batch),
        (params, "n_parallel", 1),
        (params.cpuparams, "n_threads", options.threads),
    ):
        if not _set(owner, name, value):
            raise NotSupported(
                f"the installed xllamacpp has no parameter {name}", remedy=MISSING_PACKAGE.remedy
            )
    wanted: dict[str, Callable[[], bool]] = {
        "endpoint_slots": lambda: _set(params, "endpoint_slots", value=True),
        "cache_ram_mib": lambda: _set(params, "cache_ram_mib", value=0),
        "load_mode": lambda: _set_load_mode(engine, params, options.load_mode),
        "threads_batch": lambda: _set(
            params.cpuparams_batch, "n_threads", options.threads_batch or options.threads
        ),
        "n_ubatch": lambda: _set(params, "n_ubatch", options.ubatch_size or options.batch),
        "endpoint_metrics": lambda: _set(params, "endpoint_metrics", options.metrics == "on"),
        "verbosity": lambda: _set(params, "verbosity", options.verbosity),
        "warmup": lambda: _set(params, "warmup", options.warmup == "on"),
    }
    return [name for name, apply in wanted.items() if not apply()]


def _set(owner: Any, name: str, value: object) -> bool:
    if not hasattr(owner, name):
        return False
    setattr(owner, name, value)
    return True


def _set_load_mode(engine: ModuleType, params: Any, name: str) -> bool:
    mode, mapped = LOAD_MODES[name]
    modes = getattr(engine, "llama_load_mode", None)
    if hasattr(modes, mode):
        return _set(params, "load_mode", getattr(modes, mode))
    return _set(params, "use_mmap", mapped)


def _backend(engine: ModuleType) -> str:
    """``cpu``, or the names of the graphics processors that layers go to by default."""
    if not hasattr(engine, "get_device_info"):
        return ""
    graphics = [
        str(device["name"])
        for device in engine.get_device_info()
        if not getattr(device["type"], "name", "CPU").endswith("CPU")
    ]
    return ", ".join(graphics) or "cpu"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="melt-engine", exit_on_error=False)
    parser.add_argument("--model", required=True)
    for name in ("--context", "--batch", "--threads"):
        parser.add_argument(name, type=int, required=True)
    for name in ("--threads-batch", "--ubatch-size"):
        parser.add_argument(name, type=int)
    parser.add_argument("--verbosity", type=int, default=3)
    parser.add_argument("--load-mode", choices=tuple(LOAD_MODES), default="none")
    parser.add_argument("--metrics", choices=("on", "off"), default="off")
    parser.add_argument("--warmup", choices=("on", "off"), default="on")
    try:
        return parser.parse_args()
    except argparse.ArgumentError as error:
        raise NotSupported(f"the engine for this computer refuses a flag: {error}") from None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
