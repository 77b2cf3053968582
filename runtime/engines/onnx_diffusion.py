"""Lowered diffusion models on ONNX Runtime: the stages of `gflow.kernels.models.diffusion`.

Nothing here knows a family. Text encoders give named arrays, the network takes them by those names, and the denoise
loop is a table (`gflow.runtime.denoise`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gflow.kernels import noise
from gflow.kernels.noise import Key
from gflow.kernels.pixel.device import DeviceArray, hosted
from gflow.kernels.types import AnyType, Array, Size
from gflow.runtime import denoise, device_denoise
from gflow.runtime.bundle import Folder
from gflow.runtime.components import Components
from gflow.runtime.denoise import Schedule
from gflow.runtime.device import Binds, graph
from gflow.runtime.engines import painting
from gflow.runtime.engines.base import CallContext, Request
from gflow.runtime.engines.prompts import Prompts
from gflow.runtime.engines.stages import Conditioning, Encoded, Latents
from gflow.runtime.errors import ModelMissing, OpFailed
from gflow.runtime.lowered import Lowered
from gflow.runtime.network import Network


def load(folder: Folder, lowered: Lowered, components: Components) -> DiffusionModel:
    """Raises ModelMissing."""
    return DiffusionModel(folder, lowered, components)


class DiffusionModel:
    """A lowered diffusion model. Its networks are loaded when they are first used."""

    def __init__(self, folder: Folder, lowered: Lowered, components: Components) -> None:
        self.folder, self.lowered, self.components = folder, lowered, components
        self.settings = lowered.settings
        try:
            self.schedules = denoise.decode((folder / self.settings["schedules"]).read_bytes())
            self.prompts = [
                Prompts((folder / text["tokenizer"]).read_bytes(), text["length"], text["pad"])
                for text in self.settings["texts"]
            ]
        except (OSError, ValueError, KeyError) as error:
            raise ModelMissing(f"the lowered model in {folder} is damaged: {error}") from error

    def network(self, name: str) -> Network:
        return self.components.network(self.folder, self.lowered.components[name])

    def call(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        key: Key | None,
        as_type: AnyType | None,
        context: CallContext,
    ) -> Any:
        """`generate`, or one of its stages."""
        if method == "generate":
            return self._generate(args, key, context)
        return self.call_batch(method, [Request(args, key, context)], size=1)[0]

    def call_batch(self, method: str, requests: Sequence[Request], *, size: int) -> list[Any]:
        """See `gflow.runtime.engines.base.BatchModel`."""
        for request in requests:
            request.context.check()
        match method:
            case "encode_text":
                return self._encode_texts(requests)
            case "encode_image":
                return [self._encode_image(**request.args) for request in requests]
            case "denoise":
                return _Loop(self, requests, size).run()
            case "decode":
                return self._decode(requests, size)
        raise NotImplementedError(method)

    def _generate(self, args: Mapping[str, Any], key: Key | None, context: CallContext) -> Any:
        """The stages, one after the other."""

        def stage(method: str, **given: Any) -> Any:
            return self.call_batch(method, [Request(given, key, context)], size=1)[0]

        painting.check(args)
        prompt = stage("encode_text", text=args["prompt"])
        negative = stage("encode_text", text=args["negative_prompt"]) if args["guidance_scale"] > 1 else None
        start = None
        if args["image"] is not None:
            start = stage("encode_image", image=args["image"], size=args["size"], mask=args["mask"])
        shared = ("size", "steps", "guidance_scale", "mask", "strength", "seed", "seed_like")
        loop = {name: args[name] for name in shared}
        latents = stage("denoise", prompt=prompt, negative_prompt=negative, image=start, **loop)
        return stage("decode", latent=latents, image=args["image"], mask=args["mask"])

    # --- text ---

    def _encode_texts(self, requests: Sequence[Request]) -> list[Conditioning]:
        later = [self.lowered.components[name] for name in ("network", "decoder")]
        self.components.prefetch([(self.folder, component) for component in later])
        found = {request.args["text"]: request.context for request in requests}
        texts = list(found)
        for text, context in found.items():
            self._tell_cut(text, context)
        arrays: dict[str, Array] = {}
        for prompts, settings in zip(self.prompts, self.settings["texts"], strict=True):
            read = [prompts.read(text) for text in texts]
            feeds = {
                "input_ids": np.array([each.ids for each in read], np.int64),
                "attention_mask": np.array([each.mask for each in read], np.int64),
            }
            outputs = self.network(settings["component"]).run(feeds, settings["outputs"])
            arrays |= dict(zip(settings["outputs"], outputs, strict=True))
        made = {
            text: Conditioning(text, {name: array[place] for name, array in arrays.items() if name != "unused"})
            for place, text in enumerate(texts)
        }
        return [made[request.args["text"]] for request in requests]

    def _tell_cut(self, text: str, context: CallContext) -> None:
        """Warns of what no text encoder of the model will read."""
        cuts = [(prompts.read(text).cut, prompts.length) for prompts in self.prompts]
        if all(cut for cut, _ in cuts):
            cut, limit = min(cuts, key=lambda pair: len(pair[0]))
            context.warn(f"the prompt is longer than the {limit} tokens this model reads; cut: “{cut}”")

    # --- pictures ---

    def _encode_image(self, image: Array, size: Size | None, mask: Array | None) -> Encoded:
        size = self.size(size, image)
        picture = painting.resized(painting.flattened(image), size)
        mean, deviation = self._distribution(picture)
        if mask is None:
            return Encoded(picture, mean, deviation)
        keep = (painting.resized(mask, size) < 0.5)[:, :, None]
        # Grey is 0 in the -1..1 that autoencoders read.
        return Encoded(picture, mean, deviation, self._distribution(np.where(keep, picture, np.float32(0.5))))

    def _distribution(self, picture: Array) -> tuple[Array, Array | None]:
        pixels = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        found = self.network("encoder").run({"image": pixels})
        return found[0][0], (found[1][0] if len(found) > 1 else None)

    def _decode(self, requests: Sequence[Request], size: int) -> list[Array | DeviceArray]:
        pictures: list[Array | DeviceArray | None] = [None] * len(requests)
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for place, request in enumerate(requests):
            latent = request.args["latent"]
            if latent.array is None:
                pictures[place] = painting.resized(painting.flattened(request.args["image"]), latent.size)
            else:
                by_shape.setdefault(latent.array.shape, []).append(place)
        for places in by_shape.values():
            arrays = [requests[place].args["latent"].array for place in places]
            images = self._painted(np.stack(arrays + arrays[-1:] * (size - len(arrays))))
            for place, image in zip(places, images, strict=False):
                pictures[place] = _finished(image, requests[place].args)
        return [picture for picture in pictures if picture is not None]

    def _painted(self, latents: Array) -> Sequence[Array | DeviceArray]:
        """The decoder's pictures, on a GPU if ops on pixels run there."""
        network, pixels = self.network("decoder"), self.components.place.pixels
        if pixels is None or not isinstance(network, Binds):
            return [painting.finite(image) for image in network.run({"latent": latents})[0]]
        [found, *_] = network.bound({"latent": network.put(latents)})
        painting.check_finite(graph("sums.onnx", network.device).bound({"pictures": found})[0].numpy())
        return pixels.pictures(found)

    def size(self, asked: Size | None, image: Array | None) -> Size:
        """The size that is painted. Raises OpFailed for one that can't be."""
        multiple = int(np.lcm(self.settings["multiple"], 8))
        painting.check_size(asked, multiple)
        if asked is not None:
            return asked
        if image is not None:
            return painting.nearest(image, multiple)
        return Size(self.settings["sample"], self.settings["sample"])


def _finished(image: Array | DeviceArray, args: Mapping[str, Any]) -> Array | DeviceArray:
    """A decoded picture; what the mask keeps of the given one is kept exactly."""
    if args["mask"] is None:
        return image
    painted: Array = hosted(image)
    size = Size(painted.shape[1], painted.shape[0])
    picture = painting.resized(painting.flattened(args["image"]), size)
    return painting.kept(painted, picture, painting.resized(args["mask"], size))


class _Loop:
    """Denoises a batch: calls that agree in everything but their texts, pictures, masks and noise."""

    def __init__(self, model: DiffusionModel, requests: Sequence[Request], size: int) -> None:
        self.model, self.requests = model, requests
        args = requests[0].args
        self.args = args
        self.steps, self.guidance = args["steps"], float(args["guidance_scale"])
        self.masked = args["mask"] is not None
        # Padding: nothing depends on it.
        self.padded = [*requests, *[requests[-1]] * (size - len(requests))]

    def run(self) -> list[Latents]:
        args, starts = self.args, [request.args["image"] for request in self.requests]
        for request in self.requests:
            painting.check(request.args)
        if starts[0] is not None and args["strength"] == 0:
            return [Latents(None, Size(start.picture.shape[1], start.picture.shape[0])) for start in starts]
        if starts[0] is not None:
            painting.check_strength(self.steps, args["strength"])
            if self.model.settings["start"] == "never":
                raise OpFailed("this model, as it was lowered, can't start from a picture")
            size = Size(starts[0].picture.shape[1], starts[0].picture.shape[0])
        else:
            size = self.model.size(args["size"], None)
        latents = self._denoise(size)
        return [Latents(array, size) for array in latents[: len(self.requests)]]

    def _denoise(self, size: Size) -> Array:
        settings, begin = self.model.settings, 0
        if self.args["image"] is not None:
            share = min(self.steps * self.args["strength"], self.steps)
            begin = self.steps - int(share) if settings["start"] == "late" else int(self.steps - share)
        schedule = self.model.schedules.find(self.steps, begin, size)
        if schedule is None:
            raise OpFailed(f"this model was lowered for {self.model.schedules.range}, not for {self.steps} steps")
        shape = (settings["channels"], size.height // settings["factor"], size.width // settings["factor"])
        draws = [_Draws(request, shape) for request in self.padded]
        image = self._images(draws)
        start = np.stack([draw.next() for draw in draws])
        self._conditions(self._extra(draws, shape))
        state = denoise.initial(schedule, start, image if self._from_image() else None)
        blend = None
        if self.masked and image is not None and settings["inpaint"] == "blend":
            blend = (self._masks(shape), image, start)
        if isinstance(self.net, Binds) and self._stays(schedule, blended=blend is not None):
            return device_denoise.replay(
                schedule,
                state,
                self.net,
                self.feeds,
                guidance=self.guidance if self.doubled else None,
                noise=lambda: np.stack([draw.next() for draw in draws]),
                kernels=self.kernels,
                blend=blend,
                extra=self.extra,
                check=self._check,
                step=self._step,
            )
        return denoise.replay(
            schedule,
            state,
            self._predict,
            noise=lambda: np.stack([draw.next() for draw in draws]),
            blend=blend,
            step=self._step,
        )

    def _stays(self, schedule: Schedule, *, blended: bool) -> bool:
        """Whether the loop can stay on the network's device: what masks need, kernels alone do."""
        if not blended and self.extra is None:
            return True
        made = self.kernels
        return made is not None and device_denoise.can_step(made, schedule, guided=self.doubled, blended=blended)

    def _from_image(self) -> bool:
        # Inpainting with full strength starts from pure noise, image to image from the picture even then.
        return self.args["image"] is not None and not (self.masked and self.args["strength"] == 1)

    def _images(self, draws: Sequence[_Draws]) -> Array | None:
        """The latents to start from, one sample of each picture's distribution."""
        if self.args["image"] is None:
            return None
        if self.masked and self.model.settings["inpaint"] == "concat" and self.args["strength"] == 1:
            return None
        starts = [request.args["image"] for request in self.padded]
        return np.stack(
            [draw.sample(start.mean, start.deviation) for draw, start in zip(draws, starts, strict=True)]
        )

    def _masks(self, shape: tuple[int, int, int]) -> Array:
        """1 where to paint: (batch, 1, h, w), the nearest pixel of each mask."""
        factor, made = self.model.settings["factor"], []
        for request in self.padded:
            picture = request.args["image"].picture
            mask = painting.resized(request.args["mask"], Size(picture.shape[1], picture.shape[0])) >= 0.5
            made.append(mask[::factor, ::factor][None].astype(np.float32))
        return np.stack(made)

    def _extra(self, draws: Sequence[_Draws], shape: tuple[int, int, int]) -> Array | None:
        """What inpainting networks read beside the latents: the mask, and the latents of what it keeps."""
        if not self.masked:
            return None
        # Drawn in any case, as pipelines do.
        kept = np.stack(
            [draw.sample(*request.args["image"].kept) for draw, request in zip(draws, self.padded, strict=True)]
        )
        if self.model.settings["inpaint"] == "blend":
            return None
        return np.concatenate([self._masks(shape), kept], axis=1)

    def _conditions(self, extra: Array | None) -> None:
        """What every evaluation of the network is fed beside the latents."""
        kind, settings = self.model.settings["guidance"], self.model.settings
        self.doubled = kind == "classifier-free" and self.guidance > 1
        texts = [request.args["prompt"] for request in self.padded]
        if self.doubled:
            negative = [request.args["negative_prompt"] for request in self.padded]
            texts = [_zeroed(text) if settings.get("zero_negative") else text for text in negative] + texts
        self.feeds = {name: np.stack([text.arrays[name] for text in texts]) for name in texts[0].arrays}
        self.feeds["guidance"] = np.full(len(texts), self.guidance, np.float32)
        self.extra = extra
        self.net = self.model.network("network")
        pixels = self.model.components.place.pixels
        self.kernels = None if pixels is None else pixels.compiled

    def _predict(self, latents: Array, timestep: float) -> Array:
        """The network's output, guided (Ho and Salimans 2022)."""
        self._check()
        sample = np.concatenate([latents, latents]) if self.doubled else latents
        if self.extra is not None:
            extra = np.concatenate([self.extra, self.extra]) if self.doubled else self.extra
            sample = np.concatenate([sample, extra], axis=1)
        times = np.full(len(sample), timestep, np.float32)
        found = self.net.run({**self.feeds, "sample": sample, "timestep": times})[0]
        if not self.doubled:
            return found
        without, given = found[: len(latents)], found[len(latents) :]
        given -= without
        given *= np.float32(self.guidance)
        given += without
        return given

    def _check(self) -> None:
        for request in self.requests:
            request.context.check()

    def _step(self, done: int, total: int) -> None:
        self.requests[0].context.progress(done, total)


def _zeroed(text: Conditioning) -> Conditioning:
    if text.text:
        return text
    return Conditioning("", {name: np.zeros_like(array) for name, array in text.arrays.items()})


class _Draws:
    """One sample's noise, draw by draw, in the order in which diffusers' pipelines draw theirs."""

    def __init__(self, request: Request, shape: tuple[int, ...]) -> None:
        args, key = request.args, request.key
        if args["seed"] is not None:
            key = noise.explicit(args["seed"])
        assert key is not None
        self.key, self.shape, self.count = key, shape, 0
        self.stream: noise.TorchStream | None = None
        if args["seed_like"] == "torch":
            seed = key.bits & (2**63 - 1) if args["seed"] is None else args["seed"]
            if not -(2**63) <= seed < 2**64:
                raise OpFailed(f'with seed_like: "torch", a seed has at most 64 bits; {seed} has more')
            self.stream = noise.TorchStream(seed)

    def next(self) -> Array:
        """Standard normal noise of the latents' shape."""
        if self.stream is not None:
            return self.stream.normal(self.shape)
        drawn = noise.normal(self.key, self.shape, draw=self.count)
        self.count += 1
        return drawn

    def sample(self, mean: Array, deviation: Array | None) -> Array:
        """A sample of a picture's distribution."""
        return mean if deviation is None else mean + deviation * self.next()
