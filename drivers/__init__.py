"""Drivers: what speaks to phones, boards, meters, engines and this computer.

The ground floor: it owns the vocabulary (``model``, ``events``, ``errors``) and knows nobody above it.
This module is the only door; what stands below a folder is that folder's private matter.
"""
