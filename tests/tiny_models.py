"""Small models with random weights, in the layouts that real ones have: loading and running them takes
milliseconds. Each builder writes a folder and gives it back. The weights are the same every time.
"""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def clip_tokenizer(limit: int = 16) -> Any:
    """A CLIP tokenizer that knows single characters: two tokens of every text are its start and end."""
    from transformers import CLIPTokenizer

    characters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = [*characters, *(char + "</w>" for char in characters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={token: number for number, token in enumerate(tokens)}, merges=[], model_max_length=limit
    )


def diffusion(folder: Path, scheduler: Any = None, *, channels: int = 4, seed: int = 0) -> Path:
    """A StableDiffusionPipeline for 32x32 pictures: the U-Net halves once, the autoencoder reduces by 4.

    channels: of the latents.
    """
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = clip_tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(
            sample_size=8,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=4,
            cross_attention_dim=16,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8),
            norm_num_groups=4,
            sample_size=32,
            latent_channels=channels,
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
        )
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                max_position_embeddings=16,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
            )
        )
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler or DDIMScheduler(clip_sample=False, beta_schedule="scaled_linear"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return folder


def language(
    folder: Path, *, chat: bool = True, context: int = 512, knows: str | None = None, seed: int = 0
) -> Path:
    """A Llama with a byte-level tokenizer: every byte is a token, so it can write anything.

    knows: a text that it has learnt by heart, prompt and answer, and ends after.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: number for number, token in enumerate(["<s>", "</s>", *alphabet])}
    backend = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    with torch.enable_grad(), torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(vocab),
                hidden_size=32,
                intermediate_size=32,
                num_hidden_layers=1,
                num_attention_heads=2,
                num_key_value_heads=2,
                max_position_embeddings=context,
                initializer_range=0.02 if knows else 0.5,
                bos_token_id=0,
                eos_token_id=1,
            )
        )
        model.generation_config.do_sample = True  # Else `transformers serve` does not heed a temperature.
        if knows:
            _learn(model, [*tokenizer(knows)["input_ids"], 1])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _learn(model: Any, ids: list[int]) -> None:
    import torch

    row = torch.tensor([ids])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(400):
        loss = model(input_ids=row, labels=row).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.01:
            return
    raise AssertionError(f"the tiny model did not learn its text: loss {loss:.3f}")


def scorer(folder: Path, *, calibration: tuple[float, float] | None = None, seed: int = 0) -> Path:
    """A CLIPModel for 16x16 pictures. calibration: scale and bias."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    tokenizer = clip_tokenizer()
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CLIPModel(
            CLIPConfig(
                text_config={
                    **tower,
                    "vocab_size": len(tokenizer),
                    "max_position_embeddings": 16,
                    "bos_token_id": tokenizer.bos_token_id,
                    "eos_token_id": tokenizer.eos_token_id,
                },
                vision_config={**tower, "image_size": 16, "patch_size": 4},
                projection_dim=16,
            )
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": 16},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 16, "width": 16},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48, 0.45, 0.4],
        "image_std": [0.26, 0.25, 0.27],
        "do_convert_rgb": True,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    if calibration:
        scale, bias = calibration
        (folder / "calibration.json").write_text(json.dumps({"scale": scale, "bias": bias}))
    return folder


def checkpoint(folder: Path, file: Path) -> Path:
    """The weights of a `diffusion` folder in one file, under the names that Stable Diffusion came with."""
    import torch
    from safetensors.torch import load_file, save_file

    tensors = {}
    for part, prefix, renamed in (
        ("unet/diffusion_pytorch_model", "model.diffusion_model.", _unet_name),
        ("vae/diffusion_pytorch_model", "first_stage_model.", _vae_name),
        ("text_encoder/model", "cond_stage_model.transformer.", _text_name),
    ):
        for name, tensor in load_file(folder / f"{part}.safetensors").items():
            tensors[prefix + renamed(name)] = tensor.to(torch.float32).contiguous()
    save_file(tensors, file)
    return file


def _text_name(name: str) -> str:
    return name if name.startswith("text_model.") else f"text_model.{name}"


def _unet_name(name: str) -> str:
    """For U-Nets of two levels with one layer each, the deeper one with attention."""
    renamed = (
        ("time_embedding.linear_1", "time_embed.0"),
        ("time_embedding.linear_2", "time_embed.2"),
        ("conv_in", "input_blocks.0.0"),
        ("conv_norm_out", "out.0"),
        ("conv_out", "out.2"),
        ("mid_block.resnets.0", "middle_block.0"),
        ("mid_block.attentions.0", "middle_block.1"),
        ("mid_block.resnets.1", "middle_block.2"),
        ("down_blocks.0.resnets.0", "input_blocks.1.0"),
        ("down_blocks.0.downsamplers.0.conv", "input_blocks.2.0.op"),
        ("down_blocks.1.resnets.0", "input_blocks.3.0"),
        ("down_blocks.1.attentions.0", "input_blocks.3.1"),
        ("up_blocks.0.resnets.0", "output_blocks.0.0"),
        ("up_blocks.0.attentions.0", "output_blocks.0.1"),
        ("up_blocks.0.resnets.1", "output_blocks.1.0"),
        ("up_blocks.0.attentions.1", "output_blocks.1.1"),
        ("up_blocks.0.upsamplers.0.conv", "output_blocks.1.2.conv"),
        ("up_blocks.1.resnets.0", "output_blocks.2.0"),
        ("up_blocks.1.resnets.1", "output_blocks.3.0"),
    )
    old, new = next(pair for pair in renamed if name.startswith(pair[0] + "."))
    inner = name.removeprefix(old)
    for before, after in (
        (".norm1.", ".in_layers.0."),
        (".conv1.", ".in_layers.2."),
        (".norm2.", ".out_layers.0."),
        (".conv2.", ".out_layers.3."),
        (".time_emb_proj.", ".emb_layers.1."),
        (".conv_shortcut.", ".skip_connection."),
    ):
        if "transformer_blocks" not in inner:
            inner = inner.replace(before, after)
    return new + inner


def _vae_name(name: str) -> str:
    """For autoencoders of three levels."""
    for old, new in (
        ("decoder.up_blocks.0", "decoder.up.2"),
        ("decoder.up_blocks.1", "decoder.up.1"),
        ("decoder.up_blocks.2", "decoder.up.0"),
        ("down_blocks", "down"),
        ("mid_block.resnets.0", "mid.block_1"),
        ("mid_block.resnets.1", "mid.block_2"),
        ("mid_block.attentions.0", "mid.attn_1"),
        ("resnets", "block"),
        ("downsamplers.0", "downsample"),
        ("upsamplers.0", "upsample"),
        ("conv_norm_out", "norm_out"),
        ("conv_shortcut", "nin_shortcut"),
        ("group_norm", "norm"),
        ("to_out.0", "proj_out"),
        ("to_q", "q"),
        ("to_k", "k"),
        ("to_v", "v"),
    ):
        name = name.replace(old, new)
    return name
