"""``melt sessions --prune``: delete recordings that are too old, or too many. Only when it is asked for."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from drivers.clock import SystemClock
from melt_tui import format as fmt
from melt_tui.cli.options import config_of, recordings_folder
from melt_tui.cli.output import progress, result, result_json
from melt_tui.config import Config
from melt_tui.errors import UsageError
from melt_tui.store.retention import Keep, Verdict, prune, verdicts


def asked(options: Namespace) -> bool:
    """Whether it is. Raises UsageError for what belongs to it alone."""
    if not options.prune:
        given = {"--dry-run": options.dry_run, "--keep-days": options.keep_days, "--keep-gb": options.keep_gb}
        alone = next((name for name, value in given.items() if value is not None and value is not False), "")
        if alone:
            raise UsageError(f"{alone} is of --prune", "add --prune")
    return bool(options.prune)


def carry_out(options: Namespace) -> int:
    """Delete, or say what would be; 1 where something could not be deleted."""
    config = config_of(options)
    folder = recordings_folder(config)
    found = verdicts(folder, _keep(options, config), SystemClock().wall())
    if not options.dry_run:
        found = [prune(verdict) for verdict in found]
    if options.json:
        result_json({"deleted": not options.dry_run, "recordings": [asdict(one) for one in found]})
    else:
        _tell(found, folder, dry=options.dry_run)
    for one in found:
        if one.problem:
            progress(f"melt: {one.path.name} could not be deleted: {one.problem}")
    return 1 if any(one.problem for one in found) else 0


def _keep(options: Namespace, config: Config) -> Keep:
    typed = options.keep_days is not None or options.keep_gb is not None
    if typed:
        return Keep(days=options.keep_days, gb=options.keep_gb)
    keep = Keep(days=config.library.keep_days, gb=config.library.keep_gb)
    if keep == Keep():
        raise UsageError(
            "it is not said how much to keep",
            "give --keep-days or --keep-gb, or set keep_days or keep_gb in [library] of the config file",
        )
    return keep


def _tell(found: Sequence[Verdict], folder: Path, *, dry: bool) -> None:
    goes = [one for one in found if one.goes]
    spared = [one for one in found if not one.goes and one.why]
    for one in goes:
        what = "would be deleted" if dry else "deleted"
        result(f"{what}: {_shown(one)}")
    for one in spared:
        result(f"kept: {_shown(one)}")
    size = fmt.byte_count(sum(one.size_bytes for one in goes))
    done = "would be deleted" if dry else "were deleted"
    total = f"{len(goes)} of {len(found)} recordings in {folder} {done}"
    result(f"{total}, {size}" if goes else total)


def _shown(one: Verdict) -> str:
    name = f" ({fmt.plain(one.name, 80)})" if one.name else ""
    return f"{fmt.plain(one.path.name, 120)}{name}, {fmt.byte_count(one.size_bytes)}: {one.why}"
