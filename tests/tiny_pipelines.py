"""Small pipelines of the larger families, with random weights. Each builder writes a folder and gives it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny_models import clip_tokenizer

#: Enough for the characters that the tests write.
_T5_WORDS = ["<pad>", "</s>", "<unk>", *"▁abcdefghijklmnopqrstuvwxyz0123456789.,"]


def t5_tokenizer(limit: int = 16) -> Any:
    """A tokenizer as T5's: single characters, an end of text after them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.Unigram([(word, -1.0) for word in _T5_WORDS], unk_id=2))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=limit
    )


def _clip(tokenizer: Any, projection: int | None = None) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=16,
        projection_dim=projection or 16,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return CLIPTextModelWithProjection(config) if projection else CLIPTextModel(config)


def _t5(tokenizer: Any) -> Any:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    )


def _vae(channels: int) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8),
        norm_num_groups=4,
        sample_size=32,
        latent_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        scaling_factor=0.6,
        shift_factor=0.1,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def stable_diffusion_xl(folder: Path, scheduler: Any = None, *, seed: int = 0) -> Path:
    """Two text encoders, a U-Net told the text's summary and the size."""
    import torch
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

    tokenizer = clip_tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=(2, 4),
            cross_attention_dim=32,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            transformer_layers_per_block=(1, 1),
            projection_class_embeddings_input_dim=16 + 6 * 8,
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8),
            norm_num_groups=4,
            sample_size=32,
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
        )
        pipeline = StableDiffusionXLPipeline(
            vae=vae,
            text_encoder=_clip(tokenizer),
            text_encoder_2=_clip(tokenizer, projection=16),
            tokenizer=tokenizer,
            tokenizer_2=tokenizer,
            unet=unet,
            scheduler=scheduler or EulerDiscreteScheduler(beta_schedule="scaled_linear"),
            add_watermarker=False,
        )
    pipeline.save_pretrained(folder)
    return folder


def stable_diffusion_3(folder: Path, *, seed: int = 0) -> Path:
    """A transformer over patches, two CLIP text encoders and T5."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline

    tokenizer, tokenizer_3 = clip_tokenizer(), t5_tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        pipeline = StableDiffusion3Pipeline(
            transformer=SD3Transformer2DModel(
                sample_size=8,
                patch_size=2,
                in_channels=4,
                num_layers=1,
                attention_head_dim=8,
                num_attention_heads=2,
                joint_attention_dim=32,
                caption_projection_dim=16,
                pooled_projection_dim=32,
                out_channels=4,
                pos_embed_max_size=16,
            ),
            vae=_vae(4),
            text_encoder=_clip(tokenizer, projection=16),
            text_encoder_2=_clip(tokenizer, projection=16),
            text_encoder_3=_t5(tokenizer_3),
            tokenizer=tokenizer,
            tokenizer_2=tokenizer,
            tokenizer_3=tokenizer_3,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        )
    pipeline.save_pretrained(folder)
    return folder


def flux(folder: Path, *, guidance: bool = True, seed: int = 0) -> Path:
    """A transformer with rotary positions; `guidance`: told the guidance scale, as the dev model is."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    tokenizer, tokenizer_2 = clip_tokenizer(), t5_tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        pipeline = FluxPipeline(
            transformer=FluxTransformer2DModel(
                patch_size=1,
                in_channels=16,
                num_layers=1,
                num_single_layers=1,
                attention_head_dim=16,
                num_attention_heads=2,
                joint_attention_dim=32,
                pooled_projection_dim=16,
                axes_dims_rope=(4, 4, 8),
                guidance_embeds=guidance,
            ),
            vae=_vae(4),
            text_encoder=_clip(tokenizer),
            text_encoder_2=_t5(tokenizer_2),
            tokenizer=tokenizer,
            tokenizer_2=tokenizer_2,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=guidance),
        )
    pipeline.save_pretrained(folder)
    return folder


def _unet(channels: int = 4, **settings: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        cross_attention_dim=16,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **settings,
    )


def _assembled(folder: Path, kind: Any, unet: Any, vae: Any, scheduler: Any, **more: Any) -> Path:
    tokenizer = clip_tokenizer()
    kind(
        vae=vae,
        text_encoder=_clip(tokenizer),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        **more,
    ).save_pretrained(folder)
    return folder


def latent_consistency(folder: Path, *, seed: int = 0) -> Path:
    """A U-Net that is told the guidance scale, and the scheduler that goes with it."""
    import torch
    from diffusers import LatentConsistencyModelPipeline, LCMScheduler

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet = _unet(time_cond_proj_dim=16)
        scheduler = LCMScheduler(clip_sample=False, beta_schedule="scaled_linear")
        return _assembled(folder, LatentConsistencyModelPipeline, unet, _vae(4), scheduler)


def tiny_autoencoder(folder: Path, *, seed: int = 0) -> Path:
    """An autoencoder that gives latents, not their distribution."""
    import torch
    from diffusers import AutoencoderTiny, DDIMScheduler, StableDiffusionPipeline

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        vae = AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8),
            decoder_block_out_channels=(8, 8, 8),
            num_encoder_blocks=(1, 1, 1),
            num_decoder_blocks=(1, 1, 1),
        )
        scheduler = DDIMScheduler(clip_sample=False, beta_schedule="scaled_linear")
        return _assembled(folder, StableDiffusionPipeline, _unet(), vae, scheduler)


def inpainting(folder: Path, *, seed: int = 0) -> Path:
    """A U-Net that reads the mask and what it keeps beside the latents."""
    import torch
    from diffusers import DDIMScheduler, StableDiffusionInpaintPipeline

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        scheduler = DDIMScheduler(clip_sample=False, beta_schedule="scaled_linear")
        return _assembled(folder, StableDiffusionInpaintPipeline, _unet(channels=9), _vae(4), scheduler)
