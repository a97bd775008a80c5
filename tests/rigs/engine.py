"""The real engine in a child process: what does this model answer?"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_CHILD = """
import json, os, sys
import xllamacpp
asked = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path = asked.pop("path")
params.n_ctx = asked.pop("context")
params.n_parallel = 1
params.cpuparams.n_threads = 1
params.warmup = False
params.port = 0
params.verbosity = 0
server = xllamacpp.Server(params)
chat = "messages" in asked
answer = (server.handle_chat_completions if chat else server.handle_completions)(asked)
answer = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
sys.stdout.write("ANSWER " + json.dumps(answer) + "\\n")
sys.stdout.flush()
os._exit(0)
"""


def ask(path: Path, **request: Any) -> dict[str, Any]:
    """The engine's answer to one request, greedy; ``messages=`` for chat, ``prompt=`` for completion."""
    asked = {"path": str(path), "context": 512, "temperature": 0, "stream": False, **request}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert lines, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(lines[-1].removeprefix("ANSWER "))
    return answer
