"""Runtimes: inference engines, each over any link that runs commands. One never knows another."""
