# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that speaks to iPhones with pymobiledevice3: told what to do on its input, it answers on its output.

It is a program of its own, under its own licence, started by ``drivers.links.usbmux`` and imported by nobody: pymobiledevice3
is GPL, is heavy, and allows one user-space tunnel in a process. What the lines mean stands in ``drivers.links.usbmuxwire``.
Every wait has a limit; what was started here ends with the input, which is when melt does.
"""
