"""What our own engine needs, looked at before anything is started."""

import ctypes
import importlib.util
import os
import sys

import psutil

from drivers.errors import DriverError, NotSupported
from drivers.model import RunSpec
from drivers.runs.args import MODEL_FLAGS, binary_of, flag_words
from drivers.runs.fitting import model_file_objection, size_of
from drivers.runs.memory import memory_objection
from drivers.runtimes.llama_server.flags import MOST_THREADS, engine_flags
from drivers.runtimes.llama_server.processor import MISSING_LIBGOMP, MISSING_PACKAGE, processor_objection

LEAST_CONTEXT = 256
"""The engine rounds a context up to a multiple of that."""
LEAST_BATCH = 2
"""The engine warms up with two tokens, and dies when they do not fit."""


def refusal(spec: RunSpec) -> str:
    """Why this run cannot work here, in one sentence with the remedy; empty when nothing is known against it."""
    objection = find_objection(spec)
    return str(objection) if objection else ""


def find_objection(spec: RunSpec) -> DriverError | None:
    """The same as an error to raise. A server that already runs needs nothing of ours."""
    if spec.url:
        return None
    return (
        _flags_objection(spec)
        or shape_objection(spec)
        or model_objection(spec, available_bytes())
        or _own_engine_objection(spec)
    )


def foreseen_objection(spec: RunSpec) -> DriverError | None:
    """The same before the model's file is there: what its description alone tells.

    Of another device nothing is known before it is asked.
    """
    if spec.url or spec.model is None:
        return None
    if spec.home:
        return _flags_objection(spec) or _threads_objection(spec.threads) or _batch_objection(spec)
    memory = memory_objection(spec.model, spec.model.size_bytes, spec.context, available_bytes())
    return _flags_objection(spec) or shape_objection(spec) or memory or _own_engine_objection(spec)


def shape_objection(spec: RunSpec) -> DriverError | None:
    """Threads, context and batch that the engine would change without a word, or die of."""
    small = _context_objection(spec.context) if not binary_of(spec.args) else None
    return small or _threads_objection(spec.threads) or _batch_objection(spec)


def default_threads() -> int:
    """All but one of the cores that we may use, at least one: with all of them the engine falls behind any other load."""
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, usable - 1)


def available_bytes() -> int:
    """Memory that can be had without swapping, in bytes."""
    return int(psutil.virtual_memory().available)


def model_objection(spec: RunSpec, available: int) -> DriverError | None:
    """What speaks against the model file, given so many bytes of memory."""
    objection = model_file_objection(spec)
    if objection is not None or spec.model is None:
        return objection
    return memory_objection(spec.model, size_of(spec.model), spec.context, available)


def engine_objection() -> DriverError | None:
    """What keeps our own engine from starting on this computer at all."""
    if importlib.util.find_spec("xllamacpp") is None:
        return MISSING_PACKAGE
    return processor_objection() or _library_objection()


def _own_engine_objection(spec: RunSpec) -> DriverError | None:
    return None if binary_of(spec.args) else engine_objection()


def _context_objection(context: int) -> DriverError | None:
    if context >= LEAST_CONTEXT:
        return None
    return NotSupported(
        f"a context of {context} tokens is less than the engine can make",
        remedy=f"take a context of at least {LEAST_CONTEXT}",
    )


def _threads_objection(threads: int | None) -> DriverError | None:
    if threads is None or threads <= MOST_THREADS:
        return None
    return NotSupported(
        f"{threads} threads are more than the engine can take", remedy=f"take at most {MOST_THREADS}"
    )


def _batch_objection(spec: RunSpec) -> DriverError | None:
    if not LEAST_BATCH <= spec.batch <= spec.context:
        return NotSupported(
            f"a prompt batch of {spec.batch} tokens cannot be had with a context of {spec.context}",
            remedy=f"take a batch of {LEAST_BATCH} to {spec.context}",
        )
    own = {} if spec.home or binary_of(spec.args) else engine_flags(spec.args)
    compute = int(own.get("--ubatch-size", spec.batch))
    if compute <= spec.batch:
        return None
    return NotSupported(
        f"a compute batch of {compute} tokens is more than the prompt batch of {spec.batch}",
        remedy="take a smaller --ubatch-size or a larger --batch",
    )


def _library_objection() -> DriverError | None:
    """The package is linked against the system's OpenMP library on Linux."""
    if sys.platform != "linux":
        return None
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return MISSING_LIBGOMP
    return None


def _flags_objection(spec: RunSpec) -> DriverError | None:
    """What our own engine does not take; of a program, what would have it run another model than is recorded."""
    taken = next((word for word in flag_words(spec.args) if word in MODEL_FLAGS), None)
    if taken:
        return NotSupported(f"{taken} is not for --runtime-arg", remedy="--model says it")
    try:
        if not spec.home and not binary_of(spec.args):
            engine_flags(spec.args)
    except NotSupported as objection:
        return objection
    return None
