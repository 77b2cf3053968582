"""Where models' files are, and what `gflow check` can tell of them without loading anything."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_models

from gflow.compiler import models
from gflow.grammar.diagnostics import Diagnostic
from gflow.grammar.source import Source, Span
from gflow.kernels.models import providers


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_models.diffusion(folder / "painter")
    tiny_models.language(folder / "writer")
    tiny_models.scorer(folder / "judge", calibration=(3.0, 0.25))
    return folder


@pytest.fixture
def here(built: Path, tmp_path: Path) -> Path:
    """A folder with a script in it and a copy of the models beside, to be damaged."""
    shutil.copytree(built, tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub's."""
    import huggingface_hub.constants

    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    return cache


def resolve(provider: str, here: Path, source: str) -> tuple[str | None, list[Diagnostic]]:
    text = f'"{source}"'
    return models.resolve(provider, {"source": source}, Span(Source("x.gflow", text), 0, len(text)), here)


def resolve_language(here: Path, args: dict[str, Any]) -> tuple[str | None, list[Diagnostic]]:
    return models.resolve("language", args, Span(Source("x.gflow", "language()"), 0, 10), here)


def only(found: tuple[str | None, list[Diagnostic]], code: str) -> Diagnostic:
    folder, diagnostics = found
    assert folder is None
    assert [diagnostic.code for diagnostic in diagnostics] == [code]
    return diagnostics[0]


PROVIDERS = [("diffusion", "painter"), ("language", "writer"), ("scorer", "judge")]


@pytest.mark.parametrize(("provider", "name"), PROVIDERS)
def test_a_folder_beside_the_script_or_by_its_whole_path(built: Path, provider: str, name: str) -> None:
    for source in (name, f"./{name}", str(built / name), f"../{built.name}/{name}"):
        assert resolve(provider, built, source) == (str(built / name), [])


@pytest.mark.parametrize("provider", ["diffusion", "language", "scorer"])
@pytest.mark.parametrize("name", ["painter", "writer", "judge"])
def test_a_model_of_another_kind(built: Path, provider: str, name: str) -> None:
    if (provider, name) in PROVIDERS:
        return
    wrong = only(resolve(provider, built, name), "E0405")
    kind = {"painter": "StableDiffusionPipeline", "writer": "LlamaForCausalLM", "judge": "CLIPModel"}[name]
    assert kind in wrong.text("label")


def test_nothing_there(here: Path, hub: Path) -> None:
    missing = only(resolve("diffusion", here, "paintr"), "E0402")
    assert missing.text("label") == 'did you mean "painter"?'
    assert missing.fix is not None and missing.fix.text == '"painter"'
    # In a folder that is there, a name with a slash is not a name on the hub.
    (here / "models").mkdir()
    shutil.move(here / "judge", here / "models" / "judge")
    assert only(resolve("scorer", here, "models/juge"), "E0402").text("label") == 'did you mean "models/judge"?'
    for source in ("", "/nowhere/at/all", "~/nowhere/at/all", "~nobody-by-this-name/x", "starter/nothing", "a/b/c"):
        only(resolve("scorer", here, source), "E0402")
    for source in ("\0", "x" * 5000):
        only(resolve("scorer", here, source), "E0402")


def test_starter_models_are_found_wherever_the_script_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_starter", lambda: here)
    assert resolve("language", Path("/"), "starter/writer") == (str(here / "writer"), [])
    assert only(resolve("language", Path("/"), "starter/wirter"), "E0402").text("label") == (
        'did you mean "starter/writer"?'
    )


def test_a_hub_name_is_looked_for_in_the_cache(here: Path, hub: Path) -> None:
    assert resolve("diffusion", here, "someone/painter") == (None, [])
    commit = "0123456789012345678901234567890123456789"
    stored = hub / "models--someone--painter"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(commit)
    snapshot = stored / "snapshots" / commit
    shutil.copytree(here / "painter", snapshot)
    assert resolve("diffusion", here, "someone/painter") == (str(snapshot), [])
    only(resolve("scorer", here, "someone/painter"), "E0405")
    # What is not in the cache comes with the first run.
    shutil.rmtree(snapshot / "unet")
    assert resolve("diffusion", here, "someone/painter") == (None, [])


def test_unknown_provider(here: Path) -> None:
    unknown = only(resolve("difusion", here, "painter"), "E0401")
    assert unknown.text("label") == "did you mean `diffusion`?"
    assert "`scorer`" in unknown.text("help")


def test_unknown_method() -> None:
    span = Span(Source("x.gflow", "generat"), 0, 7)
    unknown = models.unknown_method("painter", providers()["diffusion"], "generat", span)
    assert unknown.code == "E0403" and unknown.text("label") == "did you mean `generate`?"
    assert unknown.fix is not None and unknown.fix.text == "generate"


@pytest.mark.parametrize(
    ("provider", "file", "pickle"),
    [
        ("language", "writer/model.safetensors", "pytorch_model.bin"),
        ("scorer", "judge/model.safetensors", "pytorch_model.bin"),
        ("diffusion", "painter/unet/diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
        ("diffusion", "painter/text_encoder/model.safetensors", "model.pt"),
    ],
)
def test_pickled_weights_are_refused(here: Path, provider: str, file: str, pickle: str) -> None:
    (here / file).rename((here / file).with_name(pickle))
    refused = only(resolve(provider, here, file.split("/")[0]), "E0404")
    assert pickle in refused.text("label") and "safetensors" in refused.text("help")


def test_pickled_weights_alone_are_refused(here: Path) -> None:
    (here / "old").mkdir()
    for name in ("model.ckpt", "model.pth"):
        (here / "old" / name).write_bytes(b"never opened")
        for provider in ("diffusion", "language", "scorer"):
            only(resolve(provider, here, f"old/{name}"), "E0404")
            only(resolve(provider, here, "old"), "E0404")
        (here / "old" / name).unlink()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _cut_header(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20])


def _garble(file: Path) -> None:
    file.write_bytes(b"\x08\0\0\0\0\0\0\0garbage!" + bytes(100))


def _empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [_cut, _cut_header, _garble, _empty, Path.unlink, shutil.rmtree])
@pytest.mark.parametrize(
    ("provider", "file"),
    [
        ("language", "writer/model.safetensors"),
        ("scorer", "judge/model.safetensors"),
        ("diffusion", "painter/unet/diffusion_pytorch_model.safetensors"),
        ("diffusion", "painter/text_encoder/model.safetensors"),
    ],
)
def test_damaged_weights(here: Path, provider: str, file: str, damage: Callable[[Path], None]) -> None:
    if damage is shutil.rmtree:
        (here / file).unlink()
        (here / file).mkdir()
    else:
        damage(here / file)
    name, _, inner = file.partition("/")
    assert inner in only(resolve(provider, here, name), "E0406").text("label")


@pytest.mark.parametrize(
    ("provider", "file"),
    [
        ("diffusion", "painter/unet"),
        ("diffusion", "painter/scheduler"),
        ("diffusion", "painter/tokenizer"),
        ("diffusion", "painter/vae/config.json"),
        ("language", "writer/tokenizer.json"),
        ("scorer", "judge/tokenizer.json"),
    ],
)
def test_a_part_is_missing(here: Path, provider: str, file: str) -> None:
    shutil.rmtree(here / file) if (here / file).is_dir() else (here / file).unlink()
    name, _, inner = file.partition("/")
    assert only(resolve(provider, here, name), "E0406").text("label").startswith(inner)


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", "[" * 100_000])
@pytest.mark.parametrize(
    ("provider", "file"),
    [
        ("diffusion", "painter/model_index.json"),
        ("diffusion", "painter/unet/config.json"),
        ("language", "writer/config.json"),
        ("scorer", "judge/config.json"),
        ("scorer", "judge/calibration.json"),
    ],
)
def test_settings_that_are_not_json(here: Path, provider: str, file: str, text: str) -> None:
    (here / file).write_text(text, encoding="latin-1")
    name, _, inner = file.partition("/")
    assert only(resolve(provider, here, name), "E0406").text("label").startswith(inner)


def test_shards(here: Path) -> None:
    writer = here / "writer"
    (writer / "model.safetensors").rename(writer / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    index = writer / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": shards}))
    missing = only(resolve("language", here, "writer"), "E0406")
    assert missing.text("label") == "model-00002-of-00002.safetensors: it is missing"
    shutil.copy(writer / shards["a"], writer / shards["b"])
    assert resolve("language", here, "writer") == (str(writer), [])
    for wrong in ({}, {"weight_map": ["a"]}, {"weight_map": {"a": 3}}, {"weight_map": {"a": "../../judge/x"}}):
        index.write_text(json.dumps(wrong))
        only(resolve("language", here, "writer"), "E0406")


def test_single_files(here: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    one = np.zeros(1, np.float32)
    for names, found in (
        (["lora_unet_a.lora_up.weight"], "LoRA"),
        (["model.diffusion_model.input_blocks.0.0.weight"], "without its autoencoder"),
        (["x"], "other weights"),
    ):
        save_file(dict.fromkeys(names, one), here / "one.safetensors")
        assert found in only(resolve("diffusion", here, "one.safetensors"), "E0405").text("label")
    whole = ["model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.decoder.conv_in.weight"]
    save_file(dict.fromkeys(whole, one), here / "one.safetensors")
    assert resolve("diffusion", here, "one.safetensors") == (str(here / "one.safetensors"), [])
    only(resolve("language", here, "one.safetensors"), "E0405")
    _cut(here / "one.safetensors")
    only(resolve("diffusion", here, "one.safetensors"), "E0406")
    (here / "notes.txt").write_text("no model")
    only(resolve("diffusion", here, "notes.txt"), "E0405")


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({}, "neither"),
        ({"source": "writer", "endpoint": "http://x/v1", "name": "y"}, "both"),
        ({"source": "writer", "name": "y"}, "both"),
        ({"endpoint": "http://x/v1"}, "no `name`"),
        ({"name": "y"}, "neither"),
        ({"endpoint": "localhost:8000", "name": "y"}, "no address"),
    ],
)
def test_a_language_model_is_files_or_a_server(here: Path, args: dict[str, Any], problem: str) -> None:
    assert problem in only(resolve_language(here, args), "E0407").text("title")


def test_a_server_has_no_files(here: Path) -> None:
    assert resolve_language(here, {"endpoint": "http://127.0.0.1:1/v1", "name": "y"}) == (None, [])


def test_prompt_limits(built: Path, tmp_path: Path) -> None:
    limits = [models.prompt_limit(provider, str(built / name)) for provider, name in PROVIDERS]
    assert limits == [16, 512, 16]
    assert models.prompt_limit("diffusion", None) is models.prompt_limit("scorer", str(tmp_path)) is None


def test_nothing_heavy_is_imported(built: Path) -> None:
    check = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from gflow.compiler import models\n"
        "from gflow.grammar.source import Source, Span\n"
        "for provider, name in (('diffusion', 'painter'), ('language', 'writer'), ('scorer', 'judge')):\n"
        "    found = models.resolve(provider, {'source': name}, Span(Source('x', 'x'), 0, 1), Path(sys.argv[1]))\n"
        "    assert found[1] == [], found\n"
        "print([name for name in ('torch', 'transformers', 'diffusers', 'huggingface_hub') if name in sys.modules])"
    )
    root = Path(__file__).parents[1]
    ran = subprocess.run([sys.executable, "-c", check, str(built), str(root)], capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stderr
