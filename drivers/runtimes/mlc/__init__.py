"""MLC-LLM: its REST server, and apps that tell their figures in the device's log."""
