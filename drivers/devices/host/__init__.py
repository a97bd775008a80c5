"""This computer as a device: psutil, and the kernel's own files on Linux."""
