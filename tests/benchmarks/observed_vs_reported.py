"""The real engine on this computer: observed against reported decode rate, time to stop, and what it costs us.

    python tests/benchmarks/observed_vs_reported.py [--quick] [--shape NAME]

Observed: from our own arrival stamps. Reported: from the engine's times. Both of the same turn, 256 tokens, one thread.
Stopping: from ``stop()`` to the end of the run with the engine gone. CPU: this process's own, while tokens come.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from drivers.clock import SystemClock
from drivers.events import FirstToken, PrefillProgress, ProcessStarted, TurnEnded, TurnStarted
from drivers.links.local import LocalShell
from drivers.model import Prompt, RunSpec, Samples, Workload
from drivers.modelfile import ModelFile
from drivers.runtimes.llama_server.driver import LlamaServer
from melt_tui.measures import rates
from melt_tui.models import synthetic
from melt_tui.models.shapes import SHAPES, Quantisation
from tests.rigs.installed import report

TOKENS = 256


@dataclass
class Turns:
    """What the turns of one run told."""

    ended: list[TurnEnded] = field(default_factory=list)
    lateness_s: list[float] = field(default_factory=list)
    """Time to the first token, less the engine's own time for the prompt."""
    cpu_s: float = 0.0
    wall_s: float = 0.0


def spec_of(model: ModelFile, workload: Workload) -> RunSpec:
    return RunSpec(
        run="r",
        device="host",
        runtime="llama_server",
        model=model,
        workload=workload,
        threads=1,
        context=2048,
    )


def workload(turns: int, max_tokens: int) -> Workload:
    prompt = Prompt(tokens=tuple(range(300, 364)))
    return Workload(
        name="bench", conversations=((prompt,),), max_tokens=max_tokens, share_context=False, chat=False,
        ignore_eos=True, repeat=turns, warmup=1,
    )  # fmt: skip


async def measure(model: ModelFile, turns: int) -> Turns:
    clock, told, ttft_s = SystemClock(), Turns(), 0.0
    began = 0.0, 0.0
    async with aclosing(
        LlamaServer().run(spec_of(model, workload(turns, TOKENS)), LocalShell(clock), clock)
    ) as items:
        async for item in items:
            if isinstance(item, TurnStarted) and item.turn == 2:
                began = time.process_time(), time.monotonic()
            ttft_s = (item.ttft_s or 0.0) if isinstance(item, FirstToken) else ttft_s
            if isinstance(item, TurnEnded) and item.turn > 1:
                told.ended.append(item)
                told.lateness_s.append(ttft_s - (item.prompt_s or 0))
                told.cpu_s, told.wall_s = time.process_time() - began[0], time.monotonic() - began[1]
    return told


async def stopping(model: ModelFile, *, in_prompt: bool) -> float:
    """Seconds from ``stop()`` to the end, in the middle of an answer or of a long prompt."""
    clock, runtime, asked = SystemClock(), LlamaServer(), 0.0
    prompt = Prompt(tokens=tuple(300 + at % 1000 for at in range(1800)))
    work = Workload(
        name="stop",
        conversations=((prompt if in_prompt else Prompt(tokens=(1, 2, 3)),),),
        max_tokens=100,
        chat=False,
        ignore_eos=True,
        repeat=0,
    )
    pid = 0
    async with aclosing(runtime.run(spec_of(model, work), LocalShell(clock), clock)) as items:
        async for item in items:
            pid = item.pid if isinstance(item, ProcessStarted) else pid
            if not asked and isinstance(item, PrefillProgress if in_prompt else Samples):
                asked = time.monotonic()
                await runtime.stop()
    took_s = time.monotonic() - asked
    if alive(pid):
        raise SystemExit(f"process {pid} is still there")
    return took_s


def alive(pid: int) -> bool:
    try:
        return " (zombie)" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def differences(turns: Sequence[TurnEnded]) -> list[float]:
    """Observed over reported decode rate, less one, of each turn."""
    return [
        (rates.decode_rate(turn.output_tokens, turn.first_token_ns, turn.last_token_ns) or 0)
        / (rates.reported_decode_rate(turn.output_tokens, turn.decode_s) or 1)
        - 1
        for turn in turns
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--shape", default="demo-77m", choices=sorted(SHAPES))
    options = parser.parse_args()
    turns = 3 if options.quick else 10
    with tempfile.TemporaryDirectory() as folder:
        model = synthetic.provide(SHAPES[options.shape], Quantisation.Q4_0, Path(folder), lambda _: None)
        told = asyncio.run(measure(model, turns))
        stops = {
            moment: [asyncio.run(stopping(model, in_prompt=moment == "prompt")) for _ in range(turns)]
            for moment in ("answer", "prompt")
        }
    return 0 if tell(told, stops) else 1


def tell(told: Turns, stops: dict[str, list[float]]) -> bool:
    off = differences(told.ended)
    reported = [rates.reported_decode_rate(turn.output_tokens, turn.decode_s) or 0 for turn in told.ended]
    print(f"turns of {TOKENS} tokens: {len(off)}, {statistics.median(reported):.1f} tok/s reported")
    print(f"observed / reported - 1: median {statistics.median(off):+.3%}, worst {max(off, key=abs):+.3%}")
    print(f"TTFT less the engine's prompt time: median {statistics.median(told.lateness_s) * 1e3:.1f} ms")
    print(f"own CPU while tokens come: {told.cpu_s / told.wall_s:.1%} of one core")
    good = [report("observed off the reported decode rate, 256 tokens, %", 100 * max(map(abs, off)), 1.0)]
    for moment, took in stops.items():
        good.append(report(f"stop in {moment} to its end, longest, s", max(took), 1.0))
    return all(good)


if __name__ == "__main__":
    raise SystemExit(main())
