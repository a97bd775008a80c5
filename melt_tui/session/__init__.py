"""The session: sources, the bus, the sinks; everything that measures, on a loop and a thread of its own."""
