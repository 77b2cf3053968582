"""LoRAs, folded into a pipeline's weights (Hu et al., "LoRA: low-rank adaptation of large language models",
2021)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gflow.runtime.errors import ModelMissing


def fold(pipeline: Any, loras: Mapping[str, float]) -> None:
    """Adds to the weights of a pipeline of diffusers what LoRAs change, each times its scale. loras: their files,
    in any of the forms that diffusers reads. Raises ModelMissing where one does not fit, and where peft is
    missing."""
    if not loras:
        return
    try:
        import peft  # noqa: F401  (diffusers takes it for this)
    except ImportError as error:
        raise ModelMissing("LoRAs need the package `peft`", help='pip install "gflow[models]"') from error
    from safetensors.torch import load_file

    names = {file: f"lora_{number}" for number, file in enumerate(loras)}
    for file, name in names.items():
        try:
            pipeline.load_lora_weights(load_file(file), adapter_name=name)
        except Exception as error:  # What diffusers raises for one that does not fit has no common class.
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise ModelMissing(f"the LoRA {Path(file).name} does not fit the model: {lines[0][:200]}") from error
        if not any(name in adapters for adapters in pipeline.get_list_adapters().values()):
            raise ModelMissing(f"the LoRA {Path(file).name} changes no weights that the model has")
    pipeline.set_adapters(list(names.values()), [loras[file] for file in names])
    pipeline.fuse_lora(components=list(pipeline.get_list_adapters()), adapter_names=list(names.values()))
    pipeline.unload_lora_weights()
