"""A model as it lies on a disk."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelPart:
    """One of a model's files."""

    path: str
    size_bytes: int
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A model as it lies on a disk: what its own header says and where it came from."""

    name: str
    path: str
    """Its file; the first one of a model in several."""
    size_bytes: int
    """Of all its files."""
    sha256: str = ""
    """Of its file; of a model in several that of their sums in order, each as 64 hexadecimal digits and an end of line."""
    architecture: str = ""
    parameters: int | None = None
    quantisation: str = ""
    context_length: int | None = None
    vocabulary: int | None = None
    kv_bytes_per_token: int | None = None
    """Size of the KV cache, at 16 bits, for one token of context."""
    synthetic: bool = False
    """Weights made up to the true shape: speed is real, text is not."""
    note: str = ""
    """Shown wherever its text is shown: ``toy model``, ``synthetic weights``."""
    parts: tuple[ModelPart, ...] = ()
    """All files of a model in several, in order; none of one in one."""

    @property
    def files(self) -> tuple[ModelPart, ...]:
        """All of its files."""
        return self.parts or (ModelPart(self.path, self.size_bytes, self.sha256),)
