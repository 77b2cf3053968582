"""Graphs for what happens on a device between networks: `python -m gflow.compiler.device_graphs` writes them.

One makes a step of any denoise loop (`gflow.runtime.denoise`); guidance is among its coefficients, and how many
arrays there are comes with the run. The other tells whether decoded pictures are numbers.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any


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
    return _written(graph)


def sums_graph() -> bytes:
    """The ONNX file. Input: `pictures`, float32 (batch, height, width, channels). Output: `sums` (batch), finite
    where all values are."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["pictures", "axes"], ["sums"], keepdims=0)],
        "sums",
        [value("pictures", TensorProto.FLOAT, ["batch", "height", "width", "channels"])],
        [value("sums", TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(np.array([1, 2, 3], np.int64), "axes")],
    )
    return _written(graph)


def _written(graph: Any) -> bytes:
    from onnx import helper

    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return bytes(model.SerializeToString(deterministic=True))


#: What each makes, by the name of its file in `gflow.runtime`.
GRAPHS = {"step.onnx": step_graph, "sums.onnx": sums_graph}


def main() -> None:
    """Writes the files that ship."""
    for name, make in GRAPHS.items():
        Path(str(resources.files("gflow.runtime").joinpath(name))).write_bytes(make())


if __name__ == "__main__":
    main()
