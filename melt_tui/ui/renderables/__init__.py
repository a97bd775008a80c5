"""Pure functions from values and a size to cells: no widget, no clock, no I/O, no colour.

A picture is a tuple of lines, a line a tuple of ``(text, style)`` runs whose cells add up to the width asked for.
Styles are numbers of ``cells`` (an ink on a ground); which colours they are is the stylesheet's business.
"""
