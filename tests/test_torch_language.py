"""Text of the torch engine, against transformers itself, and values of a type."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from torch_calls import FILLED, FORM, KEY, WRITE, load, warnings_of, write

from gflow.kernels import noise
from gflow.kernels import types as t
from gflow.runtime.engines import structured
from gflow.runtime.engines.base import LoadedModel
from gflow.runtime.engines.sampling import sampler
from gflow.runtime.errors import OpFailed


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_models.language(folder / "writer")
    tiny_models.language(folder / "plain", chat=False)
    return folder


@pytest.fixture(scope="module")
def writer(folders: Path) -> LoadedModel:
    return load("language", folders / "writer")


def test_temperature_0_is_the_likeliest_text(folders: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network = AutoModelForCausalLM.from_pretrained(folders / "plain")
    tokenizer = AutoTokenizer.from_pretrained(folders / "plain")
    given = tokenizer("Be brief.\n\nDescribe", return_tensors="pt")
    ids = network.generate(**given, max_new_tokens=12, do_sample=False)[0, given["input_ids"].shape[1] :]
    expected = tokenizer.decode(ids, skip_special_tokens=True).strip()
    assert write(load("language", folders / "plain"), temperature=0.0, system="Be brief.") == expected != ""


def test_text_has_an_address(writer: LoadedModel) -> None:
    assert write(writer, KEY.item(0)) == write(writer, KEY.item(0)) != write(writer, KEY.item(1))
    assert write(writer, KEY.item(0), seed=3) == write(writer, KEY.item(1), seed=3)
    # The same key, and more room: the text goes on where it ended.
    short, long = write(writer, max_tokens=4), write(writer, max_tokens=12)
    assert long.encode().startswith(short.encode()[:2])


def test_a_learnt_answer_ends_where_it_ends(tmp_path: Path) -> None:
    tiny_models.language(tmp_path, knows="user: Say it\nassistant:  A red circle. ")
    assert write(load("language", tmp_path), prompt="Say it", max_tokens=60, temperature=0.3) == "A red circle."
    assert write(load("language", tmp_path), prompt="Say it", max_tokens=6, temperature=0.3) == "A red"


def test_a_prompt_longer_than_the_context_loses_its_start(tmp_path: Path) -> None:
    model = load("language", tiny_models.language(tmp_path, context=64))
    said = warnings_of(model, "generate", WRITE | {"prompt": "start " + "x" * 80})
    assert len(said) == 1 and "start" in said[0]
    said = warnings_of(model, "generate", WRITE | {"prompt": "y", "max_tokens": 500})
    assert len(said) == 1 and "64 tokens" in said[0]
    # What is cut has no say, what is kept has.
    ends = [
        write(model, prompt=start + "z" * 70 + end) for start, end in (("one", "?"), ("two", "?"), ("one", "!"))
    ]
    assert ends[0] == ends[1] != ends[2]


@pytest.mark.parametrize(
    "args", [{"max_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.5}, {"temperature": math.nan}]
)
def test_settings_no_language_model_takes(writer: LoadedModel, args: dict[str, Any]) -> None:
    with pytest.raises(OpFailed, match=next(iter(args))):
        write(writer, **args)


def test_tokens_come_as_often_as_they_are_likely() -> None:
    chances = np.array([0.1, 0.5, 0.15, 0.25])
    pick = sampler(noise.root(1), 1.0, 1.0)
    counts = np.bincount([pick(np.log(chances)) for _ in range(4000)], minlength=4) / 4000
    assert np.allclose(counts, chances, atol=0.03)
    many = np.zeros(1000)
    numbers = [pick(many) for _ in range(512)]
    assert numbers[:256] != numbers[256:], "the same numbers must not come again"
    # At half the temperature chances are squared, and the second and fourth together reach 0.8 of them.
    pick = sampler(noise.root(2), 0.5, 0.8)
    counts = np.bincount([pick(np.log(chances)) for _ in range(4000)], minlength=4) / 4000
    assert np.allclose(counts, [0, 0.8, 0, 0.2], atol=0.03)


def test_a_form_holds_what_the_model_knows(tmp_path: Path) -> None:
    answer = json.dumps(FILLED, separators=(",", ":"))
    tiny_models.language(tmp_path, knows=f"user: Say\n\n{structured.instruction(FORM)}\nassistant: {answer}")
    assert write(load("language", tmp_path), as_type=FORM, prompt="Say", max_tokens=40) == FILLED


@pytest.mark.parametrize(
    "type_",
    [t.INT, t.FLOAT, t.BOOL, t.Choice(("one",)), FORM, t.ListOf(FORM), t.Optional(t.ListOf(t.TEXT)), t.TEXT],
)
def test_a_form_always_has_its_type(writer: LoadedModel, type_: t.AnyType) -> None:
    for seed in range(3):
        value = write(writer, as_type=type_, seed=seed, temperature=2.0, top_p=1.0, max_tokens=6)
        assert structured.read(type_, json.dumps({"value": value}) if type_ != FORM else json.dumps(value)) == value
        assert value == write(writer, as_type=type_, seed=seed, temperature=2.0, top_p=1.0, max_tokens=6)
