"""The formulas of the figures that are shown, stored and compared: pure, each with its definition.

Times are in ns, results in SI units. What is not defined is None, never 0. Without numpy, but for ``integral``.
"""
