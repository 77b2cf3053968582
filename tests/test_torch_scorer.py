"""Scores of the torch engine, against transformers itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch
from torch_calls import load, picture, warnings_of

from gflow.runtime.engines import torch_scorer
from gflow.runtime.engines.base import CallContext, LoadedModel
from gflow.runtime.errors import OpFailed


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_models.scorer(folder / "judge", calibration=(3.0, 0.25))
    return folder


@pytest.fixture(scope="module")
def judge(folders: Path) -> LoadedModel:
    return load("scorer", folders / "judge")


def test_pictures_are_prepared_as_transformers_does(judge: Any) -> None:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    own = CLIPImageProcessorPil(**judge.processor)
    for height, width in ((16, 16), (40, 30), (23, 61), (9, 12)):
        shown = picture(height, width) * 0.5 + 0.25  # Far from black and white, where bytes would overflow.
        in_bytes = np.round(shown * 255).astype(np.uint8)
        expected = own(in_bytes, return_tensors="np")["pixel_values"][0]
        made = torch_scorer.prepare(shown, judge.processor)
        assert made.shape == expected.shape == (3, 16, 16)
        # transformers rounds to bytes before, within and after resizing.
        assert np.abs(made - expected).max() < 2 / 255 / 0.25


def test_a_score_is_the_calibrated_cosine(judge: Any, folders: Path) -> None:
    from transformers import AutoTokenizer, CLIPModel

    network = CLIPModel.from_pretrained(folders / "judge")
    given = AutoTokenizer.from_pretrained(folders / "judge")("a red dot", return_tensors="pt")
    pixels = torch.from_numpy(torch_scorer.prepare(picture(), judge.processor)[None])
    with torch.inference_mode():
        cosine = (network(**given, pixel_values=pixels).logits_per_image / network.logit_scale.exp()).item()
    score = judge.call(
        "score", {"image": picture(), "text": "a red dot"}, key=None, as_type=None, context=CallContext()
    )
    assert score == pytest.approx(1 / (1 + math.exp(-(3 * cosine + 0.25))), abs=1e-4)
    assert score == round(score, 4)


def test_vectors(judge: LoadedModel) -> None:
    def embed(**args: Any) -> Any:
        return judge.call(
            "embed", {"text": None, "image": None} | args, key=None, as_type=None, context=CallContext()
        )

    text, image = embed(text="a red dot"), embed(image=picture())
    assert len(text) == len(image) == 16 and all(type(number) is float for number in text)
    assert np.linalg.norm(text) == pytest.approx(1) and np.linalg.norm(image) == pytest.approx(1)
    score = judge.call(
        "score", {"image": picture(), "text": "a red dot"}, key=None, as_type=None, context=CallContext()
    )
    assert score == pytest.approx(1 / (1 + math.exp(-(3 * np.dot(text, image) + 0.25))), abs=1e-4)
    for args in ({}, {"text": "a", "image": picture()}):
        with pytest.raises(OpFailed):
            embed(**args)


def test_a_text_too_long_to_score_is_told_of(judge: LoadedModel) -> None:
    said = warnings_of(judge, "score", {"image": picture(), "text": "abcdefghij klmnopqrst"})
    assert len(said) == 1 and "“opqrst”" in said[0]
