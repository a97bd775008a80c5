import pytest

from melt_tui.models.ggml import FILE_TYPES, TENSOR_TYPES, TensorType

# bits per weight as llama.cpp's documentation of its quantisations states them
BITS = {
    "Q4_0": 4.5,
    "Q4_1": 5.0,
    "Q8_0": 8.5,
    "Q4_K": 4.5,
    "Q5_K": 5.5,
    "Q6_K": 6.5625,
    "Q3_K": 3.4375,
    "Q2_K": 2.625,
}
BITS |= {"IQ4_NL": 4.5, "IQ4_XS": 4.25, "IQ2_XXS": 2.0625, "IQ3_XXS": 3.0625, "IQ1_S": 1.5625, "IQ1_M": 1.75}
BITS |= {"IQ3_S": 3.4375, "MXFP4": 4.25, "F32": 32.0, "F16": 16.0, "BF16": 16.0}


@pytest.mark.parametrize(("name", "bits"), BITS.items())
def test_bits_per_weight(name: str, bits: float) -> None:
    kind = next(kind for kind in TENSOR_TYPES.values() if kind.name == name)
    assert kind.size * 8 / kind.block == bits


def test_whole_blocks() -> None:
    q8_0 = TENSOR_TYPES[8]
    assert [q8_0.bytes_for(n) for n in (0, 1, 32, 33)] == [0, 34, 34, 68]


def test_ids_and_names_are_unique() -> None:
    assert len({kind.name for kind in TENSOR_TYPES.values()}) == len(TENSOR_TYPES)
    assert len(set(FILE_TYPES.values())) == len(FILE_TYPES)
    assert TENSOR_TYPES[30] == TensorType(30, "BF16", 1, 2)
