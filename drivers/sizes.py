"""Sizes in sentences: bytes, as people say them."""


def size(count: float) -> str:
    """``3.2 GB``, ``41 MB``, ``0.5 MB``: powers of a thousand, as sellers of disks count."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e7 else f"{count / 1e6:.1f} MB"
