"""``python -m melt_tui.cli``: the same as ``melt``."""

import sys

from melt_tui.cli import main

sys.exit(main())
