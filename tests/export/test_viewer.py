"""The viewer page as a file: encoding error, escaping, size, data files of a large run, columns."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.errors import InputError
from intermask_cli.export.viewer import clip_data
from intermask_cli.export.viewer.clip_data import QUANTUM_M, encode_joints
from intermask_cli.export.viewer.page import SCRIPTS, ViewerItem, write_viewer
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.physics import physics
from tests.helpers.motion_samples import fk_pair
from tests.helpers.viewer_pages import page_data, part_data

Run = Callable[..., tuple[int, str, str]]


def decoded(clip: dict, frames: int) -> np.ndarray:
    """Millimetres (2, T, 22, 3) of a clip of a page."""
    deltas = np.frombuffer(zlib.decompress(base64.b64decode(clip["data"])), f"<i{clip['bits'] // 8}")
    return np.swapaxes(deltas.reshape(frames, 2, 22, 3).astype(np.int64).cumsum(0), 0, 1)


def test_positions_survive_the_page_within_half_a_quantum() -> None:
    for jump, bits in ((0.0, 16), (100.0, 32)):  # a root that teleports is warned of elsewhere, not hidden
        joints = fk_pair(40)[0].astype(np.float64)
        joints[0, 20:] += jump
        coded = encode_joints(joints)
        centre = joints[:, 0, 0].mean(0) * (1, 0, 1)
        assert np.abs(decoded(coded, 40) * QUANTUM_M - (joints - centre)).max() <= QUANTUM_M / 2 + 1e-6
        assert (coded["bits"], coded["frames"]) == (bits, 40)


def test_a_jump_no_page_can_show_is_one_line(tmp_path: Path) -> None:
    joints = fk_pair(40)[0].astype(np.float64)
    joints[0, 20] += 1e7
    with pytest.raises(InputError, match="1e\\+07 m in one frame"):
        write_viewer([ViewerItem("a", "x", joints)], tmp_path / "page.html", title="t")
    assert not any(tmp_path.iterdir())


def test_of_an_inter_x_body_the_22_joints_are_shown(tmp_path: Path) -> None:
    pages = []
    for joints in (fk_pair(12)[0], np.pad(fk_pair(12)[0], ((0, 0), (0, 0), (0, 33), (0, 0)))):
        write_viewer([ViewerItem("a", "x", joints)], tmp_path / "page.html", title="t")
        pages.append((tmp_path / "page.html").read_text())
    assert pages[0] == pages[1]


def test_two_hundred_ten_second_clips_stay_in_one_file() -> None:
    """Worst case for size: independent noise of 3 mm on every coordinate, as a model's output has."""
    noise = np.random.default_rng(0).normal(0, 0.003, (2, 300, 22, 3))
    assert 200 * len(encode_joints(fk_pair(300)[0] + noise)["data"]) < clip_data.PAGE_LIMIT


def test_a_prompt_cannot_close_the_script_element(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    prompts = ("</script><b>bold", "@@SCRIPT@@ costs $& \\u003c")
    write_viewer([ViewerItem(f"p{k}", p, fk_pair(12)[0]) for k, p in enumerate(prompts)], page, "<i>t</i>")
    text = page.read_text(encoding="utf-8")
    assert text.count("</script>") == 1 and "<i>t</i>" not in text
    assert tuple(item["prompt"] for item in page_data(page)["items"]) == prompts
    assert not re.search(r"https?://|//cdn|\bsrc=|<link|@import|\bfetch\(", text), "no address, no other file"


def test_every_script_file_is_on_the_page() -> None:
    folder = Path(clip_data.__file__).resolve().parents[2] / "assets" / "viewer"
    assert sorted(SCRIPTS) == sorted(path.stem for path in folder.glob("*.js"))


def test_a_large_page_keeps_its_clips_in_files_next_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_data, "PAGE_LIMIT", 20_000)
    monkeypatch.setattr(clip_data, "CLIPS_PER_FILE", 4)
    monkeypatch.setattr("intermask_cli.export.viewer.page.CLIPS_PER_FILE", 4)
    page, joints = tmp_path / "page.html", [fk_pair(20, seed)[0] for seed in range(10)]
    items = [ViewerItem(f"p{k}", "x", clip, truth=joints[0]) for k, clip in enumerate(joints)]
    written = write_viewer(iter(items), page, title="t")
    data = page_data(page)
    assert written.folder == tmp_path / "page_data" and written.compared == 10
    assert data["parts"] == {"folder": "page_data", "size": 4}
    assert sorted(path.name for path in written.folder.iterdir()) == ["0.js", "1.js", "2.js"]
    clips = [clip for number in range(3) for clip in part_data(page, number)]
    for item, clip, original in zip(data["items"], clips, joints, strict=True):
        centre = original[:, 0, 0].mean(0) * (1, 0, 1)
        assert "data" not in item and "data" not in item["truth"]
        assert np.abs(decoded(clip, 20) * QUANTUM_M - (original - centre)).max() <= QUANTUM_M / 2 + 1e-6
        assert decoded(clip["truth"], 20).shape == (2, 20, 22, 3)


def test_items_carry_seed_given_person_and_physics_of_the_generated_one(cli: Run, tmp_path: Path) -> None:
    joints, rotations = fk_pair(30)
    seed = 2**62 + 1  # a browser's numbers would round it
    source = write_dataset(tmp_path / "interactions.h5", [
        Interaction(joints, rotations, text="both", seed=seed, id="a"),
        Interaction(joints, rotations, text="one", seed=1, given=0, id="b"),
        Interaction(joints[:, :3], rotations[:, :3], text="too short to measure", seed=1, id="c"),
    ])  # fmt: skip
    code, out, err = cli("view", source)
    page = tmp_path / "view.html"
    assert code == 0 and out.strip() == str(page), err
    both, one, short = page_data(page)["items"]
    assert both["fields"]["seed"] == str(seed) and "given" not in both and one["given"] == 1
    for item, persons in ((both, (0, 1)), (one, (1,))):
        for name, value in physics(joints, persons).items():
            assert item["fields"][name] == pytest.approx(value, rel=1e-5, abs=1e-4)
    assert "jerk_m_per_s3" not in short["fields"]


def test_scores_replace_physics_and_say_what_is_worst(cli: Run, tmp_path: Path) -> None:
    joints, rotations = fk_pair(30)
    source = write_dataset(
        tmp_path / "x.h5", [Interaction(joints, rotations, text="t", seed=1, id=id) for id in "ab"]
    )
    scores = tmp_path / "per_prompt.csv"
    scores.write_text("id,rank,note,jerk_m_per_s3,top1\na,7,far,12.5,\nb,nan,near,inf,1\n")
    code, _, err = cli("view", source, "--scores", scores, "--out", tmp_path / "page.html")
    assert code == 0, err
    data = page_data(tmp_path / "page.html")
    a, b = (item["fields"] for item in data["items"])
    assert (a["rank"], a["note"], a["jerk_m_per_s3"]) == (7, "far", 12.5) and b["jerk_m_per_s3"] == "inf"
    assert data["worst"]["top1"] == "low" and data["worst"]["rank"] == "high"
    assert next(iter(data["worst"])) == "rank", "what an evaluation says decides before physics"
    json.dumps(data, allow_nan=False)
