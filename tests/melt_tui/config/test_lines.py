import pytest

from melt_tui.config.lines import line_of

TEXT = """\
# melt
[[devices]]
address = "host"

[[ devices ]]  # the meter
name = "hvpm"
"quoted key" = 1

[run]
model = "demo"
  turns=3
'pause' = 1
[keys]
run = "r"
"""


@pytest.mark.parametrize(
    ("table", "key", "index", "line"),
    [
        ("devices", "address", 0, 3),
        ("devices", "name", 1, 6),
        ("devices", "quoted key", 1, 7),
        ("devices", "address", 1, 5),
        ("devices", "", 1, 5),
        ("run", "model", 0, 10),
        ("run", "turns", 0, 11),
        ("run", "pause", 0, 12),
        ("run", "missing", 0, 9),
        ("keys", "run", 0, 14),
        ("", "run", 0, 9),
        ("", "devices", 0, 2),
        ("session", "x", 0, None),
    ],
)
def test_where_a_setting_stands(table: str, key: str, index: int, line: int | None) -> None:
    assert line_of(TEXT, table, key, index) == line


@pytest.mark.parametrize(
    ("text", "table", "key", "line"),
    [
        ("a = 1\nrun.turns = 3\n", "run", "turns", 2),
        ("a = 1\nrun = { turns = 3 }\n", "run", "turns", 2),
        ('\ndevices = [{ addres = "x" }]', "devices", "addres", 2),
        ("[devices.x]\n", "devices", "", 1),
        ("[run]\n[run.turns]\n", "run", "turns", 2),
        ("x = 1", "", "x", 1),
        ("", "run", "turns", None),
    ],
)
def test_other_ways_to_write_it(text: str, table: str, key: str, line: int | None) -> None:
    assert line_of(text, table, key) == line
