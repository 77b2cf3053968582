"""The torch engine, against the libraries themselves: diffusers' and transformers' own answers are the truth."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch

from gflow.kernels import noise
from gflow.kernels import types as t
from gflow.kernels.noise import Key
from gflow.kernels.types import Size
from gflow.runtime.engines import structured, torch_scorer
from gflow.runtime.engines.base import CallContext, LoadedModel
from gflow.runtime.engines.sampling import sampler
from gflow.runtime.engines.torch import TorchEngine
from gflow.runtime.errors import EngineFailed, ModelMissing, OpFailed, TimedOut
from gflow.runtime.plan import Model

KEY = noise.root(7).derive("poster").derive("images")
PAINT: dict[str, Any] = {
    "prompt": "a red dot",
    "negative_prompt": "",
    "size": None,
    "steps": 3,
    "guidance_scale": 4.0,
    "image": None,
    "mask": None,
    "strength": 0.6,
    "seed": None,
    "seed_like": "gflow",
}
WRITE: dict[str, Any] = {
    "prompt": "Describe",
    "max_tokens": 12,
    "temperature": 0.7,
    "top_p": 0.9,
    "system": "",
    "seed": None,
}
FORM = t.Record(
    (
        ("colour", t.Choice(("red", "blue"))),
        ("n", t.INT),
        ("x", t.FLOAT),
        ("ok", t.BOOL),
        ("notes", t.ListOf(t.TEXT)),
        ("more", t.Optional(t.TEXT)),
        ("less", t.Optional(t.INT)),
    )
)
FILLED = {"colour": "blue", "n": -42, "x": 3.25, "ok": True, "notes": ["a b", "it's"], "more": None, "less": 0}


def load(provider: str, folder: Path) -> LoadedModel:
    return TorchEngine().load(Model(name="m", provider=provider, args={"source": str(folder)}, folder=str(folder)))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from diffusers import EulerAncestralDiscreteScheduler

    folder = tmp_path_factory.mktemp("models")
    tiny_models.diffusion(folder / "painter")
    tiny_models.diffusion(folder / "ancestral", EulerAncestralDiscreteScheduler(steps_offset=1))
    tiny_models.language(folder / "writer")
    tiny_models.language(folder / "plain", chat=False)
    tiny_models.scorer(folder / "judge", calibration=(3.0, 0.25))
    return folder


@pytest.fixture(scope="module")
def painter(folders: Path) -> LoadedModel:
    return load("diffusion", folders / "painter")


@pytest.fixture(scope="module")
def writer(folders: Path) -> LoadedModel:
    return load("language", folders / "writer")


@pytest.fixture(scope="module")
def judge(folders: Path) -> LoadedModel:
    return load("scorer", folders / "judge")


def paint(model: LoadedModel, key: Key = KEY, context: CallContext | None = None, **args: Any) -> Any:
    context = context or CallContext()
    return model.call("generate", PAINT | args, key=key, as_type=None, context=context)


def write(model: LoadedModel, key: Key = KEY, as_type: t.AnyType | None = None, **args: Any) -> Any:
    return model.call("generate", WRITE | args, key=key, as_type=as_type, context=CallContext())


def picture(height: int = 32, width: int = 32, channels: int = 3) -> Any:
    return np.random.default_rng(3).random((height, width, channels), dtype=np.float32)


def warnings_of(model: LoadedModel, method: str, args: dict[str, Any]) -> list[str]:
    said: list[str] = []
    model.call(method, args, key=KEY, as_type=None, context=CallContext(warn=said.append))
    return said


# --- pictures ----------------------------------------------------------------------------------------


def test_the_noise_of_a_picture_is_that_of_its_key(painter: LoadedModel, folders: Path) -> None:
    from diffusers import StableDiffusionPipeline

    plain = StableDiffusionPipeline.from_pretrained(folders / "painter")
    latents = torch.from_numpy(noise.normal(KEY, (1, 4, 8, 8), draw=0))
    expected = plain("a red dot", latents=latents, num_inference_steps=3, guidance_scale=4.0, output_type="np")
    made = paint(painter)
    assert made.dtype == np.float32 and made.shape == (32, 32, 3)
    assert np.array_equal(made, expected.images[0])
    assert not np.array_equal(made * 255, np.round(made * 255)), "it must not have gone through bytes"


def test_seed_like_torch_is_the_picture_of_a_plain_script(painter: LoadedModel, folders: Path) -> None:
    from diffusers import AutoPipelineForImage2Image, StableDiffusionPipeline

    plain = StableDiffusionPipeline.from_pretrained(folders / "painter")
    settings = {"num_inference_steps": 3, "guidance_scale": 4.0, "output_type": "np"}
    expected = plain("a red dot", generator=torch.Generator().manual_seed(11), **settings).images[0]
    assert np.array_equal(paint(painter, seed=11, seed_like="torch"), expected)
    # The place of the call does not matter where a seed is given.
    assert np.array_equal(paint(painter, KEY.item(4), seed=11, seed_like="torch"), expected)

    start = picture()
    tensor = torch.from_numpy(start.transpose(2, 0, 1)[None])
    from_image = AutoPipelineForImage2Image.from_pipe(plain)
    expected = from_image(
        "a red dot", image=tensor, strength=0.7, generator=torch.Generator().manual_seed(11), **settings
    ).images[0]
    assert np.array_equal(paint(painter, seed=11, seed_like="torch", image=start, strength=0.7), expected)


def test_a_seed_is_the_whole_key(painter: LoadedModel) -> None:
    assert np.array_equal(paint(painter, KEY, seed=5), paint(painter, KEY.item(9), seed=5))
    assert not np.array_equal(paint(painter, seed=5), paint(painter, seed=6))
    with pytest.raises(OpFailed, match="64 bits"):
        paint(painter, seed=2**64, seed_like="torch")


@pytest.mark.parametrize("name", ["painter", "ancestral"])
def test_drafts_alone_and_in_any_order_are_the_same(folders: Path, name: str) -> None:
    model = load("diffusion", folders / name)
    forwards = [paint(model, KEY.item(index)) for index in range(3)]
    # Neither what was drawn before, nor torch's own generator, nor another task in between has a say.
    torch.manual_seed(123)
    paint(model, image=picture(), mask=picture()[:, :, 0])
    backwards = [paint(model, KEY.item(index)) for index in (2, 1, 0)]
    for draft, again in zip(forwards, reversed(backwards), strict=True):
        assert np.array_equal(draft, again)
    assert not np.array_equal(forwards[0], forwards[1])


def test_an_ancestral_schedulers_noise_has_an_address(folders: Path) -> None:
    from diffusers import StableDiffusionPipeline
    from diffusers.schedulers import scheduling_euler_ancestral_discrete as module

    plain = StableDiffusionPipeline.from_pretrained(folders / "ancestral")
    draws = iter(range(1, 4))

    def numbered(shape: Any, **_: Any) -> torch.Tensor:
        return torch.from_numpy(noise.normal(KEY, tuple(shape), draw=next(draws)))

    own, module.randn_tensor = module.randn_tensor, numbered
    try:
        latents = torch.from_numpy(noise.normal(KEY, (1, 4, 8, 8), draw=0))
        expected = plain("a red dot", latents=latents, num_inference_steps=3, guidance_scale=4.0, output_type="np")
    finally:
        module.randn_tensor = own
    assert np.array_equal(paint(load("diffusion", folders / "ancestral")), expected.images[0])


def test_torch_draws_as_ever_afterwards(painter: LoadedModel) -> None:
    torch.manual_seed(1)
    before = torch.randn(3)
    torch.manual_seed(1)
    paint(painter)
    assert torch.equal(torch.randn(3), before)
    assert torch.randn.__module__ != "gflow.runtime.engines.torch_noise"


def test_weights_are_in_memory_once(folders: Path) -> None:
    model: Any = load("diffusion", folders / "painter")
    paint(model)
    paint(model, image=picture())
    paint(model, image=picture(), mask=picture()[:, :, 0])
    assert len(model.pipelines) == 3
    for part in ("unet", "vae", "text_encoder"):
        assert len({id(getattr(pipeline, part)) for pipeline in model.pipelines.values()}) == 1


def test_sizes(painter: LoadedModel) -> None:
    assert paint(painter, size=Size(48, 40)).shape == (40, 48, 3)
    with pytest.raises(OpFailed) as failure:
        paint(painter, size=Size(33, 40))
    assert "multiples of 8" in failure.value.message and "32x40 or 40x40" in failure.value.help
    for size in (Size(0, 8), Size(80_000, 80_000)):
        with pytest.raises(OpFailed):
            paint(painter, size=size)


def test_an_image_is_brought_to_a_size_that_works(painter: LoadedModel) -> None:
    assert paint(painter, image=picture(37, 43)).shape == (40, 40, 3)
    assert paint(painter, image=picture(37, 43), size=Size(48, 32)).shape == (32, 48, 3)
    assert paint(painter, image=picture(3, 3)).shape == (8, 8, 3)


def test_strength_says_how_far_to_go(painter: LoadedModel) -> None:
    start = picture()
    assert np.array_equal(paint(painter, image=start, strength=0.0), start)
    with pytest.raises(OpFailed) as failure:
        paint(painter, image=start, strength=0.2)
    assert "5 steps" in failure.value.help
    assert paint(painter, image=start, strength=0.2, steps=5).shape == (32, 32, 3)


def test_transparent_is_white(painter: LoadedModel) -> None:
    clear = picture(channels=4)
    clear[:, :, 3] = 0
    white = np.ones((32, 32, 3), np.float32)
    assert np.array_equal(paint(painter, image=clear), paint(painter, image=white))


def test_what_a_mask_keeps_it_keeps_exactly(painter: LoadedModel) -> None:
    start, mask = picture(), np.zeros((32, 32), np.float32)
    mask[:16] = 1
    made = paint(painter, image=start, mask=mask, strength=1.0)
    assert np.array_equal(made[16:], start[16:])
    assert np.mean(made[:16] == start[:16]) < 0.1
    # A mask of another size is brought to the picture's.
    assert np.array_equal(paint(painter, image=start, mask=mask[::2, ::2], strength=1.0)[20:], start[20:])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"steps": 0}, "steps"),
        ({"guidance_scale": -1.0}, "guidance_scale"),
        ({"guidance_scale": math.nan}, "guidance_scale"),
        ({"strength": 1.5}, "strength"),
        ({"mask": np.ones((32, 32), np.float32)}, "mask"),
    ],
)
def test_settings_no_model_takes(painter: LoadedModel, args: dict[str, Any], message: str) -> None:
    with pytest.raises(OpFailed, match=message):
        paint(painter, **args)


def test_a_prompt_that_is_too_long_is_told_of(painter: LoadedModel) -> None:
    said = warnings_of(painter, "generate", PAINT | {"prompt": "abcdefghij klmnopqrst"})
    assert len(said) == 1 and "16 tokens" in said[0] and "“opqrst”" in said[0]
    assert warnings_of(painter, "generate", PAINT | {"prompt": "abcdefghij klmn"}) == []


def test_time_runs_out_between_steps(painter: LoadedModel) -> None:
    steps: list[int] = []

    def slow(done: int, total: int) -> None:
        steps.append(done)
        assert total == 50
        time.sleep(0.05)

    with pytest.raises(TimedOut):
        paint(painter, steps=50, context=CallContext(deadline=time.monotonic() + 0.5, progress=slow))
    assert len(steps) < 20
    assert paint(painter).shape == (32, 32, 3)


def test_progress_counts_the_steps_that_run(painter: LoadedModel) -> None:
    seen: list[tuple[int, int]] = []
    paint(painter, image=picture(), strength=0.7, context=CallContext(progress=lambda *step: seen.append(step)))
    assert seen == [(1, 2), (2, 2)]


# --- text --------------------------------------------------------------------------------------------


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


# --- scores ------------------------------------------------------------------------------------------


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


# --- all of them -------------------------------------------------------------------------------------

CALLS = """
import hashlib, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import test_engine_torch as tests
print(tests.digest(Path(sys.argv[1])))
"""


def digest(folders: Path) -> str:
    """Everything that is random or computed, in one number."""
    painter, ancestral = (load("diffusion", folders / name) for name in ("painter", "ancestral"))
    mask = np.zeros((32, 32), np.float32)
    mask[4:20, 4:20] = 1
    pictures = [
        paint(painter),
        paint(ancestral),
        paint(ancestral, image=picture()),
        paint(ancestral, image=picture(), mask=mask, strength=1.0),
    ]
    writer, judge = load("language", folders / "writer"), load("scorer", folders / "judge")
    texts = [write(writer), write(writer, as_type=FORM, max_tokens=5)]
    embedding = {"image": pictures[0], "text": None}
    vector = judge.call("embed", embedding, key=None, as_type=None, context=CallContext())
    text = repr((texts, vector)).encode()
    return hashlib.sha256(b"".join(made.tobytes() for made in pictures) + text).hexdigest()


def test_two_processes_agree_to_the_bit_and_keep_silent(folders: Path) -> None:
    here = Path(__file__).parent
    other = subprocess.run(
        [sys.executable, "-c", CALLS, str(folders), str(here), str(here.parent)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert other.stderr == ""
    assert other.stdout.strip() == digest(folders)


def test_what_cannot_be_loaded(folders: Path, tmp_path: Path) -> None:
    import shutil

    with pytest.raises(ModelMissing):
        load("diffusion", folders / "judge")
    with pytest.raises(ModelMissing):
        load("language", tmp_path)
    with pytest.raises(ModelMissing, match="provider"):
        load("speech", tmp_path)
    pickled = tmp_path / "pickled"
    shutil.copytree(folders / "writer", pickled)
    (pickled / "model.safetensors").unlink()
    torch.save({}, pickled / "pytorch_model.bin")
    with pytest.raises(ModelMissing):
        load("language", pickled)


@pytest.mark.parametrize(("provider", "name"), [("language", "writer"), ("scorer", "judge")])
def test_weights_that_lack_a_part_are_not_made_up(folders: Path, tmp_path: Path, provider: str, name: str) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(folders / name, tmp_path / name)
    file = tmp_path / name / "model.safetensors"
    tensors = load_file(file)
    lost = next(key for key in tensors if "layers.0" in key)
    del tensors[lost]
    save_file(tensors, file, {"format": "pt"})
    with pytest.raises(ModelMissing, match="lack"):
        load(provider, tmp_path / name)


def test_a_failure_inside_a_model_is_an_engines(writer: LoadedModel, tmp_path: Path, folders: Path) -> None:
    broken: Any = load("language", folders / "writer")
    broken.network.model.norm = None
    with pytest.raises(EngineFailed):
        write(broken)
