"""Workloads: what is asked of a model, in which order and how often."""

from melt_tui.workloads.catalog import WorkloadChoice, build, choices, context_needed

__all__ = ["WorkloadChoice", "build", "choices", "context_needed"]
