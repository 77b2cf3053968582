"""Pictures by diffusers on a GPU, as its documentation has them fast. `how` is "eager" or "compiled"; "reference"
writes what one step of the network gives in float32, and counts what a picture takes at least.

    gpu_painter.py JOB      see `gpu_measure.py`
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from diffusers.utils import logging
from gpu_measure import PROMPT, Answer, Job, answered, checked, clocked, feeds, step_error, timed

logging.disable_progress_bar()

#: The step that is checked, and the guidance that Flux is told there: times 1000, both are numbers of bfloat16, in
#: which diffusers multiplies them. A difference there would be one of the questions, not of the answers.
TIME, GUIDANCE = 500.0, 2.0

#: The side of the matrices whose product is timed.
MATRIX = {"cuda": 8192, "cpu": 512}


def loaded(job: Job) -> Any:
    """The pipeline on its device, in bfloat16 on a GPU. Raises RuntimeError where PyTorch has none."""
    return read(job, torch.bfloat16 if job.device == "cuda" else torch.float32).to(job.device)


def read(job: Job, dtype: torch.dtype) -> Any:
    """The pipeline in main memory. Raises RuntimeError where PyTorch has no GPU and is to have one."""
    if job.device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(f"PyTorch {torch.__version__} can't use the GPU")
    pipeline = DiffusionPipeline.from_pretrained(job.model, torch_dtype=dtype, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def network(pipeline: Any) -> Any:
    return pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer


def compiled(pipeline: Any) -> None:
    """As diffusers' "Accelerate inference" has it: the network and the decoder, `max-autotune`, `channels_last`,
    and what it sets of Inductor."""
    settings = torch._inductor.config
    settings.conv_1x1_as_mm = True
    settings.coordinate_descent_tuning = True
    settings.coordinate_descent_check_all_directions = True
    settings.epilogue_fusion = False
    torch.set_float32_matmul_precision("high")
    pipeline.vae.to(memory_format=torch.channels_last)
    # A batch of another size is another program, as it is where a process paints nothing else.
    how = {"mode": "max-autotune", "fullgraph": True, "dynamic": False}
    if hasattr(pipeline, "unet"):
        pipeline.unet.to(memory_format=torch.channels_last)
        pipeline.unet = torch.compile(pipeline.unet, **how)
    else:
        pipeline.transformer = torch.compile(pipeline.transformer, **how)
    pipeline.vae.decode = torch.compile(pipeline.vae.decode, **how)


# --- one step --------------------------------------------------------------------------------------


def inputs(pipeline: Any, job: Job) -> dict[str, Any]:
    """What one evaluation reads for one picture, random: by the names that gflow's graphs have."""
    rng = np.random.default_rng(1)
    vae, side = pipeline.vae.config, job.side // pipeline.vae_scale_factor
    count = 2 if job.family == "sdxl" else 1  # Without the prompt and with it.
    shapes: dict[str, tuple[int, ...]] = {"sample": (count, vae.latent_channels, side, side)}
    if job.family == "sdxl":
        shapes["text"] = count, 77, pipeline.text_encoder.config.hidden_size
        shapes["text_2"] = count, 77, pipeline.text_encoder_2.config.hidden_size
        shapes["summary"] = count, pipeline.text_encoder_2.config.projection_dim
    else:
        shapes["summary"] = count, pipeline.text_encoder.config.hidden_size
        shapes["text"] = count, 512, pipeline.text_encoder_2.config.d_model
    made: dict[str, Any] = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    made["timestep"] = np.full(count, TIME, np.float32)
    if job.family == "flux":
        made["guidance"] = np.full(count, GUIDANCE, np.float32)
    return made


@torch.inference_mode()
def step(pipeline: Any, job: Job, given: dict[str, Any]) -> Any:
    """One evaluation of the network, by diffusers. float32, of the latents' shape."""
    evaluate = network(pipeline)
    there = {name: torch.from_numpy(array).to(job.device, pipeline.dtype) for name, array in given.items()}
    sample, count = there["sample"], len(there["sample"])
    if job.family == "sdxl":
        sizes = torch.tensor([[job.side, job.side, 0, 0, job.side, job.side]] * count)
        found = evaluate(
            sample,
            torch.tensor(TIME, device=job.device),
            encoder_hidden_states=torch.cat([there["text"], there["text_2"]], dim=-1),
            added_cond_kwargs={"text_embeds": there["summary"], "time_ids": sizes.to(job.device, sample.dtype)},
            return_dict=False,
        )[0]
        return found.float().cpu().numpy()
    _, channels, high, wide = sample.shape
    found = evaluate(
        hidden_states=pipeline._pack_latents(sample, count, channels, high, wide),
        timestep=there["timestep"] / 1000,
        guidance=there["guidance"].float(),
        pooled_projections=there["summary"],
        encoder_hidden_states=there["text"],
        txt_ids=torch.zeros(there["text"].shape[1], 3, device=job.device, dtype=sample.dtype),
        img_ids=pipeline._prepare_latent_image_ids(count, high // 2, wide // 2, job.device, sample.dtype),
        return_dict=False,
    )[0]
    unpacked = pipeline._unpack_latents(found, job.side, job.side, pipeline.vae_scale_factor)
    return unpacked.float().cpu().numpy()


# --- what is the least -----------------------------------------------------------------------------


def reference(job: Job, answer: Answer) -> None:
    """One step in float32, kept in a file; then how many operations the parts of a picture have, and how many
    matrix products manage in a second, in the precision that the peers run in."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    pipeline = read(job, torch.float32)
    network(pipeline).to(job.device)  # The rest of Flux in float32 would not fit beside it.
    given = inputs(pipeline, job)
    prediction = step(pipeline, job, given)
    if not np.isfinite(prediction).all() or prediction.std() < 1e-3:
        raise ValueError("the random network gives nothing to compare with")
    part = Path(job.reference).with_suffix(".part.npz")
    np.savez(part, **given, prediction=prediction)
    part.replace(job.reference)
    del pipeline
    if job.device == "cuda":
        torch.cuda.empty_cache()
    pipeline = loaded(job)
    answer.put(operations=operations(pipeline, job, given))
    side = MATRIX[job.device]
    one, other = (torch.randn(side, side, device=job.device, dtype=pipeline.dtype) for _ in range(2))
    with torch.inference_mode():
        taken = [clocked(lambda: one @ other, job.device)[1] for _ in range(25)][5:]
    answer.put(matrix={"side": side, "seconds": taken, "rate": 2 * side**3 / statistics.median(taken)})


@torch.inference_mode()
def operations(pipeline: Any, job: Job, given: dict[str, Any]) -> dict[str, int]:
    """Of one picture: `network` once (with guidance, twice over), `texts` and `decoder`, as PyTorch counts them:
    matrix products and convolutions."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    def counted(action: Any) -> int:
        # Attention as plain products, which are counted whatever the device has for it.
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            action()
        return int(counter.get_total_flops())

    side = job.side // pipeline.vae_scale_factor
    latents = torch.randn(1, pipeline.vae.config.latent_channels, side, side).to(job.device, pipeline.dtype)
    guided = {"do_classifier_free_guidance": True} if job.family == "sdxl" else {}
    return {
        "network": counted(lambda: step(pipeline, job, given)),
        "texts": counted(lambda: pipeline.encode_prompt(PROMPT, None, device=job.device, **guided)),
        "decoder": counted(lambda: pipeline.vae.decode(latents)),
    }


# --- pictures --------------------------------------------------------------------------------------


def paint(job: Job, answer: Answer) -> None:
    """Pictures in batches, from the prompt to PIL. The network is compared with float32's first."""
    pipeline = loaded(job)
    if job.how == "compiled":
        compiled(pipeline)
    given, wanted = feeds(job)
    answer.put(error=step_error(step(pipeline, job, given), wanted, job.device))

    @torch.inference_mode()
    def painted(batch: int, number: int) -> list[Any]:
        made: list[Any] = pipeline(
            PROMPT,
            height=job.side,
            width=job.side,
            num_inference_steps=job.steps,
            guidance_scale=job.guidance,
            num_images_per_prompt=batch,
            generator=[torch.Generator().manual_seed(number * 100 + place) for place in range(batch)],
        ).images
        return made

    for batch in job.batches:
        if job.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        # CUDA graphs are recorded in the second call and replayed from the third on.
        warmups = 3 if job.how == "compiled" else 1
        answer.each(
            "batches",
            batch,
            lambda n=batch, more=warmups: timed(  # type: ignore[misc]
                lambda turn: painted(n, turn), lambda made: checked(made, n, job.side), job, warmups=more
            ),
        )
        if job.device == "cuda":
            answer.each("peak", batch, torch.cuda.max_memory_allocated)
    checked(painted(1, 0), 1, job.side)[0].save(job.picture)


if __name__ == "__main__":
    answered(lambda job, answer: (reference if job.how == "reference" else paint)(job, answer))
