"""Keeps a simulated engine at work, turn after turn."""

from drivers.clock import SECOND
from drivers.devices.simulated.body import Body
from drivers.devices.simulated.engine import Activity, Engine

_TURN = b'{"cmd":"turn","turn":1,"prompt_tokens":20,"max_tokens":4000,"fresh":true,"ignore_eos":true}'


def decode(body: Body, engine: Engine, t_ns: int, until_ns: int) -> int:
    """Let time pass until then; how many tokens came out."""
    first = engine.tokens
    while t_ns < until_ns:
        t_ns = min(until_ns, max(t_ns + 1, min(engine.next_ns(), t_ns + SECOND // 20)))
        body.advance(t_ns)
        engine.poll(t_ns)
        if engine.activity is Activity.IDLE:
            engine.command(_TURN, t_ns)
    return engine.tokens - first
