"""Links: everything that opens a socket, a process or a port. Foreign exceptions end here."""

import sys
from types import ModuleType
from typing import cast

sys.modules.setdefault("httpx._main", cast("ModuleType", None))
# httpx loads its own command line, and with it click and pygments, wherever these happen to be installed: 3 MB that
# nobody uses. A module that is None cannot be imported; httpx then does without.
