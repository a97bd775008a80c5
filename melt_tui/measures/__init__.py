"""The formulas of the figures that are shown, stored and compared: pure, without numpy, each with its definition.

Times are in ns, results in SI units. What is not defined is None, never 0.
"""
