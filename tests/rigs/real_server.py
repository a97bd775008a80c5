"""The real engine as a llama-server program: for tests whose "device" is this computer. Test equipment.

``python real_server.py --model M --host 127.0.0.1 --port 0 …`` with the flags that we start llama-server with; any other
is refused as llama-server refuses it. Says where it listens on stderr, and serves until it is killed.
"""

import argparse
import sys
import threading
from typing import NoReturn
from urllib.parse import urlsplit


class _Strict(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"error: invalid argument: {message}", file=sys.stderr)
        sys.exit(1)


def main() -> None:
    parser = _Strict(allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--host", choices=["127.0.0.1"], required=True)
    parser.add_argument("--port", type=int, required=True)
    for name in ("--parallel", "--ctx-size", "--batch-size", "--threads"):
        parser.add_argument(name, type=int, required=True)
    for name in ("--slots", "--no-mmap"):
        parser.add_argument(name, action="store_true", required=True)
    given = parser.parse_args()

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = given.model
    params.port, params.n_ctx, params.n_batch = given.port, given.ctx_size, given.batch_size
    params.n_parallel = given.parallel
    params.cpuparams.n_threads = given.threads
    params.endpoint_slots = True
    params.cache_ram_mib = 0
    params.verbosity = 0
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        print(f"0.00.100.000 E llama_model_load: error loading model: {error}", file=sys.stderr)
        sys.exit(1)
    port = urlsplit(server.listening_address).port
    print(f"0.00.100.000 I srv init: listening on http://127.0.0.1:{port}", file=sys.stderr, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
