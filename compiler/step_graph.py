"""The graph that makes a step of any denoise loop on a device: `python -m gflow.compiler.step_graph` writes it.

What a step computes is in `gflow.runtime.denoise`; guidance is among its coefficients. The graph is one for all
loops: how many arrays there are comes with the run.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

#: Where it is.
PLACE = "step.onnx"


def step_graph() -> bytes:
    """The ONNX file. Inputs: `state` (k, batch, ...), `output` of the network (g x batch, ...), `draws`
    (d, batch, ...), `rows` (r, k + g + d), `scale` (1). Outputs: `made`, the new state (r, batch, ...), and
    `sample`, what the network reads next, scaled and g times. float32; arrays end in (channels, height, width)."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    latents = ["batch", "channels", "high", "wide"]

    def tensor(name: str, shape: list[str | int]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    nodes = [
        helper.make_node("Shape", ["state"], ["latents"], start=1),
        helper.make_node("Concat", ["any", "latents"], ["apart"], axis=0),
        helper.make_node("Reshape", ["output", "apart"], ["outputs"]),
        helper.make_node("Concat", ["state", "outputs", "draws"], ["parts"], axis=0),
        helper.make_node("Unsqueeze", ["rows", "behind"], ["factors"]),
        # Not a product of matrices: those round to 10 bits where a GPU may.
        helper.make_node("Mul", ["factors", "parts"], ["shares"]),
        helper.make_node("ReduceSum", ["shares", "second"], ["made"], keepdims=0),
        helper.make_node("Slice", ["made", "zero", "one"], ["first"]),
        helper.make_node("Mul", ["first", "scale"], ["scaled"]),
        helper.make_node("Shape", ["outputs"], ["times"]),
        helper.make_node("Expand", ["scaled", "times"], ["repeated"]),
        helper.make_node("Shape", ["output"], ["together"]),
        helper.make_node("Reshape", ["repeated", "together"], ["sample"]),
    ]
    constants = {"any": [-1], "behind": [2, 3, 4, 5], "second": [1], "zero": [0], "one": [1]}
    graph = helper.make_graph(
        nodes,
        "step",
        [
            tensor("state", ["states", *latents]),
            tensor("output", ["together", *latents[1:]]),
            tensor("draws", ["drawn", *latents]),
            tensor("rows", ["rows", "parts"]),
            tensor("scale", [1]),
        ],
        [tensor("made", ["rows", *latents]), tensor("sample", ["together", *latents[1:]])],
        [numpy_helper.from_array(np.array(values, np.int64), name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    """Writes the file that ships."""
    Path(str(resources.files("gflow.runtime").joinpath(PLACE))).write_bytes(step_graph())


if __name__ == "__main__":
    main()
