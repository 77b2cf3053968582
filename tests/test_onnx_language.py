"""Texts of lowered models, against the torch engine: the same tokens from the same key."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import onnx_calls
import pytest
import tiny_models
import torch_calls
from torch_calls import FILLED, FORM, KEY, WRITE, write

from gflow.compiler.models.chat import fill, pieces
from gflow.compiler.models.lowering import NotLowered, lower
from gflow.kernels import types as t
from gflow.runtime.engines import structured
from gflow.runtime.engines.base import CallContext, LoadedModel
from gflow.runtime.engines.torch_language import templated
from gflow.runtime.errors import OpFailed, TimedOut
from gflow.runtime.lowered import read

#: What the small model has learnt by heart, prompt and answer.
ANSWER = json.dumps(FILLED, separators=(",", ":"))
KNOWS = f"user: Say\n\n{structured.instruction(FORM)}\nassistant: {ANSWER}"


@dataclass(frozen=True)
class Both:
    """One model on both engines. folder: its own files; lowered: those that it became."""

    folder: Path
    lowered: Path
    torch: LoadedModel
    onnx: LoadedModel


def both(folder: Path, lowered: Path) -> Both:
    onnx = onnx_calls.load("language", folder, lowered)
    return Both(folder, lowered, torch_calls.load("language", folder), onnx)


@pytest.fixture(scope="module")
def chatty(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """A small model of random weights with a chat template and room for 64 tokens."""
    folder = tiny_models.language(tmp_path_factory.mktemp("models") / "chatty", context=64)
    return both(folder, onnx_calls.lowered("language", folder))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """A small model that has learnt by heart what it is asked for a form, and the form filled in."""
    folder = tiny_models.language(tmp_path_factory.mktemp("models") / "learnt", knows=KNOWS)
    return both(folder, onnx_calls.lowered("language", folder))


@pytest.fixture(scope="module")
def starter() -> Both:
    folder = onnx_calls.STARTER / "writer"
    return both(folder, folder / "lowered")


def same(models: Both, **args: Any) -> Any:
    """What both engines write."""
    theirs = write(models.torch, **args)
    assert write(models.onnx, **args) == theirs
    return theirs


def test_greedy_texts(chatty: Both, starter: Both) -> None:
    texts = {same(chatty, prompt=prompt, temperature=0.0) for prompt in ("a", "Describe", "naïve 東京 🙂")}
    assert len(texts) == 3
    said = same(starter, prompt="a red circle above a blue square", temperature=0.0, max_tokens=40)
    assert "red" in said


@pytest.mark.parametrize("args", [{}, {"temperature": 2.0, "top_p": 1.0}, {"system": "Be brief."}])
def test_sampled_texts_have_the_same_address(chatty: Both, starter: Both, args: dict[str, Any]) -> None:
    for models in (chatty, starter):
        texts = {same(models, key=KEY.item(place), **args) for place in range(4)}
        assert len(texts) > 1
        assert same(models, key=KEY.item(0), seed=3, **args) == same(models, key=KEY.item(1), seed=3, **args)


def test_forms(chatty: Both, learnt: Both) -> None:
    assert same(learnt, as_type=FORM, prompt="Say", max_tokens=40) == FILLED
    types: list[t.AnyType] = [t.INT, t.FLOAT, t.BOOL, t.Choice(("one", "two")), t.ListOf(t.TEXT), t.Optional(t.INT)]
    for type_ in types:
        value = same(chatty, as_type=type_, prompt="x", temperature=2.0, top_p=1.0, max_tokens=6)
        assert structured.read(type_, json.dumps({"value": value})) == value


def test_a_learnt_answer_ends_where_it_ends(learnt: Both) -> None:
    said = same(learnt, prompt=f"Say\n\n{structured.instruction(FORM)}", max_tokens=200, temperature=0.0)
    assert said == ANSWER


def test_what_both_engines_warn_of(chatty: Both) -> None:
    def said(model: LoadedModel, **args: Any) -> tuple[str, list[str], list[tuple[int, int]]]:
        told: list[str] = []
        done: list[tuple[int, int]] = []
        context = CallContext(warn=told.append, progress=lambda some, total: done.append((some, total)))
        return model.call("generate", WRITE | args, key=KEY, as_type=None, context=context), told, done

    for args in ({"prompt": "abc " * 40}, {"prompt": "x", "max_tokens": 300, "temperature": 0.0}):
        theirs, ours = said(chatty.torch, **args), said(chatty.onnx, **args)
        assert ours == theirs
        assert len(ours[1]) == 1


def test_what_no_model_takes(chatty: Both) -> None:
    for args in ({"max_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}):
        with pytest.raises(OpFailed, match=next(iter(args))):
            write(chatty.onnx, **args)
    with pytest.raises(TimedOut):
        chatty.onnx.call("generate", WRITE, key=KEY, as_type=None, context=CallContext(deadline=0.0))


def test_a_model_without_a_chat_template(chatty: Both, tmp_path: Path) -> None:
    plain = tiny_models.language(tmp_path / "plain", chat=False, context=64)
    # Its network is the same, so that it need not be exported again.
    place = chatty.lowered.with_name("plain-lowered")
    shutil.copytree(chatty.lowered, place)
    lowered = read(place)
    assert lowered.settings["chat"] is not None
    changed = msgspec.structs.replace(lowered, settings={**lowered.settings, "chat": None})
    (place / "lowered.json").write_bytes(msgspec.json.encode(changed))
    models = both(plain, place)
    for args in ({}, {"system": "Be brief."}, {"prompt": ""}):
        same(models, **args)
    assert same(models, temperature=0.0) != same(chatty, temperature=0.0)


# --- chat templates --------------------------------------------------------------------------------

TEMPLATES = {
    "chatml": (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    "a system text of its own": (
        "{% if messages[0].role != 'system' %}<s>Be good.</s>{% endif %}"
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    ),
    "no system text": (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "[INST] {{ m.content }} [/INST]{% endfor %}"
    ),
}


def tokenizer(template: str) -> Any:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), eos_token="</s>", bos_token="<s>")
    made.chat_template = template
    return made


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_become_pieces(name: str) -> None:
    made = tokenizer(TEMPLATES[name])
    found = pieces(made)
    assert found is not None
    for system in ("", "Be brief.", "{{ x }}"):
        for prompt in ("", "two\nlines", "<|im_end|>", "${a} {% b %}"):
            assert fill(found, system, prompt) == templated(made, system, prompt)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{% for m in messages %}{{ m.content | upper }}{% endfor %}", "once each"),
        ("{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", "once each"),
        ("{% for m in messages %}{{ m.content | trim }};{% endfor %}", "changes the texts"),
        ("{% for m in messages | reverse %}{{ m.content }};{% endfor %}", "after the prompt"),
        ("{{ messages | length }}", "once each"),
    ],
)
def test_templates_that_do_more_are_refused(template: str, why: str) -> None:
    with pytest.raises(NotLowered, match=f"^chat template: .*{why}"):
        pieces(tokenizer(template))


def test_a_decoder_that_forgets_is_refused(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, MistralConfig, MistralForCausalLM

    folder = tiny_models.language(tmp_path / "model")
    config = MistralConfig(
        vocab_size=len(AutoTokenizer.from_pretrained(folder)),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        sliding_window=8,
    )
    MistralForCausalLM(config).save_pretrained(folder)
    (tmp_path / "out").mkdir()
    with pytest.raises(NotLowered, match=r"^decoder: its attention looks back 8 tokens only"):
        lower("language", folder, tmp_path / "out")
