"""Why an engine ended."""

from drivers.runs import dying


def test_the_most_telling_line() -> None:
    lines = [
        "0.00.000.376 I srv          init: initializing ...",
        "0.00.005.625 E llama_model_load: error loading model: tensor 'blk.1.ffn_up.weight' data is not within the file bounds, model is corrupted or incomplete",
        "0.00.005.655 E llama_model_load_from_file_impl: failed to load model",
        "0.00.005.664 I srv    operator(): operator(): cleaning up before exit...",
    ]
    assert dying.telling(lines).startswith("llama_model_load: error loading model: tensor 'blk.1")
    assert (
        dying.telling([lines[0], lines[2], lines[3]])
        == "llama_model_load_from_file_impl: failed to load model"
    )
    abort = (
        "/llama.cpp/common/common.cpp:2245: get_sub_batch: failed to add token 2 at index 1 (error -1, n = 2)"
    )
    assert dying.telling([lines[0], lines[2], abort, "", lines[3]]).startswith("get_sub_batch: failed to")
    assert dying.telling(["terminate called after throwing \x1b[0m"]).endswith("throwing \\x1b[0m")
    assert dying.telling([lines[0], lines[3], "[Inferior 1 (process 4594) detached]"]) == ""
    assert dying.telling([]) == ""


def test_the_last_line() -> None:
    assert dying.last_line(["a", "b\x1b[0m", " "]) == "b\\x1b[0m"
    assert dying.last_line([" ", ""]) == ""
