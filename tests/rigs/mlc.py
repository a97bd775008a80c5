"""A server that speaks as mlc_llm serve does and goes wrong on cue. Test equipment; usage as cpp/serve/metrics.cc makes it.

``python mlc.py [--cue NAME]… [serve MODEL FLAG…]``. Strict: what the API does not know is refused with status 400, and
flags that mlc_llm serve does not know end it. Started as it is, it prints what one printed on a board with CUDA.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.rigs.http_shapes import Asked, Wire, serve

WORDS = ("Ein", " schöner", " Satz", " über", " 日本", " und", " 🙂", ".")
MODEL = "dist/Llama-3-8B-q4f16_1-MLC"
PROMPT_TOKENS, CACHED = 47, 7
PREFILL_TPS, DECODE_TPS = 283.4, 22.7
GAP_S = 0.004
KNOWN = {
    "model", "max_tokens", "temperature", "top_p", "seed", "stream", "stream_options", "frequency_penalty",
    "presence_penalty", "stop", "logit_bias", "response_format", "debug_config",
}  # fmt: skip
STARTUP = """\
[2024-05-05 02:50:13] INFO auto_device.py:79: \x1b[32mFound\x1b[0m device: cuda:0
[2024-05-05 02:50:14] INFO auto_device.py:88: \x1b[31mNot found\x1b[0m device: rocm:0
[2024-05-05 02:50:17] INFO auto_device.py:79: \x1b[32mFound\x1b[0m device: vulkan:0
[2024-05-05 02:50:19] INFO auto_device.py:35: Using device: \x1b[1mcuda:0\x1b[0m
[2024-05-05 02:50:19] INFO engine_base.py:142: Using library model: /data/libs/Llama-3-8B-q4f16_1-cuda.so
[04:02:01] /workspace/mlc-llm/cpp/serve/config.cc:601: Under mode "server", max batch size will be set to 80, max KV cache token capacity will be set to 125706, prefill chunk size will be set to 512.
[04:02:01] /workspace/mlc-llm/cpp/serve/config.cc:678: The actual engine mode is "local". So max batch size is 4, max KV cache token capacity is 8192, prefill chunk size is 1024.
INFO:     Started server process [29336]
INFO:     Uvicorn running on http://127.0.0.1:{port} (Press CTRL+C to quit)
"""


class Rig:
    def __init__(self, cues: list[str], argv: list[str]) -> None:
        self.cues = set(cues)
        self.argv = argv
        self.asked: list[dict[str, Any]] = []

    async def answer(self, asked: Asked, wire: Wire) -> None:
        if "stranger" in self.cues:
            wire.plain(200, "<!doctype html>It works!")
        elif asked.path == "/v1/models":
            names = [MODEL, "other"] if "two" in self.cues else [MODEL]
            wire.plain(
                200,
                json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]}),
            )
        elif asked.path == "/asked":
            wire.plain(200, json.dumps(self.asked))
        elif asked.path == "/argv":
            wire.plain(200, json.dumps(self.argv))
        elif asked.path in {"/v1/chat/completions", "/v1/completions"}:
            await self.complete(asked.path.endswith("chat/completions"), dict(asked.body), wire)
        else:
            wire.plain(404, '{"detail":"Not Found"}')

    async def complete(self, chat: bool, body: dict[str, Any], wire: Wire) -> None:
        self.asked.append(body)
        strange = set(body) - KNOWN - {"messages" if chat else "prompt"}
        if strange or body.get("stream_options") != {"include_usage": True} or body["model"] != MODEL:
            wire.plain(
                400,
                json.dumps({"object": "error", "message": f"bad request: {sorted(strange)}", "code": 400}),
            )
            return
        wire.open_stream("text/event-stream")
        wanted = body["max_tokens"]
        for count in range(1, wanted + 1):
            if "held back" in self.cues and count % 4 == 3:
                continue
            await self.send(wire, self.chunk(chat, WORDS[(count - 1) % len(WORDS)], None))
            await asyncio.sleep(GAP_S)
            if count == 6 and await self.go_wrong(wire):
                return
        await self.send(wire, self.chunk(chat, "", "stop" if "eos" in self.cues else "length"))
        if "no usage" not in self.cues:
            await self.send(wire, {"id": "x", "choices": [], "usage": self.usage(wanted)})
        await wire.send(b"data: [DONE]\n\n")
        wire.end_stream()

    def chunk(self, chat: bool, words: str, reason: str | None) -> dict[str, Any]:
        part = {"delta": {"content": words, "role": "assistant"}} if chat else {"text": words}
        return {"id": "x", "choices": [{"index": 0, "finish_reason": reason, **part}], "usage": None}

    def usage(self, output: int) -> dict[str, Any]:
        told: dict[str, Any] = {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": output,
            "total_tokens": PROMPT_TOKENS + output,
        }
        if "no extra" not in self.cues:
            told["extra"] = {
                "prompt_tokens": PROMPT_TOKENS, "completion_tokens": output, "prefill_tokens": PROMPT_TOKENS - CACHED,
                "decode_tokens": output - 1, "jump_forward_tokens": 0, "prefill_tokens_per_s": PREFILL_TPS,
                "decode_tokens_per_s": DECODE_TPS, "end_to_end_latency_s": 1.0, "ttft_s": 0.2, "inter_token_latency_s": 0.5,
            }  # fmt: skip
        return told

    async def send(self, wire: Wire, told: dict[str, Any]) -> None:
        line = b"data: " + json.dumps(told, ensure_ascii=False).encode() + b"\n\n"
        step = 9 if "split" in self.cues else len(line)
        for at in range(0, len(line), step):
            await wire.send(line[at : at + step])

    async def go_wrong(self, wire: Wire) -> bool:
        lines = {
            "half a line": b'data: {"id":"x","cho',
            "garbage": b"data: {not json}\n\n",
            "error": b'data: {"object":"error","message":"engine is dead"}\n\n',
            "html": b"<html>\n\n",
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


def say_startup(port: int) -> None:
    sys.stderr.write(STARTUP.format(port=port))
    sys.stderr.flush()


def flags_of(argv: list[str]) -> argparse.Namespace:
    """Those of mlc_llm serve."""
    known = argparse.ArgumentParser("MLC LLM Serve CLI")
    known.add_argument("subcommand", choices=["serve"])
    known.add_argument("model")
    known.add_argument("--mode", choices=["local", "interactive", "server"])
    known.add_argument("--enable-debug", action="store_true")
    known.add_argument("--port", type=int, default=8000)
    for flag in ("--device", "--model-lib", "--overrides", "--prefix-cache-mode", "--host"):
        known.add_argument(flag)
    return known.parse_args(argv)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cue", action="append", default=[])
    options, started = parser.parse_known_args()
    if not started:
        asyncio.run(serve(Rig(options.cue, []).answer))
    told = flags_of(started)
    less = [] if told.enable_debug else ["no extra"]
    asyncio.run(serve(Rig(options.cue + less, started).answer, say_startup, told.port))
