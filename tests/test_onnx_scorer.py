"""Scores of lowered models, against the torch engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_calls
import pytest
import tiny_models
import torch_calls
from torch_calls import picture, warnings_of

from gflow.runtime.engines.base import BatchModel, CallContext, LoadedModel, Request
from gflow.runtime.errors import ModelMissing, OpFailed, TimedOut

TEXTS = ["a red circle on a white background", "", "a blue square", "a red circle"]
RED, WHITE = np.array([0.86, 0.16, 0.16], np.float32), np.array([0.99, 0.99, 0.99], np.float32)


def circle(height: int, width: int) -> Any:
    """A red circle on white: what the starter judge knows."""
    high, wide = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1) - 0.5
    return np.where((high**2 + wide**2 < 0.07)[:, :, None], RED, WHITE)


@dataclass(frozen=True)
class Both:
    """One model on both engines. close: what their scores may differ by."""

    torch: LoadedModel
    onnx: BatchModel
    close: float


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model whose scores use the whole range."""
    made = tiny_models.scorer(tmp_path_factory.mktemp("models") / "judge", calibration=(3.0, 0.25))
    onnx_calls.lowered("scorer", made)
    return made


@pytest.fixture(scope="module", params=["small", "starter"])
def judges(request: pytest.FixtureRequest) -> Both:
    if request.param == "starter":
        place = onnx_calls.STARTER / "judge"
        lowered = place / "lowered"
    else:
        place = request.getfixturevalue("folder")
        lowered = place.with_name("judge-lowered")
    onnx = onnx_calls.load_batches("scorer", place, lowered)
    # The last decimal of a rounded score may fall either way.
    return Both(torch_calls.load("scorer", place), onnx, 1.01e-4)


def called(model: LoadedModel, method: str, **args: Any) -> Any:
    given = {"text": None, "image": None} | args if method == "embed" else args
    return model.call(method, given, key=None, as_type=None, context=CallContext())


def test_scores_are_torchs(judges: Both) -> None:
    scores = []
    for image in (circle(64, 64), circle(40, 90), picture(7, 5)):
        for text in TEXTS[:3]:
            theirs = called(judges.torch, "score", image=image, text=text)
            ours = called(judges.onnx, "score", image=image, text=text)
            assert ours == pytest.approx(theirs, abs=judges.close)
            assert ours == round(ours, 4)
            scores.append(ours)
    assert len(set(scores)) >= 3 and max(scores) > 0.1, scores


def test_a_picture_with_transparency_is_seen_on_white(judges: Both) -> None:
    image = picture(32, 32, 4)
    theirs = called(judges.torch, "score", image=image, text="a red dot")
    assert called(judges.onnx, "score", image=image, text="a red dot") == pytest.approx(theirs, abs=judges.close)


def test_vectors_are_torchs(judges: Both) -> None:
    for args in ({"text": "a red dot"}, {"text": ""}, {"image": picture(40, 30)}):
        theirs, ours = called(judges.torch, "embed", **args), called(judges.onnx, "embed", **args)
        assert np.allclose(ours, theirs, atol=1e-5)
        assert np.linalg.norm(ours) == pytest.approx(1) and all(type(number) is float for number in ours)
    vectors = {
        "image": called(judges.onnx, "embed", image=picture()),
        "text": called(judges.onnx, "embed", text="a"),
    }
    assert called(judges.onnx, "compare", **vectors) == called(judges.onnx, "score", image=picture(), text="a")
    for args in ({}, {"text": "a", "image": picture()}):
        with pytest.raises(OpFailed, match="give one of the two"):
            called(judges.onnx, "embed", **args)


@pytest.mark.parametrize(("count", "size"), [(1, 1), (3, 4), (8, 8)])
def test_batches(judges: Both, count: int, size: int) -> None:
    pictures = [circle(20 + 9 * number, 30) for number in range(count)]
    texts = [TEXTS[number % len(TEXTS)] for number in range(count)]

    def batch(method: str, calls: list[dict[str, Any]]) -> list[Any]:
        return judges.onnx.call_batch(method, [Request(each, None, CallContext()) for each in calls], size=size)

    pairs = [{"image": image, "text": text} for image, text in zip(pictures, texts, strict=True)]
    theirs = [called(judges.torch, "score", **pair) for pair in pairs]
    assert batch("score", pairs) == pytest.approx(theirs, abs=judges.close)
    seen = batch("embed", [{"image": image, "text": None} for image in pictures])
    read = batch("embed", [{"image": None, "text": text} for text in texts])
    vectors = [{"image": image, "text": text} for image, text in zip(seen, read, strict=True)]
    assert batch("compare", vectors) == pytest.approx(theirs, abs=judges.close)
    # A slot's bits don't depend on its neighbours.
    assert batch("embed", [{"image": pictures[0], "text": None}])[0] == seen[0]


def test_a_text_too_long_to_score_is_told_of(judges: Both) -> None:
    args = {"image": picture(), "text": "a circle " * 30}
    theirs, ours = warnings_of(judges.torch, "score", args), warnings_of(judges.onnx, "score", args)
    assert ours == theirs != []


def test_the_time_that_is_given(judges: Both) -> None:
    late = CallContext(deadline=0.0)
    with pytest.raises(TimedOut):
        judges.onnx.call("score", {"image": picture(), "text": "a"}, key=None, as_type=None, context=late)


def test_a_damaged_model_is_told_of(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="can't be read"):
        onnx_calls.load("scorer", folder, tmp_path)
    lowered = folder.with_name("judge-lowered")
    for name in ("lowered.json", "text.onnx", "image.onnx"):
        (tmp_path / name).write_bytes((lowered / name).read_bytes())
    with pytest.raises(ModelMissing, match="damaged"):
        onnx_calls.load("scorer", folder, tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((lowered / "tokenizer.json").read_bytes())
    # The weights are named relative to the folder, so here there are none.
    with pytest.raises(ModelMissing, match="does not have the weights"):
        called(onnx_calls.load("scorer", folder, tmp_path), "embed", text="a")
