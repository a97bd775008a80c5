"""``melt`` as it is typed, in this process: what it says and how it ends, without the half second that a start takes."""

from dataclasses import dataclass

import pytest

from melt_tui.cli import main


@dataclass
class Typed:
    """``melt`` for a user whose home the environment names."""

    capsys: pytest.CaptureFixture[str]

    def told(self, *argv: str) -> str:
        """What it prints when all is well."""
        code, out, err = self.run(*argv)
        assert code == 0, err
        return out

    def refused(self, *argv: str, code: int) -> str:
        """The sentence with which it ends otherwise."""
        ended, out, err = self.run(*argv)
        assert (ended, out) == (code, "")
        assert "Traceback" not in err
        return err.splitlines()[-1]

    def run(self, *argv: str) -> tuple[object, str, str]:
        """Exit code, results and progress."""
        try:
            code: object = main(argv)
        except SystemExit as leaving:
            code = leaving.code
        return code, *self.capsys.readouterr()
