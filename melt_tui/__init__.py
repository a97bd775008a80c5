"""melt_tui: watch, record, replay and compare LLM inference on phones, boards, meters and this computer."""

__version__ = "0.1.0"
