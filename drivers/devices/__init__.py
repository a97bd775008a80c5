"""Devices: phones, boards and this computer. One never knows another."""
