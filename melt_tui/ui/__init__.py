"""The terminal app: draws what a Timeline answers at the playhead, sends commands to the workbench."""

import os

PAINTS_PER_S = 1000
"""How soon after one painting the next may follow: Textual's 60 would hold back the answer to a key that comes just after
a frame. Nothing is painted more often than it is drawn."""

os.environ.setdefault("TEXTUAL_FPS", str(PAINTS_PER_S))
