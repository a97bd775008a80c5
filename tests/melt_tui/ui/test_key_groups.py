from melt_tui.ui.commands import BENCH_KEYS, LIBRARY_KEYS
from melt_tui.ui.key_groups import key_groups


def test_the_key_line_follows_the_table_and_the_remapping() -> None:
    groups = {group.label: group.keys for group in key_groups(BENCH_KEYS, {"run": "R,f2"}, live=True)}
    assert groups["Run"] == (("R", "run"),)
    assert groups["Event"] == (("[", "previous_event"), ("]", "next_event"))
    assert "Run" not in {group.label for group in key_groups(BENCH_KEYS, {}, live=False)}
    assert next(group.label for group in key_groups(LIBRARY_KEYS, {}, live=True)) == "Replay"
