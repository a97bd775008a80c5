"""The rig from a test: ``with iphones({...}, {...}) as rig``. Settings, cues and states: ``tests/rigs/iphone/__main__.py``."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


class Rig:
    """The running rig."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.port = int(self._answer())

    @property
    def address(self) -> str:
        """For USBMUXD_SOCKET_ADDRESS."""
        return f"127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """An environment in which clients find the rig."""
        return {**os.environ, "USBMUXD_SOCKET_ADDRESS": self.address}

    def cue(self, word: str, *rest: Any) -> Any:
        """``cue("set", 1, {"locked": True})``; what the rig answers. A cue it cannot carry out fails here."""
        words = [one if isinstance(one, str) else json.dumps(one) for one in rest]
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join([word, *words]) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    def wait_for(self, met: Callable[[], bool], limit_s: float = 30.0) -> None:
        """Return as soon as something holds."""
        end = time.monotonic() + limit_s
        while not met():
            assert time.monotonic() < end, "it never came to that"
            time.sleep(0.02)

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the rig has ended"
        return json.loads(line)


@contextmanager
def iphones(*phones: dict[str, Any]) -> Iterator[Rig]:
    """Phones with these settings, attached and paired unless they say otherwise; one plain one without any."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.rigs.iphone", json.dumps({"phones": list(phones) or [{}]})],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Rig(process)
    finally:
        process.kill()
        process.communicate()
