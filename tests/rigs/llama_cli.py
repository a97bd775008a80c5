"""A program that speaks as llama.cpp's terminal programs of four generations do, and goes wrong on cue. Test equipment.

``python llama_cli.py --as GENERATION [--cue NAME]… [the program's own flags]``; strict about flags. Output as captured:
``completion`` (build 10605), ``chat`` (llama-cli since December 2025), ``old`` (llama-cli before), ``main`` and ``melt``.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

WORDS = ("Ein", " schöner", " Satz", " über", " 日本", " und", " 🙂", ".\n")
GAP_S = 0.004
PROMPT_TOKENS, PROMPT_MS, TOKEN_MS, LOAD_MS = 40, 259.42, 46.85, 358.28
COMMON = {"-m", "-t", "-c", "-b", "-n", "--seed", "--temp", "--top-k", "--top-p", "-p", "-ngl"}
FLAGS = {
    "completion": {"-no-cnv", "--no-display-prompt", "--simple-io", "--no-escape", "--perf", "--single-turn", "--no-mmap", "--prompt-cache", "--ignore-eos"},
    "chat": {"-no-cnv", "--simple-io", "--no-escape", "--single-turn", "--show-timings", "--no-mmap", "--ignore-eos"},
    "old": {"-no-cnv", "--no-display-prompt", "--simple-io", "--no-escape", "--no-mmap", "--prompt-cache", "--ignore-eos"},
    "main": {"--no-display-prompt", "--simple-io", "--no-mmap", "--prompt-cache", "--ignore-eos"},
    "melt": {"--simple-io", "--no-mmap", "--prompt-cache", "--ignore-eos"},
}  # fmt: skip
BLOCKS = {
    "completion": "0.01.847.807 I common_perf_print:",
    "old": "llama_perf_context_print:",
    "main": "llama_print_timings:",
    "melt": "llama_print_timings:",
}


class Rig:
    def __init__(self, generation: str, cues: set[str], words: list[str]) -> None:
        self.generation = generation
        self.cues = cues
        self.given = self.parse(words)
        self.prompt = self.given["-p"]
        self.wanted = int(self.given["-n"])
        self.count = 0
        self.first_ns = 0
        signal.signal(signal.SIGINT, self.interrupted)

    def parse(self, words: list[str]) -> dict[str, str]:
        given, left = dict[str, str](), list(words)
        while left:
            word = left.pop(0)
            if word in FLAGS[self.generation]:
                given[word] = ""
            elif word in COMMON and left:
                given[word] = left.pop(0)
            else:
                print(f"error: invalid argument: {word}", file=sys.stderr)
                sys.exit(1)
        if self.generation == "chat" and "--single-turn" not in given:
            time.sleep(3600)
        assert os.environ.get("LC_ALL") == "C", "numbers would have a decimal comma"
        return given

    def run(self) -> None:
        if "does not load" in self.cues:
            log("0.00.100.000 E llama_model_load: error loading model: missing tensor")
            sys.exit(1)
        if "killed loading" in self.cues:
            os.kill(os.getpid(), signal.SIGKILL)
        if "no version" in self.cues:
            log("main: build = 880 (b9b7d94)\nmain: seed  = 1234\n")
        log("load_backend: loaded CPU backend from /x/libggml-cpu-armv8.2_2.so\n")
        time.sleep(0.02)
        if self.generation == "chat":
            write(
                "\n\nLoading model... |\b \b\n\n▄▄ ▄▄\n██ ██\n\nbuild      : b10605-f6f0d9f\nmodel      : x.gguf\n\navailable commands:\n  /exit\n\n\n"
            )
            echo = self.prompt if len(self.prompt) <= 500 else self.prompt[:500] + " ... (truncated)"
            write(f"\n> {echo}\n\n")
        elif "no ready line" not in self.cues:
            log("system_info: n_threads = 3\n")
            prefix = "0.00.359.000 I " if self.generation == "completion" else ""
            log(f"{prefix}generate: n_ctx = 256, n_batch = 64, n_predict = {self.wanted}, n_keep = 0\n\n")
        if "--no-display-prompt" not in self.given and self.generation != "chat":
            write(f" {self.prompt}")
        time.sleep(0.01)
        self.answer()
        self.finish(0)

    def answer(self) -> None:
        self.first_ns = time.monotonic_ns()
        while self.count < self.wanted:
            self.count += 1
            write(WORDS[(self.count - 1) % len(WORDS)])
            time.sleep(GAP_S)
            if self.count == 6:
                self.go_wrong()
            if "eos" in self.cues and self.count == 9:
                if self.generation != "chat":
                    write(" [end of text]\n\n")
                return

    def go_wrong(self) -> None:
        if "dies" in self.cues:
            log("ggml: something went wrong in here\n")
            os.kill(os.getpid(), signal.SIGKILL)
        if "aborts" in self.cues:
            log("/llama.cpp/ggml/src/ggml.c:77: GGML_ASSERT(n > 0) failed\n")
            os.kill(os.getpid(), signal.SIGABRT)
        if "silent" in self.cues:
            time.sleep(3600)
        if "half" in self.cues:
            os.write(1, "日".encode()[:2])
            os._exit(0)
        if "garbage" in self.cues:
            os.write(1, bytes(range(128, 256)))

    def interrupted(self, *_: object) -> None:
        if "deaf" in self.cues:
            return
        self.finish(0 if self.generation == "chat" else 130)

    def finish(self, code: int) -> None:
        if "diary" in self.cues:
            told = {"prompt": self.prompt, "first": self.first_ns, "end": time.monotonic_ns()}
            with Path(self.given["-m"]).with_name("diary").open("a") as diary:
                diary.write(json.dumps(told) + "\n")
        if "no timings" not in self.cues:
            self.timings()
        sys.stdout.flush()
        os._exit(code)

    def timings(self) -> None:
        if self.generation == "chat":
            write("\n\n[ Prompt: 154.2 t/s | Generation: 21.4 t/s ]\n\n\nExiting...\n")
            return
        runs = max(1, self.count - 1)
        eval_ms = (self.count - 1) * TOKEN_MS
        block = BLOCKS[self.generation]
        lines = [
            f"{block}        load time = {LOAD_MS:10.2f} ms",
            f"{block} prompt eval time = {PROMPT_MS:10.2f} ms / {PROMPT_TOKENS:5d} tokens ({PROMPT_MS / PROMPT_TOKENS:8.2f} ms per token, {1e3 * PROMPT_TOKENS / PROMPT_MS:8.2f} tokens per second)",
            f"{block}        eval time = {eval_ms:10.2f} ms / {runs:5d} runs   ({eval_ms / runs:8.2f} ms per token,    21.35 tokens per second)",
            f"{block}       total time =    1391.38 ms /    63 tokens",
        ]
        if self.generation in {"main", "melt"}:
            lines.insert(
                1,
                f"{block}      sample time =       4.28 ms / {self.count:5d} runs   (    0.20 ms per token,  4909.98 tokens per second)",
            )
        if "comma" in self.cues:
            lines = [line.replace(".", ",") for line in lines]
        text = "\n" + "\n".join(lines) + "\n"
        if self.generation == "melt":
            write(text)
        else:
            log(text)


def help_of(generation: str) -> str:
    return (
        "usage: rig [options]\n"
        + "\n".join(f"{flag}   does something" for flag in sorted(FLAGS[generation]))
        + "\n"
    )


def write(text: str) -> None:
    os.write(1, text.encode())


def log(text: str) -> None:
    os.write(2, text.encode())


def main() -> None:
    words, cues, generation = sys.argv[1:], set[str](), "completion"
    while words[:1] in (["--cue"], ["--as"]):
        if words[0] == "--cue":
            cues.add(words[1])
        else:
            generation = words[1]
        words = words[2:]
    if "--help" in words:
        # the chat front end names this flag and refuses to follow it
        print(help_of(generation), end="")
    elif "--version" in words and "no version" in cues:
        log("error: unknown argument: --version\n")
        sys.exit(1)
    elif "--version" in words:
        log("version: 10605 (f6f0d9f)\nbuilt with cc for x86_64-linux-gnu\n")
    else:
        Rig(generation, cues, words).run()


if __name__ == "__main__":
    main()
