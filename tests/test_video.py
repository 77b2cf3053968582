"""Videos as values: ops on them are ops on their frames, and none is made before it is read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Film, film, played
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gflow.compiler.program import check
from gflow.kernels import types as t
from gflow.kernels.clip import Clip, Reading
from gflow.kernels.op import Op, OpError, registry
from gflow.kernels.op import op as declare
from gflow.kernels.pixels import Image, ImageOrMask
from gflow.kernels.sound import Part
from gflow.kernels.types import Size

SMALL = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
#: Ops that make a picture of pictures, as the compiler finds them: new ones are held to this without a line here.
OVER_FRAMES = [
    op for op in registry().values() if {t.IMAGE, t.VIDEO} <= set(getattr(op.signature.result, "among", ()))
]


#: The file of a look-up table, which swaps black and white.
CUBE = "LUT_1D_SIZE 2\n1 1 1\n0 0 0\n"


def run(op: str, *args: Any, **named: Any) -> Any:
    return registry()[op].kernel(*args, **named)


def same(left: list[Any], right: list[Any]) -> bool:
    return len(left) == len(right) and all(map(np.array_equal, left, right))


def arguments(op: Op, picture: Any) -> dict[str, Any]:
    """What an op needs, with `picture` for every picture; masks, numbers and texts are made up."""
    made = {t.MASK: np.full((16, 24), 0.5, np.float32), t.FLOAT: 0.5, t.INT: 1, t.SIZE: Size(12, 8), t.TEXT: "red"}
    named = {}
    for param in op.signature.params:
        if param.type == op.signature.result:
            named[param.name] = picture
        elif param.file:
            named[param.name] = CUBE
        elif isinstance(param.type, t.Choice):
            named[param.name] = param.type.values[0]
        elif param.type in made and repr(param.default) == "REQUIRED":
            named[param.name] = made[param.type]
    return named


# --- frame by frame --------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("op", OVER_FRAMES, ids=lambda op: op.name)
def test_an_op_on_a_video_is_the_op_on_each_frame(op: Op, channels: int) -> None:
    clip = film(3, channels=channels)
    made = op.kernel(**arguments(op, clip))
    assert isinstance(made, Clip) and (made.fps, made.count) == (clip.fps, 3)
    assert same(played(made), [op.kernel(**arguments(op, picture)) for picture in clip.pictures])


def test_there_are_many_such_ops() -> None:
    assert {"resize", "grade", "sharpen", "blend", "composite", "caption", "rotate"} <= {
        op.name for op in OVER_FRAMES
    }


CHAIN = st.lists(
    st.sampled_from(
        [
            ("resize", {"size": Size(30, 20)}),
            ("resize", {"size": Size(15, 31), "fit": "contain"}),
            ("scale", {"factor": 0.5}),
            ("grade", {"contrast": 1.3, "saturation": 0.6, "gamma": 1.4}),
            ("blur", {"radius": 1.2}),
            ("sharpen", {"amount": 0.7}),
            ("flip", {"direction": "horizontal"}),
            ("rotate", {"degrees": 30.0}),
            ("pad", {"all": 2, "color": "#ff000080"}),
            ("invert", {}),
        ]
    ),
    min_size=1,
    max_size=5,
)


@SMALL
@given(CHAIN, st.sampled_from([3, 4]))
def test_a_chain_on_a_video_is_the_chain_on_each_frame(
    chain: list[tuple[str, dict[str, Any]]], channels: int
) -> None:
    clip: Any = film(2, channels=channels)
    pictures = list(clip.pictures)
    for op, named in chain:
        clip = run(op, clip, **named)
        pictures = [run(op, picture, **named) for picture in pictures]
    assert clip.size == Size(pictures[0].shape[1], pictures[0].shape[0])
    assert same(played(clip), pictures)


def test_nothing_is_made_before_it_is_read() -> None:
    clip = film(50)
    made = run("trim", run("blur", run("resize", clip, Size(12, 8)), 1.0), 1.0, 4.0)
    assert clip.asked == [] and made.count == 30
    with Reading() as reading:
        reading.array(reading.frame(made, 7))
    assert clip.asked == [17]


def test_a_graph_is_built_once_for_all_frames() -> None:
    built = 0

    @declare(pixel=True)
    def counted(image: Image) -> Image:
        """Counts."""
        nonlocal built
        built += 1
        return image * 0.5

    played(counted.__op__.kernel(film(20)))
    assert built == 1


def test_a_second_picture_may_be_an_image_or_a_video() -> None:
    below, above = film(4, seed=1), film(4, seed=2)
    still = above.pictures[0]
    both = played(run("blend", below, above, 0.3))
    assert same(both, [run("blend", a, b, 0.3) for a, b in zip(below.pictures, above.pictures, strict=True)])
    assert same(played(run("blend", below, still, 0.3)), [run("blend", a, still, 0.3) for a in below.pictures])
    assert same(played(run("blend", still, above, 0.3)), [run("blend", still, b, 0.3) for b in above.pictures])
    # Where both are of one clip, its frames are read once.
    below.asked.clear()
    itself = played(run("blend", below, run("blur", below, 1.0), 0.5))
    assert same(itself, [run("blend", a, run("blur", a, 1.0), 0.5) for a in below.pictures])
    assert below.asked == [0, 1, 2, 3]


def test_a_second_video_is_shown_at_the_same_moments() -> None:
    below, above = film(6, fps=10, seed=1), film(2, fps=5, seed=2)
    shown = played(run("blend", below, above, 1.0))
    assert same(
        shown, [run("blend", below.pictures[0], above.pictures[place], 1.0) for place in (0, 0, 1, 1, 1, 1)]
    )


def test_what_an_op_refuses_is_told_when_it_is_called() -> None:
    with pytest.raises(OpError, match="`crop` can't take 100x100"):
        run("crop", film(), Size(100, 100))
    with pytest.raises(OpError, match="pictures of one size"):
        run("blend", film(), film(width=20))


def test_declared_ops_take_videos_without_a_word_of_their_own() -> None:
    @declare(pixel=True)
    def halved(image: ImageOrMask, other: Image | None = None) -> ImageOrMask:
        """Darker."""
        return image * 0.5

    @declare(pixel=True)
    def of_two(image: Image, other: Image | None = None) -> Image:
        """Both."""
        return image if other is None else image + other

    @declare(pure=False)
    def kept(image: t.Image) -> t.Image:
        """Has an effect."""
        return image

    assert (
        str(halved.__op__.signature)
        == "(image: image | mask | video, other: image? = none) -> image | mask | video"
    )
    assert "other: image | video? = none" in str(of_two.__op__.signature)
    assert "video" not in str(kept.__op__.signature)
    clip = film(2)
    assert same(played(of_two.__op__.kernel(clip, clip)), [2 * picture for picture in clip.pictures])


# --- in time ---------------------------------------------------------------------------------------


def test_trim() -> None:
    clip = film(20, fps=10)
    assert same(played(run("trim", clip, 0.5, 1.0)), clip.pictures[5:10])
    assert same(played(run("trim", clip, end=0.3)), clip.pictures[:3])
    assert same(played(run("trim", clip, 1.7)), clip.pictures[17:])
    assert run("trim", clip) is clip
    for wrong in ((1.0, 0.5), (-1.0, 1.0), (0.0, 3.0), (5.0, None), (0.5, 0.51)):
        with pytest.raises(OpError, match="`trim`"):
            run("trim", clip, *wrong)
    assert run("trim", " a ") == "a"
    with pytest.raises(OpError, match="of a text"):
        run("trim", " a ", 1.0)


def test_speed() -> None:
    clip = film(10)
    assert same(played(run("speed", clip, 2.0)), clip.pictures[::2])
    assert same(played(run("speed", clip, 0.5)), [clip.pictures[place // 2] for place in range(20)])
    assert run("speed", clip, 100.0).count == 1
    for factor in (0.0, -1.0, 101.0, float("nan")):
        with pytest.raises(OpError, match="`speed`"):
            run("speed", clip, factor)


def test_concat() -> None:
    one, other = film(3, fps=10, seed=1), film(6, fps=20, seed=2)
    assert same(played(run("concat", [one, other])), [*one.pictures, *other.pictures[::2]])
    assert same(played(run("concat", [one, one])), one.pictures * 2)
    wide = played(run("concat", [one, film(1, channels=4, seed=3)]))
    assert {picture.shape[2] for picture in wide} == {4} and wide[0][..., 3].min() == 1
    for wrong in ([], [one, film(width=10)]):
        with pytest.raises(OpError, match="`concat`"):
            run("concat", wrong)


def test_crossfade_mixes_both_while_they_play() -> None:
    one, other = film(5, fps=10, seed=1), film(5, fps=10, seed=2)
    shown = played(run("crossfade", [one, other], 0.2))
    assert len(shown) == 8 and same(shown[:3], one.pictures[:3]) and same(shown[5:], other.pictures[2:])
    for place, share in ((3, 1 / 3), (4, 2 / 3)):
        mixed = one.pictures[place] * (1 - share) + other.pictures[place - 3] * share
        assert np.allclose(shown[place], mixed, atol=1e-6)
    with pytest.raises(OpError, match="lasts"):
        run("crossfade", [one, film(1, seed=2), one], 0.2)


def test_slideshow() -> None:
    images = [np.full((16, 24, 3), level, np.float32) for level in (0.0, 0.5, 1.0)]
    clip = run("slideshow", images, hold=0.5, crossfade=0.2, fps=10.0)
    levels = [float(picture.mean()) for picture in played(clip)]
    third = 0.5 / 3
    expected = [0] * 5 + [third, 2 * third] + [0.5] * 5 + [0.5 + third, 0.5 + 2 * third] + [1] * 5
    assert np.allclose(levels, expected, atol=1e-6) and clip.fps == 10
    assert run("slideshow", images, hold=1.0, crossfade=0.0, fps=24.0).count == 72
    assert run("slideshow", images[:1], fps=23.976).fps == Fraction(24000, 1001)
    for wrong in ({"frames": []}, {"hold": 0.01}, {"fps": 0.0}, {"crossfade": -1.0}):
        with pytest.raises(OpError, match="`slideshow`"):
            run("slideshow", **{"frames": images, "hold": 1.0, "crossfade": 0.5, "fps": 10.0, **wrong})
    with pytest.raises(OpError, match="24x16 and 10x16"):
        run("slideshow", [images[0], images[1][:, :10]])


@SMALL
@given(st.integers(1, 6), st.integers(1, 9))
def test_temporal_blur_is_the_mean_of_frames_around(width: int, count: int) -> None:
    clip = film(count, seed=count)
    for made, of in (
        (run("temporal_blur", clip, width), clip),
        (run("temporal_blur", run("invert", clip), width), None),
    ):
        pictures = clip.pictures if of is clip else [1 - picture for picture in clip.pictures]
        for place, picture in enumerate(played(made)):
            places = np.clip(np.arange(width) + place - (width - 1) // 2, 0, count - 1)
            assert np.allclose(picture, np.mean([pictures[near] for near in places], axis=0), atol=1e-5)


def test_a_mean_over_time_is_the_same_wherever_it_begins_and_whatever_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip = film(40)
    frames = played(run("temporal_blur", clip, 7))
    monkeypatch.setattr("gflow.kernels.montage._HELD", 0)
    again = run("temporal_blur", clip, 7)
    assert same(played(again), frames)
    with Reading() as reading:
        for place in (20, 21, 3, 22, 4, 39, 0, 24):
            assert np.array_equal(reading.array(reading.frame(again, place)), frames[place])
    twice = run("temporal_blur", again, 5)
    mean = [np.mean([frames[min(max(near, 0), 39)] for near in range(at - 2, at + 3)], axis=0) for at in range(40)]
    assert all(
        np.allclose(picture, expected, atol=1e-5) for picture, expected in zip(played(twice), mean, strict=True)
    )


def test_a_window_reads_each_frame_once() -> None:
    clip = film(20)
    played(run("temporal_blur", run("blur", clip, 1.0), 5))
    assert clip.asked == list(range(20))
    with pytest.raises(OpError, match="`temporal_blur`"):
        run("temporal_blur", clip, 65)


def test_frames_as_images() -> None:
    clip = film(20, fps=10)
    assert np.array_equal(run("frame_at", clip), clip.pictures[0])
    assert np.array_equal(run("frame_at", clip, 0.7), clip.pictures[7])
    assert np.array_equal(run("frame_at", clip, clip.duration), clip.pictures[19])
    assert same(run("frames", clip, 0.5), clip.pictures[::5])
    assert len(run("frames", clip, 0.01)) == 20
    for wrong in (-0.1, 3.0, float("nan")):
        with pytest.raises(OpError, match="`frame_at`"):
            run("frame_at", clip, wrong)
    with pytest.raises(OpError, match="above 0"):
        run("frames", clip, 0.0)
    with pytest.raises(OpError, match="GiB"):
        run("frames", run("speed", run("resize", clip, Size(4000, 4000)), 0.01), 0.1)


# --- sound -----------------------------------------------------------------------------------------


def with_sound(clip: Film, name: str = "a.mp4") -> Film:
    clip.sound = (Part(Path(name)),)
    return clip


def test_the_sound_is_cut_as_the_pictures_are() -> None:
    path, clip = Path("a.mp4"), with_sound(film(20, fps=10))
    assert run("resize", clip, Size(8, 8)).sound == (Part(path),)
    assert run("trim", clip, 0.5, 1.5).sound == (Part(path, 0.5, 1.0),)
    assert run("speed", clip, 2.0).sound == (Part(path, speed=2.0),)
    fast = run("trim", run("speed", clip, 2.0), 0.5)
    assert fast.sound == (Part(path, 1.0, 0.5, 2.0),)
    assert run("without_audio", clip).sound == ()
    other = run("with_audio", clip, t.MediaFile(Path("b.wav")))
    assert other.sound == (Part(Path("b.wav"), length=2.0),) and same(played(other), clip.pictures)


def test_the_sounds_of_several_clips_follow_each_other() -> None:
    one, silent = with_sound(film(10, fps=10)), film(5, fps=10)
    assert run("concat", [one, silent]).sound == (Part(Path("a.mp4"), length=1.0), Part(None, length=0.5))
    faded = run("crossfade", [one, one], 0.2).sound
    assert np.allclose([part.begin for part in faded], [0, 0.1])
    assert np.allclose([part.length for part in faded], [0.9, 0.9])
    assert run("concat", [silent, silent]).sound == ()


# --- in scripts ------------------------------------------------------------------------------------


def codes(
    tmp_path: Path, body: str, params: str = "clip: video, img: image, mask: mask", result: str = "video"
) -> Any:
    script = tmp_path / "s.gflow"
    script.write_text(f"flow f({params}) -> {result} {{ {body} }}\n")
    return [diagnostic.code for diagnostic in check(script) if diagnostic.severity == "error"]


def test_types(tmp_path: Path) -> None:
    for right in (
        "clip |> resize(8x8) |> grade(contrast: 1.1) |> sharpen()",
        "blend(clip, img)",
        "blend(img, clip)",
        "blend(clip, clip)",
        "composite(clip, img, mask)",
        "concat([clip, clip]) |> trim(1s, 2s) |> speed(2x)",
        "slideshow([img, img |> blur(2.0)], hold: 1s, crossfade: 500ms, fps: 24fps)",
        "for f in frames(clip, every: 1s) { f } |> slideshow()",
        "frame_at(clip, 1s) |> composite(clip, mask)",
    ):
        assert codes(tmp_path, right) == [], right
    for wrong in (
        "blend(img, img)",
        "mask_from(clip)",
        "composite(clip, img, clip)",
        "clip.frames",
        "grid([clip])",
    ):
        assert codes(tmp_path, wrong) != [], wrong
    fields = "{ size: clip.size, fps: clip.fps, long: clip.duration }"
    assert codes(tmp_path, fields, result="{ size: size, fps: float, long: duration }") == []
    assert codes(tmp_path, 'trim(" a ")', result="text") == []
    assert codes(tmp_path, "trim(kind)", params='kind: "a" | "b"', result="text") == []


def test_values_say_what_they_are() -> None:
    clip = film(25)
    assert run("text", clip) == "video 24x16 2.5s"
    assert (run(".", clip, "size"), run(".", clip, "fps"), run(".", clip, "duration")) == (Size(24, 16), 10.0, 2.5)
    with pytest.raises(OpError, match="a video has no field `height`"):
        run(".", clip, "height")
    assert run("==", clip, clip) and not run("==", clip, film(25))
