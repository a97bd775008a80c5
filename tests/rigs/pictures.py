"""Pictures of a terminal as snapshots."""

import re
from typing import Any

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode


class Picture(SingleFileSnapshotExtension):
    """A picture of a terminal in a file of its own."""

    _file_extension = "svg"
    _write_mode = WriteMode.TEXT

    def serialize(self, data: Any, **_: Any) -> str:
        return re.sub(r"terminal-\d+-", "terminal-", data)
