"""Monsoon power monitors: the HVPM over USB and the older LVPM over a serial port, both 5000 samples a second."""
