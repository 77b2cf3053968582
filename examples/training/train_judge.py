"""Trains `starter/judge`, a dual encoder in CLIP's layout, and calibrates its score.

Contrast between pictures alone teaches a bag of words, so every picture is also set against captions that differ
in one attribute, and heads that are thrown away afterwards read the scene from both towers' embeddings, which
brings the towers into one space early.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizer import MAX_LENGTH, make_tokenizer
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from world import BACKGROUNDS, COLOURS, RELATIONS, SHAPES, Scene, caption, render, sample_scenes

BATCH = 64
NEGATIVES = 3
LEARNING_RATE = 1.5e-3
COLOUR_NAMES, BACKGROUND_NAMES = list(COLOURS), [None, *BACKGROUNDS]


def make_judge(tokenizer: CLIPTokenizer) -> CLIPModel:
    """A small CLIP: pictures in 64 patches of 8x8, captions of up to 24 tokens, vectors of 128 numbers."""
    shared = {"hidden_size": 128, "intermediate_size": 384, "num_attention_heads": 4, "projection_dim": 128}
    text = {
        **shared,
        "num_hidden_layers": 3,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": MAX_LENGTH,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {**shared, "num_hidden_layers": 4, "image_size": 64, "patch_size": 8}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=128))


def attributes(scene: Scene) -> list[int]:
    """What a picture shows whichever way the caption puts it: the axis, the object that is above or left, the
    one that is below or right, and the background, as class numbers."""
    background = BACKGROUND_NAMES.index(scene.background)
    first = [COLOUR_NAMES.index(scene.first[0]), SHAPES.index(scene.first[1])]
    if scene.second is None:
        return [2, *first, 6, 4, background]
    second = [COLOUR_NAMES.index(scene.second[0]), SHAPES.index(scene.second[1])]
    pair = [first, second] if scene.relation in ("above", "left of") else [second, first]
    return [int(scene.relation in ("left of", "right of")), *pair[0], *pair[1], background]


CLASSES = (3, 6, 4, 7, 5, 5)


def variants(scene: Scene, rng: np.random.Generator, count: int) -> list[Scene]:
    """Scenes that differ from one in one attribute, none of them showing the same."""
    (c1, s1), other = scene.first, scene.second
    found = [Scene((c, s1), other, scene.relation, scene.background) for c in COLOURS]
    found += [Scene((c1, s), other, scene.relation, scene.background) for s in SHAPES]
    found += [Scene(scene.first, other, scene.relation, b) for b in BACKGROUND_NAMES]
    if other is not None:
        c2, s2 = other
        found += [Scene(scene.first, (c, s2), scene.relation, scene.background) for c in COLOURS]
        found += [Scene(scene.first, (c2, s), scene.relation, scene.background) for s in SHAPES]
        # Changing the relation and swapping the objects are the ones a bag of words can't tell; they count twice.
        found += 2 * [Scene(scene.first, other, r, scene.background) for r in RELATIONS]
        found += 3 * [Scene(other, scene.first, scene.relation, scene.background)]
        found = [s for s in found if s.second is not None and s.first[0] != s.second[0]]
    found = [s for s in found if attributes(s) != attributes(scene)]
    rng.shuffle(found)  # type: ignore[arg-type]
    return list({caption(s): s for s in found}.values())[:count]


class Captions:
    """Captions to token ids, kept, as there are few of them."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        self.tokenizer = tokenizer
        self.known: dict[str, list[int]] = {}

    def __call__(self, scenes: list[Scene]) -> torch.Tensor:
        texts = [caption(scene) for scene in scenes]
        for text in set(texts) - self.known.keys():
            self.known[text] = self.tokenizer(text).input_ids
        longest = max(len(self.known[text]) for text in texts)
        end = self.tokenizer.eos_token_id
        # Attention is causal, so what follows the end token changes nothing before it.
        return torch.tensor([self.known[text] + [end] * (longest - len(self.known[text])) for text in texts])


def embed(model: CLIPModel, pictures: torch.Tensor, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors of pictures and of captions."""
    image = model.visual_projection(model.vision_model(pixel_values=pictures).pooler_output)
    text = model.text_projection(model.text_model(input_ids=ids).pooler_output)
    return F.normalize(image, dim=-1), F.normalize(text, dim=-1)


def to_tensor(pictures: np.ndarray) -> torch.Tensor:
    """uint8 (n, h, w, 3) to float32 (n, 3, h, w) in -1..1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def step_loss(
    model: CLIPModel, heads: torch.nn.ModuleList, captions: Captions, scenes: list[Scene], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    count = len(scenes)
    negatives = [(variants(scene, rng, NEGATIVES) * NEGATIVES)[:NEGATIVES] for scene in scenes]
    flat = [scene for group in negatives for scene in group]
    image, text = embed(model, to_tensor(render(scenes, rng)), captions(scenes + flat))
    scale = model.logit_scale.exp().clamp(max=60)
    right, wrong = text[:count], text[count:].view(count, NEGATIVES, -1)
    near = torch.einsum("nd,nkd->nk", image, torch.cat([right[:, None], wrong], 1)) * scale
    labels = torch.arange(count)
    zeros = torch.zeros(count, dtype=torch.long)
    far = image @ right.T * scale
    contrast = (F.cross_entropy(far, labels) + F.cross_entropy(far.T, labels)) / 2
    hard = F.cross_entropy(near, zeros)
    targets = torch.tensor([attributes(scene) for scene in scenes])
    reading = sum(
        F.cross_entropy(head(side), targets[:, k]) for k, head in enumerate(heads) for side in (image, right)
    )
    return hard + contrast + 0.5 * reading, (near.argmax(1) == 0).float().mean()


def top1(model: CLIPModel, captions: Captions, rng: np.random.Generator, count: int = 400) -> float:
    """Share of pictures of unseen captions for which the right one of 10 captions scores highest."""
    scenes = sample_scenes(rng, count, unseen=True)
    right = 0
    with torch.no_grad():
        for scene in scenes:
            choices = [scene, *variants(scene, rng, 9)]
            image, text = embed(model, to_tensor(render([scene], rng)), captions(choices))
            right += int((image @ text.T).argmax()) == 0
    return right / count


def calibrate(model: CLIPModel, captions: Captions, rng: np.random.Generator) -> dict[str, float]:
    """A logistic regression of "right" on the cosine, over an even mix of right captions and captions wrong in
    one attribute, so that a score of 0.5 is as likely right as wrong."""
    scenes = sample_scenes(rng, 1500, unseen=True)
    wrong = [variants(scene, rng, 1)[0] for scene in scenes]
    with torch.no_grad():
        image, text = embed(model, to_tensor(render(scenes, rng)), captions(scenes + wrong))
    cosine = torch.cat([(image * text[:1500]).sum(1), (image * text[1500:]).sum(1)]).double()
    label = torch.cat([torch.ones(1500), torch.zeros(1500)]).double()
    line = torch.zeros(2, dtype=torch.double, requires_grad=True)
    centre, spread = cosine.mean(), cosine.std()
    optimizer = torch.optim.LBFGS([line], max_iter=200)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logits = line[0] * (cosine - centre) / spread + line[1]
        # A little weight decay: the two kinds may be separable, and the slope must stay finite.
        loss = F.binary_cross_entropy_with_logits(logits, label) + 1e-3 * line[0] ** 2
        loss.backward()
        return loss

    optimizer.step(closure)
    scale = float(line[0] / spread)
    return {"scale": round(scale, 4), "bias": round(float(line[1]) - scale * float(centre), 4)}


def save(model: CLIPModel, tokenizer: CLIPTokenizer, calibration: dict[str, float], folder: Path) -> None:
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"height": 64, "width": 64},
        "resample": 3,
        "do_center_crop": False,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "do_convert_rgb": True,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    (folder / "calibration.json").write_text(json.dumps(calibration, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "gflow/starter/judge")
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", type=Path, help="folder of a judge to start from")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    rng = np.random.default_rng([2, options.seed])
    tokenizer = make_tokenizer()
    captions = Captions(tokenizer)
    model = make_judge(tokenizer) if options.resume is None else CLIPModel.from_pretrained(options.resume).float()
    heads = torch.nn.ModuleList(torch.nn.Linear(128, classes) for classes in CLASSES)
    for head in heads:
        # Embeddings have length 1; larger weights let the heads speak clearly from the start.
        torch.nn.init.normal_(head.weight, std=1.0)
    parameters = [*model.parameters(), *heads.parameters()]
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters", flush=True)
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.02, betas=(0.9, 0.98))
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99)
    )
    start, step = time.monotonic(), 0
    while (done := (time.monotonic() - start) / 60 / options.minutes) < 1:
        rate = min(1.0, (step + 1) / 150) * (0.5 + 0.5 * math.cos(math.pi * done))
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * rate + 1e-6
        loss, right = step_loss(model, heads, captions, sample_scenes(rng, BATCH), rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        average.update_parameters(model)
        step += 1
        if step % 100 == 0:
            pace = (time.monotonic() - start) / step
            print(f"step {step} loss {loss.item():.3f} of 4 {right.item():.2f} {pace:.2f} s a step", flush=True)
    final = average.module.eval()
    check = np.random.default_rng(99)
    print(f"top-1 of 10, unseen captions: {top1(final, captions, check):.3f}", flush=True)
    save(final, tokenizer, calibrate(final, captions, check), options.out)


if __name__ == "__main__":
    main()
