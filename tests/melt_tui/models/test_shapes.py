import pytest

from melt_tui.models.ggml import F32, Q4_0, Q6_K, Q8_0
from melt_tui.models.shapes import SHAPES, Quantisation, parameters, tensors

# what the makers publish for each model
PUBLISHED = {
    "tinyllama-1.1b": 1_100_048_384,
    "zephyr-3b": 2_795_443_200,
    "gemma-2b": 2_506_172_416,
    "gemma-7b": 8_537_680_896,
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "mistral-7b": 7_241_732_096,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
    "smollm-135m": 134_515_008,
    "demo-77m": 77_343_360,
    "demo-219m": 218_758_080,
}

# size of the Q4_0 files that MELT measured, in GiB with two decimals
MELT_GIB = {"llama-2-7b": 3.56, "mistral-7b": 3.83, "tinyllama-1.1b": 0.60, "zephyr-3b": 1.50}
MELT_GIB |= {"gemma-2b": 1.44, "gemma-7b": 4.66}


@pytest.mark.parametrize("name", SHAPES)
def test_parameters_are_those_published(name: str) -> None:
    assert parameters(SHAPES[name]) == PUBLISHED[name]


@pytest.mark.parametrize(("name", "gib"), MELT_GIB.items())
def test_a_q4_0_file_has_the_published_size(name: str, gib: float) -> None:
    size = sum(spec.size_bytes for spec in tensors(SHAPES[name], Quantisation.Q4_0))
    assert size / 2**30 == pytest.approx(gib, abs=0.011)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("quantisation", Quantisation)
def test_rows_are_whole_blocks_and_heads_fit(name: str, quantisation: Quantisation) -> None:
    shape = SHAPES[name]
    assert shape.heads % shape.kv_heads == 0
    assert shape.name == name
    for spec in tensors(shape, quantisation):
        assert spec.dims[0] % spec.type.block == 0, spec.name


def kinds(name: str, quantisation: Quantisation) -> dict[str, str]:
    return {spec.name: spec.type.name for spec in tensors(SHAPES[name], quantisation)}


def test_the_head_is_packed_finer() -> None:
    tiny = kinds("tinyllama-1.1b", Quantisation.Q4_0)
    assert (tiny["token_embd.weight"], tiny["output.weight"]) == (Q4_0.name, Q6_K.name)
    assert tiny["blk.21.ffn_down.weight"] == Q4_0.name
    assert tiny["blk.0.attn_norm.weight"] == F32.name
    assert kinds("gemma-2b", Quantisation.Q4_0)["token_embd.weight"] == Q6_K.name
    assert "output.weight" not in kinds("gemma-2b", Quantisation.Q4_0)
    assert kinds("smollm-135m", Quantisation.Q4_0)["token_embd.weight"] == Q8_0.name
    assert set(kinds("smollm-135m", Quantisation.Q8_0).values()) == {Q8_0.name, F32.name}


def test_biases_where_the_architecture_has_them() -> None:
    assert "blk.0.attn_q.bias" in kinds("qwen2.5-0.5b", Quantisation.Q4_0)
    assert "output_norm.bias" in kinds("zephyr-3b", Quantisation.Q4_0)
    assert not any(name.endswith(".bias") for name in kinds("llama-2-7b", Quantisation.Q4_0))
