"""Meters: instruments that measure what a device draws. One never knows another."""
