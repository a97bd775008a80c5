import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melt_tui.errors import BadImport
from melt_tui.importing.operators import lines_of_log, of_log


def node(number: int, op: str, wall: float, shape: str = "[  4096,     2,     1]") -> str:
    return f" - {number:3d}: {shape} {op:>16s}   (  1) cpu = {2 * wall:7.3f} / {2 * wall:7.3f} ms, wall = {wall:7.3f} / {wall:7.3f} ms"


GRAPH = [
    "llama_model_loader: - tensor    0: token_embd.weight q4_0 [ 4096, 32000, 1, 1 ]",
    "=== GRAPH ===",
    "n_nodes = 3",
    node(0, "MUL_MAT", 6.0),
    node(1, "MUL_MAT", 3.0, "[    32,     2,     1]"),
    node(2, "ADD", 1.0),
    "n_leafs = 1",
    "perf_total_per_op_us[         MUL_MAT] =   9.000 ms",
    "=" * 40,
]


def report(calls: list[tuple[str, float, int]]) -> str:
    return json.dumps(
        {
            "calls": [
                {
                    "Percent": {"percent": 10.0},
                    "Count": {"count": count},
                    "Device": {"string": "vulkan0"},
                    "Duration (us)": {"microseconds": us},
                    "Name": {"string": name},
                    "Argument Shapes": {"string": "float16[1]"},
                }
                for name, us, count in calls
            ],
            "device_metrics": {"vulkan0": {"Duration (us)": {"microseconds": 500.0}}},
            "configuration": {"Number of threads": {"count": 4}, "Executor": {"string": "VM"}},
        }
    )


def log(tmp_path: Path, lines: list[str]) -> Path:
    path = tmp_path / "ops.log"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_graphs_of_llama_cpp_by_operator_and_by_module(tmp_path: Path) -> None:
    told = of_log(log(tmp_path, GRAPH + GRAPH))
    assert (told.graphs, told.notes) == (2, [])
    assert [(row.op, row.calls, row.wall_ms, row.cpu_ms) for row in told.per_op] == [
        ("MUL_MAT", 4, 18.0, 36.0),
        ("ADD", 2, 2.0, 4.0),
    ]
    assert told.per_op[0].share == pytest.approx(0.9)
    assert [(row.module, row.op, row.calls) for row in told.per_module] == [
        ("4096×2×1", "MUL_MAT", 2),
        ("32×2×1", "MUL_MAT", 2),
        ("4096×2×1", "ADD", 2),
    ]
    text = "\n".join(lines_of_log(told))
    assert text.startswith("imported operators of llama.cpp, ops.log")
    assert "MUL_MAT" in text


def test_reports_of_mlc_whole_and_in_pieces(tmp_path: Path) -> None:
    whole = report([("fused_dequantize_matmul", 900.0, 3), ("softmax", 100.0, 1)])
    other = report([("fused_dequantize_matmul", 1000.0, 3)])
    cut = [other[:60], other[60:200], other[200:]]
    lines = ["I/mlc: Report from function prefill:", whole, "noise"]
    for at, piece in enumerate(cut):
        lines += [f"01-01 I/mlc: Report from function decode[{at}/2]:", piece]
    told = of_log(log(tmp_path, lines))
    assert (told.graphs, told.notes) == (2, [])
    assert {(row.module, row.op): row.wall_ms for row in told.per_module} == {
        ("prefill", "fused_dequantize_matmul"): 0.9,
        ("prefill", "softmax"): 0.1,
        ("decode", "fused_dequantize_matmul"): 1.0,
    }
    shares = {(row.module, row.op): row.share for row in told.per_module}
    assert shares["prefill", "softmax"] == pytest.approx(0.1), "of its own function, as MELT normalises"
    assert told.per_op[0].wall_ms == pytest.approx(1.9)
    assert told.per_op[0].calls == 6
    assert told.devices == {"prefill": {"vulkan0": 0.5}, "decode": {"vulkan0": 0.5}}
    assert told.configuration == {"Number of threads": "4", "Executor": "VM"}


@pytest.mark.parametrize(
    "lines", [[], ["nothing"], ["n_nodes = 3", "x"], ["Report from function decode:", "{"]]
)
def test_no_log_of_operators(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(BadImport, match="holds no operator"):
        of_log(log(tmp_path, lines))


def test_a_log_that_was_cut_off(tmp_path: Path) -> None:
    told = of_log(log(tmp_path, GRAPH + GRAPH[:4]))
    assert told.per_op[0].calls == 3
    assert "could not be read: the log was cut off there" in told.notes[0]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_text_is_a_table_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    piece = st.one_of(
        st.sampled_from(
            [*GRAPH, "n_nodes = 9999999", "Report from function f[0/2]:", report([("a", 1.0, 1)]), "{}", "[]"]
        ),
        st.text(max_size=40),
    )
    lines = data.draw(st.lists(piece, max_size=12))
    with suppress(BadImport):
        told = of_log(log(tmp_path, lines))
        assert told.per_op
        assert sum(row.calls for row in told.per_op) == sum(row.calls for row in told.per_module)
        assert all("\x1b" not in line for line in lines_of_log(told))
