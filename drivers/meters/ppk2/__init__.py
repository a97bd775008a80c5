"""Nordic Power Profiler Kit II: 100 000 samples a second over a serial port, supply included."""
