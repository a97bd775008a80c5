"""The words of the command line: verbs and options, said once. No meaning yet, and no import that costs."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from melt_tui import __version__
from melt_tui.cli.bringing import edit_options, import_options
from melt_tui.cli.fair import fair_options
from melt_tui.cli.handing import export_options, report_options
from melt_tui.cli.keeping import sessions_options, trim_options
from melt_tui.cli.typed import count, fraction, number, point, words


class Parser(argparse.ArgumentParser):
    """Says what was wrong and what to do in one line."""

    def error(self, message: str) -> NoReturn:
        """Print one sentence and leave with 2."""
        self.exit(2, f"melt: {message}; see {self.prog} --help\n")


def parser() -> Parser:
    """The whole command line."""
    common = _common()
    root = Parser(
        prog="melt",
        parents=[common],
        description="Watch, record, replay and compare LLM inference on phones, boards and this computer.",
    )
    root.add_argument("--version", action="version", version=f"melt {__version__}")
    _session_options(root)
    verbs = root.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    _add(verbs, "demo", common, "a real run on this computer beside simulated devices", _demo)
    _add(verbs, "watch", common, "watch devices without starting anything", _watch)
    _add(verbs, "run", common, "run a model on devices, and record it", _run)
    _add(
        verbs,
        "devices",
        common,
        "what can be opened, what cannot and why; devices of the config file",
        _devices,
    )
    _add(verbs, "setup", common, "put an engine, and a model, on a phone or board", _setup)
    _add(verbs, "supply", common, "set or cut what a meter supplies to the device that it feeds", _supply)
    _add(verbs, "sessions", common, "the recordings; delete old ones when asked to", sessions_options)
    _add(verbs, "summary", common, "the figures of a recording", _summary)
    _add(
        verbs,
        "align",
        common,
        "a meter's clock against the device that it feeds, by power edges or a logic line",
        _align,
    )
    _add(verbs, "analyse", common, "look for throttling in a recording again", _analyse)
    _add(
        verbs, "compare", common, "is one run better than another? runs of recordings side by side", _compare
    )
    _add(verbs, "replay", common, "look back into a recording", _file)
    _add(verbs, "export", common, "recordings as a table, or as a trace for Perfetto", export_options)
    _add(verbs, "report", common, "recordings as one page: figures, plots, set-up, caveats", report_options)
    _add(verbs, "import", common, "what other tools measured, as a recording", import_options)
    _add(
        verbs, "edit", common, "correct what was wrongly set in a recording, or take that back", edit_options
    )
    _add(verbs, "trim", common, "a span of a recording, or all of it downsampled, as a new one", trim_options)
    _add(verbs, "doctor", common, "check this computer, with a remedy for each fault", _json_only)
    return root


def _add(
    verbs: "argparse._SubParsersAction[Parser]",
    name: str,
    common: Parser,
    text: str,
    fill: Callable[[argparse.ArgumentParser], None],
) -> None:
    fill(verbs.add_parser(name, parents=[common], help=text, description=f"{text[0].upper()}{text[1:]}."))


def _common() -> Parser:
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--debug", action="store_true", help="add the traceback to an error")
    common.add_argument("--config", type=Path, metavar="FILE", help="configuration to use")
    return common


def _session_options(into: argparse.ArgumentParser) -> None:
    into.add_argument(
        "--device", action="append", metavar="ADDRESS", default=argparse.SUPPRESS, help=ADDRESS_HELP
    )
    into.add_argument("--record", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="file to write")


ADDRESS_HELP = (
    "host, adb:SERIAL, ios:UDID, ssh://user@host:port, sim:phone, sim:jetson, sim:meter, or a name of the config file; "
    "may be given more than once"
)


def _headless_options(into: argparse.ArgumentParser) -> None:
    into.add_argument(
        "--headless", action="store_true", help="no screen: progress on stderr, results on stdout"
    )
    into.add_argument("--json", action="store_true", help="results as JSON")


def _demo(into: argparse.ArgumentParser) -> None:
    into.add_argument("--no-simulated", action="store_true", help="leave the simulated devices out")
    into.add_argument("--record", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="file to write")
    into.add_argument("--seconds", type=fraction, metavar="S", help="leave after that many seconds")
    _headless_options(into)


def _watch(into: argparse.ArgumentParser) -> None:
    _session_options(into)
    into.add_argument("--seconds", type=fraction, metavar="S", help="leave after that many seconds")
    _headless_options(into)


def _run(into: argparse.ArgumentParser) -> None:
    _session_options(into)
    for name, kind, metavar, text in RUN_OPTIONS:
        into.add_argument(f"--{name}", type=kind, metavar=metavar, help=text)
    fair_options(into)
    into.add_argument(
        "--ignore-eos", action="store_true", default=None, help="go on past the end-of-text token"
    )
    into.add_argument(
        "--runtime-arg",
        action="append",
        metavar="ARG",
        help="passed to the runtime as it is; write --runtime-arg=--flag",
    )
    into.add_argument(
        "--on-link-loss",
        choices=("stop", "keep"),
        help="when the link to a device goes: end there at once (default), or go on and be taken up again",
    )
    into.add_argument(
        "--lease", type=fraction, metavar="S", help="with keep: end there after so long without us (900)"
    )
    _headless_options(into)


def _devices(into: argparse.ArgumentParser) -> None:
    acts = into.add_mutually_exclusive_group()
    acts.add_argument("--add", metavar="ADDRESS", type=words, help="keep a device in the config file")
    acts.add_argument("--rename", nargs=2, metavar=("OLD", "NEW"), help="call it otherwise")
    acts.add_argument("--forget", metavar="NAME", type=words, help="take it out of the config file")
    acts.add_argument("--trust", metavar="ADDRESS", type=words, help="show the key of a board, and accept it")
    acts.add_argument("--wifi", metavar="ADDRESS", type=words, help="move a phone to adb over Wi-Fi")
    for name, text in (
        ("name", "with --add: what it is called"),
        ("colour", "with --add: its colour, as cyan or #ff8800"),
        ("feeds", "with --add, of a meter: the device that it feeds"),
        ("point", "with --feeds: what it measures, as usb-input"),
    ):
        into.add_argument(f"--{name}", type=words, metavar=name.upper(), help=text)
    into.add_argument("--yes", action="store_true", help="with --trust: accept the key without asking")
    _json_only(into)


def _setup(into: argparse.ArgumentParser) -> None:
    into.add_argument(
        "device", metavar="DEVICE", help="adb:SERIAL, ssh://user@host:port or a name of the config file"
    )
    into.add_argument("--runtime", type=words, default="llama_server", help="default: llama_server")
    into.add_argument(
        "--from",
        dest="source",
        type=words,
        metavar="PATH|URL",
        help="archive, folder or program of another build",
    )
    into.add_argument("--sha256", type=words, metavar="SUM", help="of the archive at that URL")
    into.add_argument(
        "--model", type=words, metavar="MODEL|URL", help="put this model there, too; a URL is fetched first"
    )
    into.add_argument(
        "--model-sha256",
        type=words,
        metavar="SUM",
        help="what the sha256 of the file has to be that --model names: of a model in several files the first, "
        "checked before the others are fetched",
    )
    _json_only(into)


def _supply(into: argparse.ArgumentParser) -> None:
    into.add_argument("meter", metavar="METER", help="its name in the config file, or its address")
    into.add_argument("--voltage", type=fraction, metavar="V", help="supply this voltage")
    switch = into.add_mutually_exclusive_group()
    switch.add_argument("--on", action="store_true", help="let current through to the device")
    switch.add_argument("--off", action="store_true", help="cut it")
    into.add_argument("--yes", action="store_true", help="do it without asking")
    _json_only(into)


def _file(into: argparse.ArgumentParser) -> None:
    into.add_argument("file", type=Path, metavar="FILE")


def _summary(into: argparse.ArgumentParser) -> None:
    _file(into)
    into.add_argument(
        "--sum",
        action="append",
        type=point,
        metavar="POINT",
        default=[],
        help="several meters of a device at this point measure parts of it: sum them up",
    )
    _json_only(into)


def _align(into: argparse.ArgumentParser) -> None:
    _file(into)
    acts = into.add_mutually_exclusive_group()
    acts.add_argument(
        "--apply", action="store_true", help="move times of meters that are surely off, on reading"
    )
    acts.add_argument("--undo", action="store_true", help="read them as they were measured again")
    into.add_argument("--meter", type=words, metavar="NAME", default=None, help="this one alone")
    into.add_argument(
        "--line",
        type=words,
        metavar="NAME[=MOMENT]",
        default=None,
        help="by a logic line of the meter that the device moves with its turns, as D0 or trigger; with where it leaves its"
        " rest: =prompt, =first-token or =last-token",
    )
    _json_only(into)


def _analyse(into: argparse.ArgumentParser) -> None:
    _file(into)
    into.add_argument("--detector", type=words, metavar="NAME", default=None, help="which one looks")
    into.add_argument(
        "--set",
        action="append",
        type=words,
        metavar="NAME=NUMBER",
        default=[],
        help="a parameter of the detector, as below=0.95; may be given more than once",
    )
    _json_only(into)


def _compare(into: argparse.ArgumentParser) -> None:
    into.add_argument(
        "source",
        nargs="+",
        metavar="FILE[#RUN]",
        help="recordings, or one run of each by its number, id or device; the first is what others are measured against",
    )
    into.add_argument(
        "--group",
        type=words,
        default=None,
        metavar="NAMES",
        help="which belong together: a name for each, as old,new,new,old, or by file, device, model, quantisation, runtime, "
        "threads, workload; default: each for itself",
    )
    into.add_argument(
        "--align",
        type=words,
        default="start",
        metavar="MOMENT",
        help="start (default), first-token, mark:NAME, onset, or seconds by which the others are moved; several with commas",
    )
    into.add_argument(
        "--x",
        choices=("time", "tokens", "joules"),
        default="time",
        help="along what they are laid over one another",
    )
    into.add_argument(
        "--fail-if",
        action="append",
        type=words,
        default=[],
        metavar="CONDITION",
        help="leave with 3 where it holds, as 'decode_tps<-3%%'; may be given more than once",
    )
    into.add_argument("--headless", action="store_true", help="as text, also on a terminal")
    _json_only(into)


def _json_only(into: argparse.ArgumentParser) -> None:
    into.add_argument("--json", action="store_true", help="results as JSON")


RUN_OPTIONS: tuple[tuple[str, Callable[[str], object], str, str], ...] = (
    (
        "model",
        words,
        "MODEL",
        "demo, synthetic:SHAPE, the path of a GGUF file (of the first of several), or its URL: it is fetched once",
    ),
    (
        "runtime",
        words,
        "RUNTIME",
        "inference engine; default: each device's best; NAME@DEVICE for one device, several with commas",
    ),
    (
        "workload",
        words,
        "WORKLOAD",
        "chat, sustained, ppN/tgM (as pp512/tg128) or the path of a JSON file; none, with --url: only watch",
    ),
    ("turns", count, "N", "measured turns"),
    ("seconds", fraction, "S", "end after that many seconds of work"),
    ("max-tokens", count, "N", "output tokens of a turn, at most"),
    ("repeat", count, "N", "how often the whole workload is run"),
    ("warmup", number, "N", "turns before the measured ones"),
    ("pause", fraction, "S", "pause between turns"),
    (
        "baseline",
        fraction,
        "S",
        "leave the devices alone so long before it: energies above idle are reckoned from that",
    ),
    ("threads", count, "N", "default: all cores but one"),
    ("context", count, "N", "context length in tokens"),
    ("batch", count, "N", "prompt batch in tokens"),
    ("temperature", fraction, "T", "sampling temperature; 0 is greedy"),
    ("top-k", number, "N", "sampling: the K likeliest tokens"),
    ("top-p", fraction, "P", "sampling: the likeliest tokens up to this sum"),
    ("seed", number, "N", "sampling seed"),
    ("url", words, "URL", "attach to a llama-server that is already running"),
)
"""Options of a run: name, type, metavar, help. ``config.py`` knows the same names."""
