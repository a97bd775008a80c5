"""What reaches a request, and what the program."""

import pytest

from drivers.runtimes.mlc.given import misplaced, request_fields, serve_command, serve_words


@pytest.mark.parametrize(
    ("arg", "field"),
    [
        ("temperature=0.5", 0.5),
        ("seed=7", 7),
        ("logprobs=true", True),
        ('logit_bias={"12": -100}', {"12": -100}),
        ("stop=7", "7"),
        ("stop=a=b", "a=b"),
        ('stop=["a", "b"]', ["a", "b"]),
        ("stop=[a", "[a"),
        ("top_p=much", "much"),
        ("top_p=NaN", "NaN"),
        ("top_p=" + "[" * 100_000, "[" * 100_000),
    ],
)
def test_fields(arg: str, field: object) -> None:
    name = arg.partition("=")[0]
    found = request_fields((f"{name}=0", arg))
    assert found == {name: field}
    assert type(found[name]) is type(field)


def test_what_is_no_field() -> None:
    args = (
        "model=x",
        "serve=y",
        "best_of=2",
        "temperature",
        "--temperature=1",
        "max_tokens=5",
        "stream=false",
    )
    assert request_fields(args) == {}


def test_words_of_the_program() -> None:
    args = (
        "serve=HF://a/b", "seed=7", "--mode=server", "--overrides", "prefill_chunk_size=512;max_num_sequence=1",
        "--device cuda:1", "binary=/opt/mlc",
    )  # fmt: skip
    words = [
        "--mode", "server", "--overrides", "prefill_chunk_size=512;max_num_sequence=1", "--device", "cuda:1",
    ]  # fmt: skip
    assert serve_words(args) == words
    ours = ["--host", "127.0.0.1", "--port", "0", "--enable-debug"]
    assert serve_command(args) == ["/opt/mlc", "serve", "HF://a/b", *ours, *words]
    assert serve_command(("serve=m", "port=8123"))[:6] == [
        "mlc_llm",
        "serve",
        "m",
        "--host",
        "127.0.0.1",
        "--port",
    ]
    assert serve_command(("serve=m", "port=8123"))[6] == "8123"


@pytest.mark.parametrize(
    ("arg", "found"), [("--port=5", True), ("--host", True), ("--port 5", True), ("--hostess", False)]
)
def test_what_melt_says_itself(arg: str, *, found: bool) -> None:
    assert misplaced(("serve=m", arg)) == (arg if found else "")
