"""Models: reading a GGUF file's header, writing synthetic ones, the demo model, and their names."""

from melt_tui.models.catalog import ModelChoice, choices, describe, resolve
from melt_tui.models.gguf import read_model
from melt_tui.models.progress import Progress, Report

__all__ = ["ModelChoice", "Progress", "Report", "choices", "describe", "read_model", "resolve"]
