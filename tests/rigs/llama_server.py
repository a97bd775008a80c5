"""A server that speaks llama-server's HTTP and goes wrong on cue. Test equipment, no part of the product.

``python llama_server.py [--cue NAME]… [llama-server's own flags, ignored]``. Says ``listening on http://127.0.0.1:PORT``
on stderr, as llama-server does. Made of the shapes that xllamacpp b11549 was seen to send.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping

TOKEN_MS = 4.0
"""Engine time between two tokens; they are sent as fast as they are read."""
PROMPT_TOKENS = 9
WORDS = ("Ein", " schöner", " Satz", " über", " 日本", " und", " 🙂", ".")
GAP_S = 0.004


STRANGERS = {
    "stranger": (200, "<!doctype html><title>It works!</title>"),
    "other json": (200, '{"object":"list","data":[]}'),
    "locked": (401, '{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}'),
}
LOADING = '{"error":{"message":"Loading model","type":"unavailable_error","code":503}}'
NO_SLOTS = '{"error":{"message":"This server does not support slots endpoint.","type":"not_supported_error","code":501}}'


class Rig:
    def __init__(self, cues: list[str]) -> None:
        self.cues = set(cues)
        self.loading = 3 if "loading" in self.cues else 0
        self.busy: dict[str, int] | None = None
        self.task = 0
        self.requests: list[dict[str, object]] = []
        self.own_tokens = 0

    async def serve(self) -> None:
        server = await asyncio.start_server(self.connection, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        if "silent" in self.cues:
            await asyncio.sleep(3600)
        if "dies loading" in self.cues:
            print(
                "0.00.008.084 E llama_model_load: error loading model: tensor is not within", file=sys.stderr
            )
            sys.exit(1)
        if "chatty" in self.cues:
            for number in range(5000):
                print(f"0.00.000.{number:03} I line {number}", file=sys.stderr)
        print("load_backend: loaded CPU backend from /x/libggml-cpu-armv8.2_2.so", file=sys.stderr)
        print(f"0.00.025.968 I srv  init: listening on http://127.0.0.1:{port}", file=sys.stderr, flush=True)
        async with server:
            await server.serve_forever()

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split("\r\n", 1)[0].split(" ")
        length = next(
            (
                int(line.split(":")[1])
                for line in head.split("\r\n")
                if line.lower().startswith("content-length")
            ),
            0,
        )
        body = json.loads(await reader.readexactly(length)) if length else {}
        if "speaks no http" in self.cues:
            writer.write(b"220 smtp.example ESMTP ready\r\n\r\n")
            return False
        if method == "POST":
            self.requests.append(body)
            return await self.answer(writer, path, body)
        status, text = self.question(path)
        plain(writer, status, text)
        await writer.drain()
        return True

    def question(self, path: str) -> tuple[int, str]:
        """The answer to a GET: of another kind of server on cue, else llama-server's."""
        for cue, answer in STRANGERS.items():
            if cue in self.cues:
                return answer
        if path == "/slots" and "no slots" not in self.cues:
            return 200, json.dumps([self.slot()])
        return self.answers().get(path, (501, NO_SLOTS))

    def answers(self) -> dict[str, tuple[int, str]]:
        self.loading -= 1
        props = {
            "default_generation_settings": {"n_ctx": 256},
            "total_slots": 1,
            "model_path": "/m/rig.gguf",
            "build_info": "b1-rig",
        }
        return {
            "/health": (503, LOADING) if self.loading >= 0 else (200, '{"status":"ok"}'),
            "/props": (200, json.dumps(props)),
            "/requests": (200, json.dumps(self.requests)),
        }

    def slot(self) -> dict[str, object]:
        if "driven" in self.cues:
            return self.driven()
        if self.busy is None:
            return {"id": 0, "n_ctx": 256, "is_processing": False}
        return busy_slot(self.busy["task"], self.busy["tokens"])

    def driven(self) -> dict[str, object]:
        """Somebody else's requests: 3 looks at one task, 1 idle, 2 at the next, 1 at a third that follows at once."""
        script = [(1, 0), (1, 4), (1, 9), None, (2, 2), (2, 5), (3, 1)]
        self.own_tokens += 1
        seen = script[min(self.own_tokens, len(script)) - 1]
        return {"id": 0, "is_processing": False} if seen is None else busy_slot(*seen)

    async def answer(self, writer: asyncio.StreamWriter, path: str, body: dict[str, object]) -> bool:
        """Whether the connection is kept."""
        if "too long" in self.cues or ("full later" in self.cues and len(self.requests) > 1):
            plain(
                writer,
                400,
                '{"error":{"code":400,"message":"request (300 tokens) exceeds the available context size (256 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":300,"n_ctx":256}}',
            )
            return True
        if "refuses" in self.cues:
            plain(writer, 500, '{"error":{"code":500,"message":"out of cheese","type":"server_error"}}')
            return True
        self.task += 1
        self.busy = mine = {"task": self.task, "tokens": 0}
        try:
            return await self.answer_with(writer, path, body, mine)
        finally:
            if self.busy is mine and "stays busy" not in self.cues:
                self.busy = None

    async def answer_with(
        self, writer: asyncio.StreamWriter, path: str, body: dict[str, object], slot: dict[str, int]
    ) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        chat = path.endswith("chat/completions")
        wanted = int(str(body.get("max_tokens") or body.get("n_predict") or 8))
        await self.stream(writer, chat, wanted, slot)
        if "broken end" not in self.cues:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return False

    async def stream(
        self, writer: asyncio.StreamWriter, chat: bool, wanted: int, slot: dict[str, int]
    ) -> None:
        if self.cues & {"none"}:
            return
        await self.send(
            writer, event(chat, "", 0, progress={"total": PROMPT_TOKENS + 3, "cache": 3, "processed": 3})
        )
        await self.send(
            writer, event(chat, "", 0, progress={"total": PROMPT_TOKENS + 3, "cache": 3, "processed": 12})
        )
        count = 0
        step = 3 if "several" in self.cues else 1
        limit = min(wanted, 5) if "full" in self.cues else wanted
        while count < limit:
            words = [WORDS[(count + at) % len(WORDS)] for at in range(min(step, limit - count))]
            count += len(words)
            slot["tokens"] = count
            await self.token(writer, chat, "".join(words), count)
            if count >= 6 and await self.go_wrong(writer):
                return
        await self.finish(writer, chat, count)

    async def token(self, writer: asyncio.StreamWriter, chat: bool, words: str, count: int) -> None:
        if "held back" in self.cues and count % 4 == 3:
            return
        await self.send(writer, event(chat, words, count, timed="untimed" not in self.cues))
        if "instant" not in self.cues:
            await asyncio.sleep(GAP_S)

    async def go_wrong(self, writer: asyncio.StreamWriter) -> bool:
        for cue in (
            "dies",
            "segfaults",
            "stalls",
            "half a line",
            "garbage",
            "broken end",
            "no stop",
            "error event",
            "endless line",
            "html line",
            "deep json",
        ):
            if cue in self.cues:
                await self.fault(cue, writer)
                return True
        return False

    async def fault(self, cue: str, writer: asyncio.StreamWriter) -> None:
        if cue in {"dies", "segfaults"}:
            print("0.00.030.000 E ggml: something went wrong in here", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL if cue == "dies" else signal.SIGSEGV)
        if cue == "stalls":
            await asyncio.sleep(3600)
        lines = {
            "half a line": b'data: {"index":0,"content":" wor',
            "garbage": b"data: {not json}\n\n",
            "error event": b'data: {"error":{"code":500,"message":"Compute error.","type":"server_error"}}\n\n',
            "endless line": b"data: " + b"x" * (3 << 20),
            "html line": b"<html>gateway timeout</html>\n\n",
            "deep json": b"data: " + b"[" * 200_000 + b"\n\n",
        }
        if cue in lines:
            chunk(writer, lines[cue])
            await writer.drain()

    async def finish(self, writer: asyncio.StreamWriter, chat: bool, count: int) -> None:
        count += 1 if "eos" in self.cues else 0
        timed = "untimed" not in self.cues
        if not chat:
            reason = "eos" if "eos" in self.cues else "limit"
            last = event(chat, "", count, timed=timed)
            await self.send(
                writer, last | {"stop": True, "stop_type": reason, "truncated": "full" in self.cues}
            )
            return
        reason = "stop" if "eos" in self.cues else "length"
        await self.send(writer, {"choices": [{"finish_reason": reason, "index": 0, "delta": {}}]})
        usage = {
            "completion_tokens": count,
            "prompt_tokens": PROMPT_TOKENS + 3,
            "prompt_tokens_details": {"cached_tokens": 3},
        }
        await self.send(
            writer, {"choices": [], "usage": usage} | ({"timings": timings(count)} if timed else {})
        )
        chunk(writer, b"data: [DONE]\n\n")

    async def send(self, writer: asyncio.StreamWriter, told: Mapping[str, object]) -> None:
        line = f"data: {json.dumps(told, ensure_ascii=False)}\n\n".encode()
        if "split" in self.cues:
            for at in range(0, len(line), 7):
                chunk(writer, line[at : at + 7])
                await writer.drain()
            return
        chunk(writer, line)
        await writer.drain()


def timings(count: int) -> dict[str, object]:
    decoded_ms = 0.001 if count == 1 else TOKEN_MS * max(0, count - 1)
    return {
        "cache_n": 3,
        "prompt_n": PROMPT_TOKENS,
        "prompt_ms": 36.5,
        "predicted_n": count,
        "predicted_ms": decoded_ms,
        "predicted_per_second": 1e9,
    }


def event(
    chat: bool, words: str, count: int, *, progress: object = None, timed: bool = True
) -> dict[str, object]:
    told: dict[str, object] = {"timings": timings(count)} if timed else {}
    if progress:
        told["prompt_progress"] = progress
    if chat:
        delta = {"content": words} if count else {"role": "assistant", "content": None}
        return told | {"choices": [{"finish_reason": None, "index": 0, "delta": delta}]}
    return told | {"index": 0, "content": words, "tokens": [7], "stop": False, "tokens_predicted": count}


def busy_slot(task: int, tokens: int) -> dict[str, object]:
    following = [{"has_next_token": True, "n_remain": 99, "n_decoded": tokens}]
    return {
        "id": 0,
        "n_ctx": 256,
        "is_processing": True,
        "id_task": task,
        "n_prompt_tokens": 4 + tokens,
        "n_prompt_tokens_processed": 4,
        "n_prompt_tokens_cache": 2,
        "next_token": following,
    }


def plain(writer: asyncio.StreamWriter, status: int, text: str) -> None:
    body = text.encode()
    writer.write(
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cue", action="append", default=[])
    known, _ = parser.parse_known_args()
    started = time.monotonic()
    asyncio.run(Rig(known.cue).serve())
