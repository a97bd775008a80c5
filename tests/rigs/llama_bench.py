"""A program that speaks as llama-bench does and goes wrong on cue. Test equipment.

``python llama_bench.py [--cue NAME]… [llama-bench's own flags]``: strict about flags, rows as build 10605 wrote them.
"""

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

HELP = """usage: llama-bench [options]

options:
  -h, --help
  -r, --repetitions <n>                     number of times to repeat each test (default: 5)
  --delay <0...N> (seconds)                 delay between each test (default: 0)
  -o, --output <csv|json|jsonl|md|sql>      output format printed to stdout (default: md)
  --progress                                print test progress indicators
  --no-warmup                               skip warmup runs before benchmarking
"""
PP_NS, TG_NS = 100_000, 2_000_000
"""One token's time."""
LOAD_S = 0.02
VALUED = {"-m", "-t", "-b", "-ub", "-o", "-r", "-p", "-n", "-pg", "-ngl", "--delay"}
SWITCHES = {"--progress", "--no-warmup"}


def main() -> None:
    words, cues = sys.argv[1:], set[str]()
    while words[:1] == ["--cue"]:
        cues.add(words[1])
        words = words[2:]
    if "--help" in words:
        print(old_help() if "old" in cues else HELP, end="")
        return
    given = parse(list(words))
    assert given["-o"] == ["jsonl"], "the rig writes rows alone"
    if "does not load" in cues:
        print(
            f"llama_model_load: error loading model: missing\nmain: error: failed to load model '{given['-m'][-1]}'",
            file=sys.stderr,
        )
        sys.exit(1)
    repetitions = int(given["-r"][-1])
    tests = tests_of(given)
    for number, (prompt, generated) in enumerate(tests, 1):
        note(f"benchmark {number}/{len(tests)}: starting")
        if number == 1:
            time.sleep(LOAD_S)
        if "--no-warmup" not in words:
            note(f"benchmark {number}/{len(tests)}: warmup {'prompt' if prompt else 'generation'} run")
        samples = [
            run(number, len(tests), at, repetitions, prompt, generated, cues) for at in range(repetitions)
        ]
        print(json.dumps(row(prompt, generated, samples, cues)), flush=True)
        if "diary" in cues:
            with Path(given["-m"][-1]).with_name("diary").open("a") as diary:
                diary.write(f"{time.monotonic_ns()}\n")


def old_help() -> str:
    return "\n".join(line for line in HELP.splitlines() if "progress" not in line).replace("jsonl|", "")


def parse(words: list[str]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {"-r": ["5"], "-p": [], "-n": [], "-pg": []}
    while words:
        word = words.pop(0)
        if word in SWITCHES:
            continue
        if word not in VALUED or not words:
            print(f"error: invalid parameter for argument: {word}", file=sys.stderr)
            sys.exit(1)
        given.setdefault(word, []).append(words.pop(0))
    return given


def tests_of(given: dict[str, list[str]]) -> list[tuple[int, int]]:
    prompts = [int(part) for value in given["-p"] or ["512"] for part in value.split(",")]
    generated = [int(part) for value in given["-n"] or ["128"] for part in value.split(",")]
    both = [tuple(int(part) for part in value.split(",")) for value in given["-pg"]]
    return (
        [(count, 0) for count in prompts if count]
        + [(0, count) for count in generated if count]
        + [(one[0], one[1]) for one in both]
    )


def run(
    number: int, tests: int, at: int, repetitions: int, prompt: int, generated: int, cues: set[str]
) -> int:
    where = f"benchmark {number}/{tests}"
    length_ns = prompt * PP_NS + generated * TG_NS
    for phase, tokens in (("prompt", prompt), ("generation", generated)):
        if tokens and "no progress" not in cues:
            note(f"{where}: {phase} run {at + 1}/{repetitions}")
    if number == 3:
        go_wrong(cues)
    time.sleep(min(0.05, length_ns / 1e9))
    return length_ns


def go_wrong(cues: set[str]) -> None:
    if "dies" in cues:
        os.kill(os.getpid(), signal.SIGKILL)
    if "silent" in cues:
        time.sleep(3600)
    if "half a line" in cues:
        sys.stdout.write('{"build_commit": "f6f0')
        sys.exit(0)
    if "garbage" in cues:
        print("{not json}", flush=True)
        time.sleep(3600)


def row(prompt: int, generated: int, samples: list[int], cues: set[str]) -> dict[str, object]:
    average = sum(samples) / len(samples)
    told: dict[str, object] = {
        "build_commit": "f6f0d9f", "build_number": 10605, "cpu_info": "rig", "gpu_info": "", "backends": "CPU",
        "model_filename": "/m/x.gguf", "model_type": "llama 1B Q4_0", "n_batch": 64, "n_ubatch": 512, "n_threads": 3,
        "load_mode": "mmap", "n_prompt": prompt, "n_gen": generated, "n_depth": 0,
        "test_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "avg_ns": average, "stddev_ns": 0, "avg_ts": 1e9 * (prompt + generated) / average, "samples_ns": samples,
    }  # fmt: skip
    if "terse" in cues:
        kept = {"n_prompt", "n_gen", "avg_ns"}
        return {name: value for name, value in told.items() if name in kept}
    return told


def note(text: str) -> None:
    print(f"llama-bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
