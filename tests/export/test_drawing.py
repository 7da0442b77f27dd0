"""Contact sheets and videos: who is in front, where people stand, how long a video lasts, options."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.export.pictures.contact_sheet import CELL_WIDTH_M, row_layout
from intermask_cli.export.pictures.figure import PARTS, facing, figure_ends
from intermask_cli.export.pictures.scene import COLOURS, VIEWS, Camera, outlines, parse_view
from intermask_cli.export.pictures.shots import Shot, at_positions, wrapped
from intermask_cli.export.pictures.video import frames_of, gif_delays_ms
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.skeleton import JOINT, PARENTS, REST_OFFSETS
from tests.helpers.motion_samples import fk_pair

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

Run = Callable[..., tuple[int, str, str]]


def standing(frames: int = 4, apart_m: float = 1.0, heading: float = 0.0) -> np.ndarray:
    """Two people in the rest pose on the floor, (2, T, 22, 3)."""
    pose = REST_OFFSETS.copy()
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            pose[joint] += pose[parent]
    pose[:, 1] -= pose[:, 1].min()
    pair = np.repeat(np.stack([pose, pose])[:, None], frames, axis=1)
    pair[1] += apart_m * np.array([np.cos(heading), 0.0, np.sin(heading)])
    return pair


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three interactions of 1, 2 and 1.5 seconds."""
    items = [
        Interaction(fk_pair(frames, k)[0], text=f"prompt {k} " + "word " * 60 * (k == 2), seed=1, id=f"p{k}")
        for k, frames in enumerate((30, 60, 45))
    ]
    return write_dataset(tmp_path_factory.mktemp("draw") / "interactions.h5", items)


def test_the_figure_has_hands_feet_and_a_face_where_they_belong() -> None:
    pose = standing()[0, 0]
    places = dict(zip([part.name for part in PARTS], figure_ends(pose), strict=True))
    assert np.allclose(facing(pose), (0, 0, 1), atol=0.15), "the rest pose faces +Z"
    assert places["nose"][0, 2] > places["head"][:, 2].max() + 0.06
    for side, sign in (("left", 1), ("right", -1)):
        wrist = pose[JOINT[f"{side}_wrist"]]
        assert sign * (places[f"{side}_fingers"][1] - wrist)[0] == pytest.approx(0.165, abs=0.01)
        foot = next(part for part in PARTS if part.name == f"{side}_foot")
        soles = places[foot.name][:, 1] - foot.radii_m
        assert np.abs(soles).max() < 0.006, "soles are on the floor"
        assert places[foot.name][1, 2] > places[foot.name][0, 2] + 0.15


def test_what_is_nearer_is_drawn_later() -> None:
    pair = standing(apart_m=2.0, heading=np.pi / 2)
    drawn = outlines(pair, Camera(azimuth_rad=0.0))
    first_of_person_2 = len(COLOURS) // 2
    persons = drawn.parts[0] >= first_of_person_2
    assert not persons[: len(persons) // 2].any() and persons[len(persons) // 2 :].all()
    face = [k for k, part in enumerate(PARTS) if part.tone == "face"]
    head = next(k for k, part in enumerate(PARTS) if part.name == "head")
    order = drawn.parts[0].tolist()
    assert all(order.index(2 * k) > order.index(2 * head) for k in face), "it looks at the camera"


@pytest.mark.parametrize("heading", np.linspace(0, 2 * np.pi, 5))
def test_views_are_relative_to_the_pair(heading: float) -> None:
    joints = standing(heading=heading)
    seen = {
        name: np.diff(view.camera(joints).project(joints[:, 0, 0]), axis=0)[0] for name, view in VIEWS.items()
    }
    assert seen["side"][0] > 0.9 and seen["back"][0] < -0.9, "person 2 is right of person 1, or left"
    assert seen["behind-1"][2] < -0.8 and seen["behind-2"][2] > 0.8, "person 2 is farther, or nearer"
    assert seen["top"][0] == pytest.approx(1.0) and abs(seen["top"][1]) < 1e-9
    assert parse_view("90,0").camera(joints).project(joints[:, 0, 0])[1, 2] > 0.9


@pytest.mark.parametrize("apart_m", [0.5, 2.0, 5.0])
def test_people_stand_on_the_floor_line_inside_their_cell(apart_m: float) -> None:
    poses = standing(apart_m=apart_m)
    for view in VIEWS.values():
        camera = view.camera(poses, elevation_rad=0.0)
        scale, below_m = row_layout(poses, camera)
        middle = poses[:, :, 0].mean(0) * (1.0, 0.0, 1.0)
        drawn = outlines(poses - middle[None, :, None], camera).polygons * scale
        assert np.abs(drawn[..., 0]).max() < CELL_WIDTH_M / 2 or scale == 0.3
        if camera.elevation_rad == 0:
            assert below_m == 0 and drawn[..., 1].min() == pytest.approx(0, abs=0.012)
    assert (row_layout(poses, VIEWS["side"].camera(poses, 0.0))[0] == 1) == (apart_m == 0.5)


@pytest.mark.parametrize("fps", [7, 12, 15, 24, 29.97, 30, 50])
def test_a_gif_lasts_as_long_as_the_motion(fps: float) -> None:
    pictures = round(4 * fps)
    delays = gif_delays_ms(pictures, fps)
    assert len(delays) == pictures and all(delay % 10 == 0 for delay in delays)
    assert sum(delays) == pytest.approx(1000 * pictures / fps, abs=5)
    assert max(delays) - min(delays) <= 10 and min(delays) >= 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "seconds", "pictures"),
    [
        ([], 2.0, 30),
        (["--fps", 30], 2.0, 60),
        (["--fps", 12, "--start", 0.5], 1.5, 18),
        (["--start", 0.5, "--end", 1.25], 0.75, 11),
        (["--end", 99], 2.0, 30),
    ],
)
def test_gifs_have_the_right_speed_and_part(
    cli: Run, source: Path, tmp_path: Path, options: list[object], seconds: float, pictures: int
) -> None:
    out = tmp_path / "x.GIF"
    code, _, err = cli("render", source, "--out", out, "--limit", 2, "--width", 120, *options)
    assert code == 0, err
    with Image.open(out) as gif:
        total = 0
        for k in range(gif.n_frames):
            gif.seek(k)
            total += gif.info["duration"]
        assert gif.size == (240, 90) and gif.n_frames == pictures
        assert total == pytest.approx(1000 * seconds, abs=35)
        white = np.asarray(gif.convert("RGB")).reshape(-1, 3).max(0)
        assert white.tolist() == [255, 255, 255]


def test_an_mp4_of_an_odd_size_has_its_rate(cli: Run, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.mp4"
    code, _, err = cli("render", source, "--out", out, "--limit", 1, "--width", 121, "--fps", 24)
    if code == 4:
        pytest.skip(err.strip())
    assert code == 0, err
    assert out.read_bytes()[4:8] == b"ftyp" and out.stat().st_size > 2000


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_contact_sheets_come_as_png_svg_and_pdf(
    cli: Run, source: Path, tmp_path: Path, suffix: str, start: bytes
) -> None:
    contents = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.{suffix}"
        code, _, err = cli("render", source, "--out", out, "--columns", 4)
        assert code == 0, err
        contents.append(out.read_bytes())
    assert contents[0] == contents[1] and contents[0].startswith(start), "the same sheet has the same bytes"
    if suffix == "png":
        with Image.open(tmp_path / "a.png") as picture:
            assert picture.width == 660
            assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 10
    if suffix == "svg":
        text = contents[0].decode()
        lines = re.findall(r"<text[^>]*>([^<]*word[^<]*)</text>|<tspan[^>]*>([^<]*word[^<]*)<", text)
        assert len(lines) > 1 and max(len("".join(line).strip()) for line in lines) < 95, (
            "captions are wrapped"
        )
        assert "clip-path" in text or "<path" in text


def test_exact_frames_of_a_sheet(cli: Run, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.svg"
    code, _, err = cli("render", source, "--out", out, "--frames", "0,15,29", "--camera", "30,25")
    assert code == 0, err
    times = re.findall(r"(\d\.\d) s<", out.read_text())
    assert times == ["0.0", "0.5", "1.0"] * 3
    code, _, err = cli("render", source, "--out", out, "--frames", "0,30")
    assert code == 2 and "frame 30 does not exist" in err and "0 to 29" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("x.avi", [], "a contact sheet is .png, .svg, .pdf, a video .gif or .mp4"),
        ("x.png", ["--fps", 10], "--fps has no effect on a contact sheet"),
        ("x.gif", ["--columns", 4], "--columns has no effect on a video"),
        ("x.png", ["--frames", "0", "--start", 1], "leave out --columns, --start and --end"),
        ("x.png", ["--frames", "1,x"], "accepted are frame numbers from 0"),
        ("x.gif", ["--camera", "above"], "accepted are side, back"),
        ("x.gif", ["--camera", "0,120"], "elevation 0 to 90"),
        ("x.gif", ["--fps", 100], "takes 1 to 50"),
        ("x.gif", ["--start", 5], "the longest clip has 2.00 s"),
        ("x.mp4", ["--start", 1, "--end", 1], "seconds 1 to 1: nothing to draw"),
        ("x.png", ["--id", "unknown"], "no interaction 'unknown'"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    cli: Run, source: Path, tmp_path: Path, name: str, options: list[object], expected: str
) -> None:
    code, _, err = cli("render", source, "--out", tmp_path / name, *options)
    assert code == 2 and expected in err and err.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_between_frames_joints_move_by_line() -> None:
    joints = fk_pair(10)[0]
    between = at_positions(joints, np.array([0.0, 2.25, 9.0, 30.0]))
    assert np.allclose(between[:, 1], 0.75 * joints[:, 2] + 0.25 * joints[:, 3], atol=1e-6)
    assert np.allclose(between[:, 2], joints[:, 9]) and np.allclose(between[:, 3], joints[:, 9])


def test_long_captions_are_cut_with_an_ellipsis() -> None:
    lines = wrapped("one two three four five six", 9, 2)
    assert len(lines) == 2 and lines[-1].endswith("…") and max(map(len, lines)) <= 9
    assert list(wrapped("", 20, 2)) == [""]


def test_pictures_show_both_people_and_repeat_the_end_of_shorter_clips() -> None:
    pictures = list(frames_of([standing(8), standing(2)], ["a", "b"], 160, shot=Shot(VIEWS["top"])))
    assert len(pictures) == 8 and pictures[0].shape == (120, 320, 3)
    left, right = pictures[-1][:, :160].astype(int), pictures[-1][:, 160:].astype(int)
    for half in (left, right):
        assert (half[..., 2] > half[..., 0] + 80).sum() > 100 and (
            half[..., 0] > half[..., 2] + 80
        ).sum() > 100
