"""A server that speaks Ollama's HTTP and goes wrong on cue. Test equipment, made of the shapes in ollama's docs/api.md.

``python ollama.py [--cue NAME]…``. Strict: what the API does not know is refused with status 400.
"""

import argparse
import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.rigs.http_shapes import Asked, Wire, serve

WORDS = ("Ein", " schöner", " Satz", " über", " 日本", " und", " 🙂", ".")
EPOCH_NS = 1_790_000_000_123_456_789
TOKEN_NS = 20_000_000
PROMPT_NS, PROMPT_TOKENS, LOAD_NS = 130_079_000, 26, 5_025_959_000
GAP_S = 0.004
MODELS = ("llama3.2:1b", "tiny-english:latest")
OPTIONS = {"num_ctx", "num_batch", "num_predict", "temperature", "top_k", "top_p", "seed", "num_thread"}
OPTIONS |= {"num_gpu", "use_mmap", "min_p", "stop"}


def stamp(since_ns: int) -> str:
    seconds, rest = divmod(EPOCH_NS + since_ns, 10**9)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:09d}Z"


class Rig:
    def __init__(self, cues: list[str]) -> None:
        self.cues = set(cues)
        self.loaded: dict[str, Any] | None = None
        self.asked: list[dict[str, Any]] = []

    async def answer(self, asked: Asked, wire: Wire) -> None:
        if "stranger" in self.cues:
            wire.plain(200, "<!doctype html>It works!")
            return
        questions = {
            "/api/version": {} if "no version" in self.cues else {"version": "0.9.6"},
            "/api/tags": {"models": [] if "empty" in self.cues else [{"name": name} for name in MODELS]},
            "/api/ps": {"models": [self.running()]},
            "/asked": self.asked,
        }
        if asked.method == "GET" and asked.path in questions:
            wire.plain(200, json.dumps(questions[asked.path]))
        elif asked.method == "POST" and asked.path in {"/api/chat", "/api/generate"}:
            await self.post(asked, wire)
        else:
            wire.plain(404, "404 page not found")

    def running(self) -> dict[str, object]:
        entry: dict[str, object] = {"name": "llama3.2:1b", "size": 1000, "size_vram": 410}
        return {**entry, "context_length": 300} if "small context" in self.cues else entry

    async def post(self, asked: Asked, wire: Wire) -> None:
        body = dict(asked.body)
        self.asked.append({"path": asked.path, **body})
        problem = self.problem(asked.path, body)
        if problem:
            wire.plain(400, json.dumps({"error": problem}))
        elif body.get("keep_alive") == 0 and not {"prompt", "messages"} & set(body):
            self.loaded = None
            wire.plain(200, json.dumps({"model": body["model"], "done": True, "done_reason": "unload"}))
        elif "prompt" not in body and "messages" not in body:
            await self.load(body, wire)
        else:
            await self.stream(asked.path.endswith("chat"), body, wire)

    def problem(self, path: str, body: dict[str, Any]) -> str:
        known = {"model", "stream", "options", "keep_alive", "prompt", "raw", "format", "think"}
        known = (known | {"messages"}) - ({"prompt", "raw"} if path.endswith("chat") else set())
        if body.get("model") not in MODELS:
            return f"model '{body.get('model')}' not found"
        strange = set(body) - known
        if "lenient" not in self.cues:  # as before 2024: since then it is a line of its log, and nothing more
            strange |= set(body.get("options", {})) - OPTIONS
        if strange:
            return f"invalid option provided: {sorted(strange)}"
        if "prompt" in body and body.get("raw") is not True:
            return "the rig takes raw prompts alone"
        if self.loaded is not None and body.get("options") not in (None, self.loaded):
            return "other options: the model would be loaded again"
        return ""

    async def load(self, body: dict[str, Any], wire: Wire) -> None:
        if "does not load" in self.cues:
            wire.plain(
                500, '{"error":"model requires more system memory (9.9 GiB) than is available (3.1 GiB)"}'
            )
            return
        if "loads for ever" in self.cues:
            await asyncio.sleep(3600)
        self.loaded = body["options"]
        wire.plain(
            200,
            json.dumps(
                {
                    "model": body["model"],
                    "response": "",
                    "done": True,
                    "done_reason": "load",
                    "load_duration": LOAD_NS,
                }
            ),
        )

    async def stream(self, chat: bool, body: dict[str, Any], wire: Wire) -> None:
        wanted = body["options"]["num_predict"]
        wire.open_stream("application/x-ndjson")
        count = 0
        while count < wanted:
            count += 1
            if "held back" in self.cues and count % 4 == 3:
                continue
            await self.send(wire, self.piece(chat, count, WORDS[(count - 1) % len(WORDS)]))
            await asyncio.sleep(GAP_S)
            if count == 6 and await self.go_wrong(wire):
                return
        await self.finish(wire, chat, wanted, count)

    def piece(self, chat: bool, count: int, words: str) -> dict[str, Any]:
        told: dict[str, Any] = {"model": "llama3.2:1b", "created_at": stamp(count * TOKEN_NS), "done": False}
        if "no times" in self.cues:
            del told["created_at"]
        written = {"message": {"role": "assistant", "content": words}} if chat else {"response": words}
        return told | written

    async def finish(self, wire: Wire, chat: bool, wanted: int, count: int) -> None:
        told = self.piece(chat, count, "") | {
            "done": True,
            "done_reason": "stop" if "eos" in self.cues else "length",
            "total_duration": LOAD_NS + PROMPT_NS + count * TOKEN_NS,
            "load_duration": 1_000_000,
            "prompt_eval_count": PROMPT_TOKENS,
            "prompt_eval_duration": PROMPT_NS,
            "eval_count": count,
            "eval_duration": (count - 1) * TOKEN_NS,
        }
        await self.send(wire, told)
        wire.end_stream()

    async def send(self, wire: Wire, told: dict[str, Any]) -> None:
        line = json.dumps(told, ensure_ascii=False).encode() + b"\n"
        for at in range(0, len(line), 9 if "split" in self.cues else len(line)):
            await wire.send(line[at : at + 9] if "split" in self.cues else line)

    async def go_wrong(self, wire: Wire) -> bool:
        lines = {
            "half a line": b'{"model":"llama3.2:1b","respo',
            "garbage": b"{not json}\n",
            "error": b'{"error":"an error was encountered while running the model"}\n',
        }
        if "dies" in self.cues:
            os._exit(1)
        if "silent" in self.cues:
            await asyncio.sleep(3600)
        for cue, line in lines.items():
            if cue in self.cues:
                await wire.send(line)
                wire.end_stream()
                return True
        return False


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cue", action="append", default=[])
    asyncio.run(serve(Rig(parser.parse_args().cue).answer))
