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
from gflow.kernels.geometry import resize
from gflow.kernels.noise import Key
from gflow.kernels.pixels import checked_size
from gflow.kernels.types import AnyType, Array, Size
from gflow.runtime.engines import torch_noise
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
            return DiffusionModel(_from_single_file(place))
        pipeline = AutoPipelineForText2Image.from_pretrained(
            place, local_files_only=local, use_safetensors=True, torch_dtype=_dtypes(), variant=_variant(place)
        )
        return DiffusionModel(pipeline.to(device()))


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
        _check(args)
        if args["seed"] is not None:
            key = noise.explicit(args["seed"])
        assert key is not None
        with running("diffusers", "transformers"):
            return self._generate(args, key, context)

    def _generate(self, args: Mapping[str, Any], key: Key, context: CallContext) -> Array:
        self._tell_cut(args["prompt"], context)
        size = args["size"]
        self._check_size(size)
        picture, given = None, {}
        if args["image"] is not None:
            if size is None:
                size = self._nearest(Size(args["image"].shape[1], args["image"].shape[0]))
            picture = _resized(_flattened(args["image"]), size)
            if args["strength"] == 0:
                return picture
            _check_strength(args)
            given = {"image": _tensor(picture), "strength": float(args["strength"])}
        task, mask = ("image", None) if given else ("text", None)
        if args["mask"] is not None:
            mask = _resized(args["mask"], size)[:, :, None]
            task, given["mask_image"] = "mask", _tensor(mask)
        if size is not None:
            given.update(width=size.width, height=size.height)
        made = self._run(task, {**given, **_texts(args), "generator": _generator(args, key)}, key, context)
        if picture is not None and mask is not None:
            # The pipeline decodes the whole picture again; what the mask keeps, it keeps exactly.
            keep = mask < 0.5
            made = np.where(keep, picture, made)
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
        return np.ascontiguousarray(made.images[0], dtype=np.float32)

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

    def _check_size(self, size: Size | None) -> None:
        if size is None:
            return
        checked_size("generate", *size)
        step = self.multiple
        if size.width % step or size.height % step:
            below = Size(*(max(step, side // step * step) for side in size))
            above = Size(*(-(-side // step) * step for side in size))
            nearest = f"{below} or {above}" if below != above else str(below)
            raise OpFailed(
                f"this model can't paint {size}: width and height must be multiples of {step}",
                help=f"ask for {nearest}, then resize",
            )

    def _nearest(self, size: Size) -> Size:
        step = self.multiple
        return Size(*(max(step, (side + step // 2) // step * step) for side in size))

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


def _check(args: Mapping[str, Any]) -> None:
    if args["steps"] < 1:
        raise OpFailed(f"steps must be at least 1, not {args['steps']}")
    if not 0 <= args["guidance_scale"] < math.inf:
        raise OpFailed(f"guidance_scale must not be negative, as {args['guidance_scale']} is")
    if not 0 <= args["strength"] <= 1:
        raise OpFailed(f"strength must be between 0 and 1, not {args['strength']}")
    if args["mask"] is not None and args["image"] is None:
        raise OpFailed("a mask needs an image to paint into")


def _check_strength(args: Mapping[str, Any]) -> None:
    # Of all the steps, only this share runs.
    if int(args["steps"] * args["strength"]) < 1:
        need = math.ceil(1 / args["strength"])
        raise OpFailed(
            f"with strength {args['strength']} none of {args['steps']} steps is left to run",
            help=f"ask for {need} steps or more",
        )


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


def _flattened(image: Array) -> Array:
    """Three channels: what is transparent becomes white."""
    if image.shape[2] == 3:
        return image
    alpha = image[:, :, 3:]
    return image[:, :, :3] * alpha + (1 - alpha)


def _resized(picture: Array, size: Size) -> Array:
    """As the op `resize` does it. Clipped to 0..1, which pipelines insist on."""
    same = picture.shape[:2] == (size.height, size.width)
    return np.clip(picture if same else resize(picture, size), 0, 1)


def _tensor(picture: Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32))
