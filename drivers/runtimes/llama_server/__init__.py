"""llama.cpp's server: our own engine on this computer, a llama-server program, or one that already runs.

``driver.LlamaServer`` is the runtime, ``needs.refusal`` says beforehand why a run cannot work. Nothing is imported
here: the engine's own process comes through this door too.
"""
