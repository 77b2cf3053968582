"""Diffusion models by diffusers' pipelines: text to image, image to image, inpainting."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gflow.kernels import noise
from gflow.kernels.noise import Key
from gflow.kernels.types import AnyType, Array
from gflow.runtime.engines import painting, torch_lora, torch_noise
from gflow.runtime.engines.base import CallContext
from gflow.runtime.engines.torch_setup import device, dtype, loading, running, source
from gflow.runtime.errors import OpFailed
from gflow.runtime.plan import Model


def load(model: Model) -> DiffusionModel:
    """Raises ModelMissing. A single `.safetensors` file holds weights alone: diffusers reads the configuration
    of the model it was made from, and its tokenizer, from the hub's cache or the hub."""
    with loading(model, "diffusers", "transformers"):
        from diffusers import AutoPipelineForText2Image

        place, local = source(model)
        if place.endswith(".safetensors"):
            pipeline = _from_single_file(place)
        else:
            pipeline = AutoPipelineForText2Image.from_pretrained(
                place, local_files_only=local, use_safetensors=True, torch_dtype=_dtypes(), variant=_variant(place)
            ).to(device())
        torch_lora.fold(pipeline, model.loras)
        return DiffusionModel(pipeline)


def _dtypes() -> Any:
    # Transformers were trained in bfloat16 and overflow in float16; U-Nets and their autoencoders are
    # distributed in float16.
    if device().type == "cpu":
        return torch.float32
    return {"transformer": torch.bfloat16, "text_encoder_3": torch.bfloat16, "default": torch.float16}


def _from_single_file(place: str) -> Any:
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
    from safetensors import safe_open

    with safe_open(place, framework="pt") as file:
        # Where Stable Diffusion XL keeps its text encoders.
        large = any(name.startswith("conditioner.") for name in file.keys())  # noqa: SIM118, it is no dict
    kind: Any = StableDiffusionXLPipeline if large else StableDiffusionPipeline
    return kind.from_single_file(place, torch_dtype=dtype(torch.float16)).to(device())


def _variant(place: str) -> str | None:
    """ "fp16" for a folder that was downloaded with the weights of that variant alone."""
    parts = list(Path(place).glob("*/*.safetensors"))
    return "fp16" if parts and all(".fp16" in path.name for path in parts) else None


class DiffusionModel:
    """One model, its weights in memory once, for all three tasks."""

    def __init__(self, pipeline: Any) -> None:
        self.pipelines = {"text": pipeline}

    def call(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        key: Key | None,
        as_type: AnyType | None,
        context: CallContext,
    ) -> Array:
        """See `gflow.kernels.models.diffusion.generate`. float32 (height, width, 3), 0..1."""
        painting.check(args)
        if args["seed"] is not None:
            key = noise.explicit(args["seed"])
        assert key is not None
        with running("diffusers", "transformers"):
            return self._generate(args, key, context)

    def _generate(self, args: Mapping[str, Any], key: Key, context: CallContext) -> Array:
        self._tell_cut(args["prompt"], context)
        size = args["size"]
        painting.check_size(size, self.multiple)
        picture, given = None, {}
        if args["image"] is not None:
            if size is None:
                size = painting.nearest(args["image"], self.multiple)
            picture = painting.resized(painting.flattened(args["image"]), size)
            if args["strength"] == 0:
                return picture
            painting.check_strength(args["steps"], args["strength"])
            given = {"image": _tensor(picture), "strength": float(args["strength"])}
        task, mask = ("image", None) if given else ("text", None)
        if args["mask"] is not None:
            mask = painting.resized(args["mask"], size)
            task, given["mask_image"] = "mask", _tensor(mask[:, :, None])
        if size is not None:
            given.update(width=size.width, height=size.height)
        made = self._run(task, {**given, **_texts(args), "generator": _generator(args, key)}, key, context)
        if picture is not None and mask is not None:
            # The pipeline decodes the whole picture again; what the mask keeps, it keeps exactly.
            made = painting.kept(made, picture, mask)
        return made

    def _run(self, task: str, given: dict[str, Any], key: Key, context: CallContext) -> Array:
        pipeline = self._pipeline(task)
        # A scheduler has state. A fresh one for every call: no call can see another's.
        pipeline.scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)

        def after_step(running: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            context.check()
            context.progress(step + 1, running.num_timesteps)
            return {}

        context.check()
        given.update(output_type="np", callback_on_step_end=after_step)
        takes = inspect.signature(pipeline.__call__).parameters
        with torch_noise.keyed_noise(key), _any_channels(pipeline, task):
            made = pipeline(**{name: value for name, value in given.items() if name in takes})
        if any(getattr(made, "nsfw_content_detected", None) or []):
            context.warn("the model's safety checker blacked out the picture")
        return painting.finite(np.ascontiguousarray(made.images[0], dtype=np.float32))

    def _pipeline(self, task: str) -> Any:
        """The pipeline of a task. All share the weights of the first."""
        if task not in self.pipelines:
            from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting

            kind = AutoPipelineForImage2Image if task == "image" else AutoPipelineForInpainting
            try:
                self.pipelines[task] = kind.from_pipe(self.pipelines["text"])
            except ValueError as error:
                what = "start from an image" if task == "image" else "paint under a mask"
                raise OpFailed(f"this model can't {what}") from error
        pipeline = self.pipelines[task]
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    @property
    def multiple(self) -> int:
        """Widths and heights must be multiples of this: the autoencoder's factor times what the network halves
        or groups, and the 8 that pipelines ask for."""
        pipeline = self.pipelines["text"]
        unet, transformer = getattr(pipeline, "unet", None), getattr(pipeline, "transformer", None)
        inner = 1
        if unet is not None:
            inner = 2 ** (len(unet.config.block_out_channels) - 1)
        elif transformer is not None:
            inner = transformer.config.get("patch_size") or 1
            inner = max(inner, 2)
        return math.lcm(pipeline.vae_scale_factor * inner, 8)

    def _tell_cut(self, prompt: str, context: CallContext) -> None:
        """Warns of what no text encoder of the model will read."""
        pipeline = self.pipelines["text"]
        pairs = [(f"tokenizer{end}", f"text_encoder{end}") for end in ("", "_2", "_3")]
        cuts = []
        for tokenizer_name, encoder_name in pairs:
            tokenizer = getattr(pipeline, tokenizer_name, None)
            if tokenizer is not None:
                positions = getattr(getattr(pipeline, encoder_name).config, "max_position_embeddings", None)
                cuts.append(cut_text(tokenizer, prompt, positions))
        if cuts and all(cut for cut, _ in cuts):
            cut, limit = min(cuts, key=lambda pair: len(pair[0]))
            context.warn(f"the prompt is longer than the {limit} tokens this model reads; cut: “{cut}”")


@contextmanager
def _any_channels(pipeline: Any, task: str) -> Iterator[None]:
    """diffusers' inpainting by blending asks a U-Net for 4 channels, where it means as many as the latents have
    (the other kind has 9, with the mask among them). While it runs, such a U-Net says 4."""
    unet = getattr(pipeline, "unet", None)
    if task != "mask" or unet is None or unet.config.in_channels != pipeline.vae.config.latent_channels:
        yield
        return
    channels = unet.config.in_channels
    unet.register_to_config(in_channels=4)
    try:
        yield
    finally:
        unet.register_to_config(in_channels=channels)


def cut_text(tokenizer: Any, text: str, positions: int | None) -> tuple[str, int]:
    """The end of a text that a tokenizer does not take, empty where it takes all, and its limit in tokens."""
    limit = min(tokenizer.model_max_length, positions or tokenizer.model_max_length)
    # Tokenizers without a limit say an enormous one; those in plain Python can't say where they cut.
    if limit > 1_000_000 or not tokenizer.is_fast:
        return "", limit
    read = tokenizer(text, truncation=True, max_length=limit, return_offsets_mapping=True)
    whole = tokenizer(text, truncation=False)
    if len(whole["input_ids"]) <= limit:
        return "", limit
    end = max(stop for _, stop in read["offset_mapping"])
    return text[end:].strip(), limit


def _texts(args: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "prompt": args["prompt"],
        # Pipelines tell "no negative prompt" from an empty one, and what they do without is the usual thing.
        "negative_prompt": args["negative_prompt"] or None,
        "num_inference_steps": args["steps"],
        "guidance_scale": float(args["guidance_scale"]),
    }


def _generator(args: Mapping[str, Any], key: Key) -> torch.Generator:
    if args["seed_like"] != "torch":
        return torch_noise.generator(key)
    seed = torch_noise.torch_seed(key) if args["seed"] is None else args["seed"]
    if not -(2**63) <= seed < 2**64:
        raise OpFailed(f'with seed_like: "torch", a seed has at most 64 bits; {seed} has more')
    return torch.Generator().manual_seed(seed)


def _tensor(picture: Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32))
