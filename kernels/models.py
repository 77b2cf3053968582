"""What a script can ask of a model: the providers (`diffusion`, `language`, `scorer`) and their methods, one
declaration each. A provider is a class; its `__init__` is what `model name = provider(...)` takes, its methods
are what `name.method(...)` takes. Bodies are empty: an engine (`gflow.runtime.engines`) does the work.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypedDict

from gflow.kernels.op import Signature, signature_of
from gflow.kernels.types import ANY, Conditioning, Image, Latent, Mask, Size


@dataclass(frozen=True)
class Method:
    """A declared method.

    random: it takes a key, so two calls in different places differ.
    typed: it accepts `as: TYPE`, and then gives a value of that type.
    stage: a part of another method, which compiled plans call; scripts do not.
    uniform: calls in which these parameters are equal may run as one batch. None: calls are never batched.
    """

    provider: str
    name: str
    signature: Signature
    doc: str
    random: bool = False
    typed: bool = False
    stage: bool = False
    uniform: tuple[str, ...] | None = None
    version: int = 1


@dataclass(frozen=True)
class Provider:
    """A kind of model. `signature.params` are what its declaration in a script takes, `methods` what a script
    calls, `stages` the parts that methods are made of."""

    name: str
    signature: Signature
    doc: str
    methods: Mapping[str, Method]
    stages: Mapping[str, Method]

    def method(self, name: str) -> Method:
        """A method or a stage."""
        return self.methods.get(name) or self.stages[name]


def method(**traits: Any) -> Callable[[Any], Any]:
    """Declare a method of a provider, with the traits that `Method` has."""

    def declare(body: Any) -> Any:
        body.__method__ = traits
        return body

    return declare


class Lora(TypedDict):
    """Low-rank changes to a model's weights (Hu et al. 2021): a `.safetensors` file, and how much of them."""

    file: str
    scale: float


class diffusion:
    """A text-to-image diffusion model, with image-to-image and inpainting: a folder in diffusers' layout, a
    single `.safetensors` file, or a name on the hub. `loras` are folded into its weights:
    `loras: [{ file: "./ink.safetensors", scale: 0.8 }]`."""

    def __init__(self, source: str, loras: list[Lora] = []) -> None: ...  # noqa: B006  (declares a default)

    @method(random=True)
    def generate(  # type: ignore[empty-body]
        self,
        prompt: str,
        negative_prompt: str = "",
        size: Size | None = None,
        steps: int = 20,
        guidance_scale: float = 4.0,
        image: Image | None = None,
        mask: Mask | None = None,
        strength: float = 0.6,
        seed: int | None = None,
        seed_like: Literal["gflow", "torch"] = "gflow",
    ) -> Image:
        """Paint a picture from a prompt.

        With `image`, start from that picture: `strength` (0..1) says how far to go from it. With `mask`, too,
        only what is white in the mask is painted anew. `size` is the model's own unless given. `seed` is the
        whole key: the same call with the same seed is the same picture wherever it stands;
        `seed_like: "torch"` draws the noise that `torch.Generator().manual_seed(seed)` would.
        """

    # --- what `generate` is made of: decode(denoise(encode_text(…), …)) ---

    @method(stage=True, uniform=())
    def encode_text(self, text: str) -> Conditioning:
        """What the network reads of a text."""

    @method(stage=True, uniform=("size",))
    def encode_image(self, image: Image, size: Size | None = None, mask: Mask | None = None) -> Latent:
        """The distribution of a picture's latents, at `size`; with `mask`, of what the mask keeps, too."""

    @method(random=True, stage=True, uniform=("size", "steps", "guidance_scale", "strength", "seed_like"))
    def denoise(
        self,
        prompt: Conditioning,
        negative_prompt: Conditioning | None = None,
        size: Size | None = None,
        steps: int = 20,
        guidance_scale: float = 4.0,
        image: Latent | None = None,
        mask: Mask | None = None,
        strength: float = 0.6,
        seed: int | None = None,
        seed_like: Literal["gflow", "torch"] = "gflow",
    ) -> Latent:
        """Latents from noise, or from a picture's (`image`) by the share `strength` of the steps. The noise is a
        function of the key."""

    @method(stage=True, uniform=())
    def decode(self, latent: Latent, image: Image | None = None, mask: Mask | None = None) -> Image:  # type: ignore[empty-body]
        """The picture; what `mask` keeps of `image` is kept exactly."""


class language:
    """A causal language model: a folder in transformers' layout, a name on the hub, or any server with an
    OpenAI-compatible interface (`endpoint: "http://…/v1", name: "…"`; its key comes from OPENAI_API_KEY)."""

    def __init__(self, source: str | None = None, endpoint: str | None = None, name: str | None = None) -> None: ...

    @method(random=True, typed=True)
    def generate(  # type: ignore[empty-body]
        self,
        prompt: str,
        max_tokens: int = 256,
        temperature: float = 0.7,
        top_p: float = 1.0,
        system: str = "",
        seed: int | None = None,
    ) -> str:
        """Answer a prompt. `temperature: 0` always takes the likeliest token.

        With `as: TYPE`, the answer is a value of that type, checked: `as: list<{ title: text, year: int }>`.
        """


class scorer:
    """A model that tells how well a picture fits a text: a folder in transformers' CLIP layout, or a name on
    the hub."""

    def __init__(self, source: str) -> None: ...

    @method(uniform=())
    def score(self, image: Image, text: str) -> float:  # type: ignore[empty-body]
        """How well the picture fits the text: 0..1, higher is better, 0.5 as likely right as wrong; rounded to
        4 decimals."""

    @method(uniform=())
    def embed(self, text: str | None = None, image: Image | None = None) -> list[float]:  # type: ignore[empty-body]
        """The text's or the picture's vector of length 1, to compare by dot product. Give one of the two."""

    # --- `score(image, text)` is compare(embed(image: image), embed(text: text)) ---

    @method(stage=True)
    def compare(self, image: list[float], text: list[float]) -> float:  # type: ignore[empty-body]
        """The calibrated score of two vectors."""


@cache
def providers() -> Mapping[str, Provider]:
    """Every provider, by name."""
    return {kind.__name__: _declare(kind) for kind in (diffusion, language, scorer)}


def _declare(kind: type) -> Provider:
    methods = {
        name: Method(kind.__name__, name, signature_of(body), inspect.getdoc(body) or "", **body.__method__)
        for name, body in vars(kind).items()
        if hasattr(body, "__method__")
    }
    init = signature_of(kind.__init__)  # type: ignore[misc]
    return Provider(
        kind.__name__,
        Signature(init.params, ANY),
        inspect.getdoc(kind) or "",
        {name: method for name, method in methods.items() if not method.stage},
        {name: method for name, method in methods.items() if method.stage},
    )
