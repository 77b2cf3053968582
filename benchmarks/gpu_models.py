"""Models with random weights for `gpu.py`: of the shapes of Stable Diffusion XL, Flux.1 and CLIP ViT-L/14, complete
folders as diffusers and transformers write them, in bfloat16. Nothing is downloaded.

    gpu_models.py NAME SIZE FOLDER DEPTH

SIZE: "full" are the configurations that were published; "tiny" is the same, narrower and with fewer layers. DEPTH:
the share of Flux's blocks and of its T5's layers that is made. Tokenizers know single characters; every prompt is
padded to the length that the real ones are padded to, so that text encoders do the real amount of work.
"""

from __future__ import annotations

import json
import shutil
import string
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

SEED = 20250801

#: The groups that all norms of a tiny model take.
_GROUPS = {"full": 32, "tiny": 4}

_CLIP_WORDS = string.ascii_lowercase + string.digits + string.punctuation
_T5_WORDS = ["<pad>", "</s>", "<unk>", "▁", *string.printable.strip()]


# --- tokenizers ------------------------------------------------------------------------------------


def clip_tokenizer(limit: int = 77) -> Any:
    """Two tokens of every text are its start and its end."""
    from transformers import CLIPTokenizer

    tokens = [*_CLIP_WORDS, *(char + "</w>" for char in _CLIP_WORDS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={token: number for number, token in enumerate(tokens)}, merges=[], model_max_length=limit
    )


def t5_tokenizer(limit: int = 512) -> Any:
    from transformers import T5Tokenizer

    vocab = [(word, -1.0) for word in dict.fromkeys(_T5_WORDS)]
    return T5Tokenizer(vocab=vocab, extra_ids=0, model_max_length=limit)


# --- parts -----------------------------------------------------------------------------------------


def _ends(tokenizer: Any) -> dict[str, int]:
    return {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}


def _clip_large(tokenizer: Any, size: str) -> Any:
    """CLIP ViT-L's text encoder."""
    from transformers import CLIPTextModel

    full = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    tiny = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return _clip(CLIPTextModel, tokenizer, "quick_gelu", full if size == "full" else tiny, size)


def _clip_huge(tokenizer: Any, size: str) -> Any:
    """OpenCLIP ViT-bigG's text encoder."""
    from transformers import CLIPTextModelWithProjection

    full = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20}
    tiny = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    return _clip(CLIPTextModelWithProjection, tokenizer, "gelu", full if size == "full" else tiny, size)


def _clip(kind: Any, tokenizer: Any, hidden_act: str, shape: dict[str, int], size: str) -> Any:
    """A text encoder whose projection is as wide as it is itself."""
    from transformers import CLIPTextConfig

    return kind(
        CLIPTextConfig(
            **shape,
            vocab_size=49408 if size == "full" else len(tokenizer),
            projection_dim=shape["hidden_size"],
            hidden_act=hidden_act,
            **_ends(tokenizer),
        )
    )


def _t5(tokenizer: Any, size: str, depth: float) -> Any:
    """T5 v1.1 XXL's encoder: 4.7 billion weights at its full depth."""
    from transformers import T5Config, T5EncoderModel

    full = {"vocab_size": 32128, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_heads": 64}
    tiny = {"vocab_size": len(tokenizer), "d_model": 64, "d_kv": 16, "d_ff": 128, "num_heads": 4}
    return T5EncoderModel(
        T5Config(
            **(full if size == "full" else tiny),
            num_layers=flux_depth(size, depth)[2],
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
        )
    )


def _vae(size: str, **settings: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512) if size == "full" else (8, 16, 16, 16),
        layers_per_block=2 if size == "full" else 1,
        norm_num_groups=_GROUPS[size],
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        sample_size=1024 if size == "full" else 64,
        **settings,
    )


def _unet(size: str) -> Any:
    """Stable Diffusion XL's U-Net: 2.6 billion weights."""
    from diffusers import UNet2DConditionModel

    full = size == "full"
    return UNet2DConditionModel(
        sample_size=128 if full else 8,
        block_out_channels=(320, 640, 1280) if full else (16, 32, 64),
        layers_per_block=2 if full else 1,
        norm_num_groups=_GROUPS[size],
        attention_head_dim=(5, 10, 20) if full else (2, 4, 8),
        cross_attention_dim=768 + 1280 if full else 32 + 64,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10) if full else (1, 1, 2),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256 if full else 8,
        projection_class_embeddings_input_dim=1280 + 6 * 256 if full else 64 + 6 * 8,
    )


def _flux(size: str, depth: float) -> Any:
    """Flux.1 dev's transformer: 12 billion weights at its full depth."""
    from diffusers import FluxTransformer2DModel

    full = size == "full"
    double, single, _ = flux_depth(size, depth)
    return FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=double,
        num_single_layers=single,
        attention_head_dim=128 if full else 16,
        num_attention_heads=24 if full else 4,
        joint_attention_dim=4096 if full else 64,
        pooled_projection_dim=768 if full else 32,
        axes_dims_rope=(16, 56, 56) if full else (4, 4, 8),
        guidance_embeds=True,
    )


def flux_depth(size: str, depth: float) -> tuple[int, int, int]:
    """A share of its blocks with two streams and with one, of 19 and 38, and of T5's 24 layers; at least one."""
    whole = (19, 38, 24) if size == "full" else (2, 2, 2)
    double, single, text = (max(1, round(count * depth)) for count in whole)
    return double, single, text


# --- models ----------------------------------------------------------------------------------------


def sdxl(folder: Path, size: str, depth: float) -> None:
    """A StableDiffusionXLPipeline. depth: has no meaning here."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    tokenizer = clip_tokenizer()
    parts = {
        "unet": _unet(size),
        "vae": _vae(size, latent_channels=4, scaling_factor=0.13025),
        "text_encoder": _clip_large(tokenizer, size),
        "text_encoder_2": _clip_huge(tokenizer, size),
    }
    StableDiffusionXLPipeline(
        **{name: _random(part) for name, part in parts.items()},
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="leading",
            steps_offset=1,
        ),
        add_watermarker=False,
    ).save_pretrained(folder)  # fmt: skip


def flux(folder: Path, size: str, depth: float) -> None:
    """A FluxPipeline that is told the guidance scale, as the dev model is."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline

    tokenizer, tokenizer_2 = clip_tokenizer(), t5_tokenizer()
    flat = {"use_quant_conv": False, "use_post_quant_conv": False}
    parts = {
        "transformer": _flux(size, depth),
        "vae": _vae(size, latent_channels=16, scaling_factor=0.3611, shift_factor=0.1159, **flat),
        "text_encoder": _clip_large(tokenizer, size),
        "text_encoder_2": _t5(tokenizer_2, size, depth),
    }
    FluxPipeline(
        **{name: _random(part) for name, part in parts.items()},
        tokenizer=tokenizer,
        tokenizer_2=tokenizer_2,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
    ).save_pretrained(folder)


def judge(folder: Path, size: str, depth: float) -> None:
    """CLIP ViT-L/14, both towers. depth: has no meaning here."""
    from transformers import CLIPConfig, CLIPModel

    tokenizer, full = clip_tokenizer(), size == "full"
    tiny = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    seen = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    side, patch, width = (224, 14, 768) if full else (32, 8, 32)
    model = CLIPModel(
        CLIPConfig(
            text_config={
                **(text if full else tiny),
                **_ends(tokenizer),
                "vocab_size": 49408 if full else len(tokenizer),
            },
            vision_config={**(seen if full else tiny), "image_size": side, "patch_size": patch},
            projection_dim=width,
        )
    )
    _random(model).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": side},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "do_convert_rgb": True,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")


def _random(module: Any) -> Any:
    """The module in bfloat16, in which nothing is constant: what begins as zeros or ones (biases, norms) is moved a
    little, as nothing in a trained model is either."""
    import torch

    with torch.no_grad():
        for parameter in module.parameters():
            if bool((parameter == parameter.flatten()[0]).all()):
                parameter.add_(torch.randn_like(parameter) * 0.02)
            assert parameter.dtype == torch.bfloat16
    return module.eval()


MODELS: dict[str, Callable[[Path, str, float], None]] = {"sdxl": sdxl, "flux": flux, "judge": judge}


def make(name: str, size: str, folder: Path, depth: float) -> None:
    """Writes a model's folder, whole or not at all. The weights are the same every time."""
    import torch

    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    torch.manual_seed(SEED)
    # As in bfloat16 from the start: Flux in float32 alone would be 48 GB.
    torch.set_default_dtype(torch.bfloat16)
    MODELS[name](part, size, depth)
    part.replace(folder)


if __name__ == "__main__":
    make(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
