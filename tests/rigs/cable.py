"""A cable between two TCP ends, as a process of its own: ``python cable.py HOST PORT [JITTER_MS]`` prints its port.

Stopped (SIGSTOP) it is a cable that was pulled: both ends keep an open connection on which nothing ever comes. With
jitter every piece arrives late by a random time up to ``JITTER_MS``, in order.
"""

import asyncio
import random
import sys
from contextlib import suppress

PIECE = 1 << 18


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, jitter_s: float) -> None:
    """Everything one end says, to the other."""
    loop = asyncio.get_running_loop()
    due = 0.0
    with suppress(ConnectionError):
        while data := await reader.read(PIECE):
            # Later than the one before: timers of the same moment may change places.
            due = max(due + 1e-6, loop.time() + random.uniform(0, jitter_s))
            if jitter_s:
                loop.call_at(due, writer.write, data)
            else:
                writer.write(data)
            await writer.drain()
    loop.call_at(due + 0.001, writer.close)


async def main(host: str, port: int, jitter_s: float) -> None:
    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, far_writer, jitter_s), carry(far_reader, writer, jitter_s))

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0.0))
