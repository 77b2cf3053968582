"""Networks on ONNX Runtime: batches in parts, one a core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx_calls import STARTER

from gflow.runtime import network as n
from gflow.runtime.coming import Coming
from gflow.runtime.components import Components
from gflow.runtime.errors import EngineFailed
from gflow.runtime.lowered import read

SCENES = STARTER / "scenes" / "lowered"


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(n, "cores", lambda: 2)


def unet(least: int) -> tuple[Components, n.Network]:
    component = read(SCENES).components["network"]
    components = Components(coming=Coming(least={component.identity: least}))
    return components, components.network(SCENES, component)


def feeds(batch: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "sample": rng.standard_normal((batch, 8, 8, 8), dtype=np.float32),
        "timestep": np.linspace(10, 900, batch, dtype=np.float32),
        "text": rng.standard_normal((batch, 24, 128), dtype=np.float32),
    }


@pytest.mark.parametrize(
    ("cores", "batch", "expected"),
    [
        (1, 8, 1),
        (2, 1, 1),
        (2, 2, 2),
        (2, 3, 1),
        (2, 16, 2),
        (4, 2, 1),
        (4, 6, 3),
        (6, 8, 4),
        (6, 16, 4),
        (64, 16, 1),
    ],
)
def test_parts_are_equal_and_keep_the_cores_busy(
    cores: int, batch: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(n, "cores", lambda: cores)
    assert n.parts(batch) == expected


@pytest.mark.usefixtures("two_cores")
def test_parts_give_what_the_whole_gives() -> None:
    (split, parted), (whole, together) = unet(8), unet(1)
    given = feeds(8)
    [one], [other] = parted.run(given), together.run(given)
    assert one.shape == (8, 8, 8, 8)
    np.testing.assert_allclose(one, other, atol=1e-4)
    assert split.loads == whole.loads == 1
    # What is computed of a sample is the same bits wherever it stands.
    turned = {name: np.roll(value, 4, axis=0) for name, value in given.items()}
    [again] = parted.run(turned)
    assert np.array_equal(np.roll(again, -4, axis=0), one)


@pytest.mark.usefixtures("two_cores")
def test_a_single_sample_gets_all_cores_whatever_was_foreseen() -> None:
    components, parted = unet(8)
    [many] = parted.run(feeds(8))
    [one] = parted.run({name: value[:1] for name, value in feeds(8).items()})
    np.testing.assert_allclose(one, many[:1], atol=1e-4)
    assert components.loads == 2
    parted.run(feeds(8))
    parted.run(feeds(1))
    assert components.loads == 2 and components.held() == read(SCENES).components["network"].bytes


@pytest.mark.usefixtures("two_cores")
def test_a_part_that_fails_fails_the_call() -> None:
    _, parted = unet(8)
    wrong = feeds(8) | {"text": np.zeros((8, 24, 64), np.float32)}
    with pytest.raises(EngineFailed, match="ONNX Runtime failed"):
        parted.run(wrong)
    assert parted.running == 0


def test_other_sessions_of_the_process_are_left_alone() -> None:
    import onnx
    import onnxruntime as ort

    _, network = unet(1)
    network.run(feeds(1))
    # A script's own function may well have one.
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Neg", ["x"], ["y"])], "g", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 20)])
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": np.ones(1, np.float32)})[0] == -1
