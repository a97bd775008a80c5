"""Small MELT folders of our own making, in the formats that MELT documents, with a truth that can be reckoned by hand."""

import json
from collections.abc import Sequence
from pathlib import Path

EPOCH = 1_700_000_000.0
"""Of the first prompt's sending, s."""
PREFILL_S = 0.5
STEP_S = 0.1
STEPS = 10
"""Evaluations after the prompt's: a turn has one token more."""
TURN_S = PREFILL_S + STEP_S * STEPS
GAP_S = 8.0
"""From one prompt to the next."""
LOAD_S = 2.0
LEAD_S = 62.0
"""What is measured before the load."""
VOLTS, IDLE_MA, BUSY_MA = 4.0, 250.0, 1000.0


def sent(turn: int) -> float:
    return EPOCH + GAP_S * turn


def load_start() -> float:
    return EPOCH - 4.0


def ns(seconds: float) -> int:
    return round(seconds * 1e9)


def busy(t: float, turns: int) -> bool:
    return any(sent(turn) <= t < sent(turn) + TURN_S for turn in range(turns))


def monsoon(folder: Path, turns: int, hz: int = 100, late_s: float = 0.0) -> None:
    """``late_s``: by how much the meter's clock is late."""
    start = load_start() - LEAD_S
    (folder / ".t_monsoon").write_text(f"{start}\n")
    n = round((sent(turns) - start + 2) * hz)
    with (folder / "measurements_monsoon.csv").open("w") as out:
        for i in range(n):
            current = BUSY_MA if busy(start + i / hz - late_s, turns) else IDLE_MA
            out.write(f"{i / hz:.6f},{current},{VOLTS},\n")


def adb(folder: Path, turns: int) -> None:
    rows = [f"{load_start() + 3 * i:.9f},-1,-1,{20 + i}" for i in range(5)]
    (folder / "measurements_adb.csv").write_text(
        "\n".join(["timestamp,current,voltage,cpu_util", *rows]) + "\n"
    )


def stages(folder: Path) -> None:
    rows = [f"Experiment,{EPOCH - 1},{EPOCH + 30},31,1000,2000"]
    (folder / "measurements_ts.csv").write_text(
        "\n".join(["stage,time_start,time_end,duration,rx,tx", *rows]) + "\n"
    )


def mlc_app(root: Path, turns: int = 2, *, android: bool = True) -> Path:
    """``pixel-6a/MLCChat/zephyr-q4/run_cs1024_mgl256``: one iteration, one conversation."""
    folder = root / "pixel-6a" / "MLCChat" / "zephyr-q4" / "run_cs1024_mgl256"
    inner = folder / "melt_measurements"
    inner.mkdir(parents=True)
    (folder / "configuration.json").write_text(json.dumps({"iterations": 1, "app": "MLCChat"}))
    monsoon(folder, turns)
    stages(folder)
    if android:
        adb(folder, turns)
    events = {"init.start": ns(load_start()), "init.end": ns(load_start() + LOAD_S)}
    records = []
    for turn in range(turns):
        t0 = sent(turn)
        events[f"prefill.{turn}.start"] = ns(t0)
        events[f"prefill.{turn}.end"] = ns(t0 + PREFILL_S)
        for step in range(STEPS):
            number = turn * STEPS + step
            events[f"generate.decode.{number}.start"] = ns(t0 + PREFILL_S + step * STEP_S)
            events[f"generate.decode.{number}.end"] = ns(t0 + PREFILL_S + (step + 1) * STEP_S)
        stats = {
            "prefill": {"throughput": "100.0 tok/s", "total tokens": "50 tok", "total time": "0.5 s"},
            "decode": {"throughput": "10.0 tok/s", "total tokens": f"{STEPS} tok", "total time": "1.0 s"},
        }
        records.append(question(turn, STEPS, json.dumps(stats)))
    (inner / "measurements_iter0_conv0.csv").write_text(
        "".join(f"{k},{v}\n" for k, v in reversed(events.items()))
    )
    (inner / "measurements_iter0.json").write_text(json.dumps([conversation(records)]))
    return folder


def question(turn: int, output_tokens: int, stats: str) -> dict[str, object]:
    return {
        "time": {"start": sent(turn), "duration": TURN_S},
        "input": f"prompt {turn}",
        "output": "an answer",
        "original_session_tokens": turn * 60,
        "input_tokens": 50,
        "output_tokens": output_tokens,
        "runtimeStats": stats,
    }


def conversation(records: Sequence[dict[str, object]]) -> dict[str, object]:
    return {
        "modelName": "zephyr-3b-q4f16_1",
        "modelLoadTime": {"start": load_start(), "duration": LOAD_S},
        "questionRecords": list(records),
    }


def llmfarm(root: Path, turns: int = 2) -> Path:
    """``iphone-14-pro/LLMFarmEval/zephyr-q4_0/run_cs2048_mgl256``, with thermal states."""
    folder = root / "iphone-14-pro" / "LLMFarmEval" / "zephyr-q4_0" / "run_cs2048_mgl256"
    inner = folder / "melt_measurements"
    inner.mkdir(parents=True)
    monsoon(folder, turns)
    events: dict[str, int] = {}
    timings = ["t_start_ms,t_end_ms,t_load_ms,t_sample_ms,t_p_eval_ms,t_eval_ms,n_sample,n_p_eval,n_eval"]
    for turn in range(turns):
        t0 = sent(turn)
        events |= {f"prompt.{turn}.start": ns(t0), f"prompt.{turn}.end": ns(t0 + 0.01)}
        events |= {f"generate.{turn}.decode.0.start": ns(t0 + 0.02)}
        events |= {f"generate.{turn}.decode.0.end": ns(t0 + PREFILL_S)}
        for step in range(STEPS):
            events[f"generate.{turn}.decode.{step + 1}.start"] = ns(t0 + PREFILL_S + step * STEP_S)
            events[f"generate.{turn}.decode.{step + 1}.end"] = ns(t0 + PREFILL_S + (step + 1) * STEP_S)
        timings.append(f"0,1500,900,4,500.0,1000.0,{STEPS + 1},50,{STEPS}")
    (inner / "measurements_iter0_conv0.csv").write_text("".join(f"{k},{v}\n" for k, v in events.items()))
    (inner / "measurements_iter0_timing_conv0.csv").write_text("\n".join(timings) + "\n")
    records = [question(turn, STEPS + 1, "") for turn in range(turns)]
    (inner / "measurements_iter0.json").write_text(json.dumps([conversation(records)]))
    thermals = [(load_start(), "nominal"), (sent(1) + 0.2, "fair"), (sent(1) + 5, "nominal")]
    told = [{"timestamp": t, "state": state} for t, state in thermals]
    (inner / "measurements_iter0_thermals.json").write_text(json.dumps(told))
    return folder


def timing_block(evaluations: int = STEPS, prefix: str = "llama_print_timings") -> str:
    return (
        f"{prefix}:        load time =     525.17 ms\n"
        f"{prefix}:      sample time =       4.28 ms /    {evaluations + 1} runs   (    0.20 ms per token)\n"
        f"{prefix}: prompt eval time =     500.00 ms /    50 tokens (   10.0 ms per token,   100.0 tokens per second)\n"
        f"{prefix}:        eval time =    1000.00 ms /    {evaluations} runs   (  100.0 ms per token)\n"
        f"{prefix}:       total time =   11653.83 ms\n"
    )


def command_line(folder: Path, turns: int, *, device_late_s: float = 0.0, extra_block: bool = False) -> None:
    """What the expect scripts leave of llama.cpp: prompts, stages and output of one conversation."""
    inner = folder / "melt_measurements"
    inner.mkdir(parents=True, exist_ok=True)
    rows = [f"{load_start():.3f},{LOAD_S},load_model"]
    rows += [f'{sent(turn):.3f},{TURN_S + 0.1},"say ""{turn}, now"\\n"' for turn in range(turns)]
    (inner / "measurements_iter0_conv0.csv").write_text(
        "\r\n".join(["start_date,duration,state", *rows]) + "\r\n"
    )
    text = "main: build = 1307 (cb07976)\nllm_load_tensors: mem required = 3647.96 MB\n"
    text += "".join(f"> {turn}\nwords\n{timing_block()}" for turn in range(turns))
    (inner / "llm_output_iter0_conv0.txt").write_text(text + (timing_block(1) if extra_block else ""))
    late = device_late_s
    events = {"load_model.start": ns(load_start() - late), "load_model.end": ns(load_start() + 1.5 - late)}
    number = 0
    for turn in range(turns):
        t0 = sent(turn) - late + 0.05
        events |= {f"prompt.{number}.tokenize.start": ns(t0), f"prompt.{number}.tokenize.end": ns(t0 + 0.001)}
        for step in range(STEPS + 1):
            begin = t0 + 0.002 if step == 0 else t0 + PREFILL_S + (step - 1) * STEP_S
            events[f"generate.{number}.decode.start"] = ns(begin)
            events[f"generate.{number}.decode.end"] = ns(t0 + PREFILL_S + step * STEP_S)
            number += 1
    lines = [f"{name} {value}\n" for name, value in events.items()]
    (inner / "measurements_iter0_conv0.tsv").write_text("".join(reversed(lines)))


def jetson(root: Path, turns: int = 2) -> Path:
    """``orin-nano/LlamaCpp/tinyllama/15w`` with a power log: 10 W and 2 W."""
    folder = root / "orin-nano" / "LlamaCpp" / "tinyllama" / "15w"
    command_line(folder, turns)
    start, hz = load_start() - LEAD_S, 10
    with (folder / "energy_iter0.log").open("w") as out:
        for i in range(round((sent(turns) - start + 2) * hz)):
            t = ns(start + i / hz)
            milliamperes = 2000 if busy(start + i / hz, turns) else 400
            out.write(f"{i}\n{t} current_VDD_IN: {milliamperes} mA\n{t} voltage_VDD_IN: 5000 mV\n")
            out.write(f"{t} power_VDD_IN: {5.0 * milliamperes} mW\n{t} GPU-therm: {41000 + i} mC\n")
            out.write(f"{t} CV0-therm: -256000 mC\n{t} power_NC: 1.0 mW\n")
    return folder
