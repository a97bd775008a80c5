"""Jetson boards, and any Linux machine over SSH: tegrastats where there is one, the kernel's own files everywhere."""
