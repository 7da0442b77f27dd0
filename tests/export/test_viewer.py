"""The one-file viewer: encoding error, escaping, and the page itself in headless Chromium."""

from __future__ import annotations

import base64
import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.errors import InputError
from intermask_cli.export.viewer.page import QUANTUM_M, ViewerItem, encode_joints, write_viewer
from intermask_cli.motion.skeleton import REST_OFFSETS
from tests.helpers.viewer_pages import CHROMIUM, browse


def swaying_pair(frames: int = 40, phase: float = 0.0) -> np.ndarray:
    pose = np.zeros((22, 3))
    for joint in range(1, 22):
        pose[joint] = REST_OFFSETS[joint] + (0, 0.1, 0)
    t = np.linspace(0, 6, frames)[None, :, None] + phase
    sway = np.stack([np.sin(t), np.zeros_like(t), np.cos(t)], -1)
    pair = pose[None, None] + sway
    pair = np.broadcast_to(pair, (2, frames, 22, 3)).copy()
    pair[1, ..., 0] += 1.2
    pair[..., 1] += 0.9
    return pair.astype(np.float32)


def test_positions_survive_the_page_within_half_a_quantum() -> None:
    for jump, bits in ((0.0, 16), (100.0, 32)):  # a root that teleports is warned of elsewhere, not hidden
        joints = swaying_pair().astype(np.float64)
        joints[0, 20:] += jump
        coded = encode_joints(joints)
        deltas = np.frombuffer(zlib.decompress(base64.b64decode(coded["data"])), f"<i{bits // 8}")
        decoded = deltas.reshape(40, 2, 22, 3).astype(np.int64).cumsum(0) * QUANTUM_M
        centre = joints[:, 0, 0].mean(0) * (1, 0, 1)
        error = np.abs(decoded - (np.swapaxes(joints, 0, 1) - centre))
        assert error.max() <= QUANTUM_M / 2 + 1e-6
        assert (coded["bits"], coded["frames"]) == (bits, 40)


def test_a_jump_no_page_can_show_is_one_line() -> None:
    joints = swaying_pair().astype(np.float64)
    joints[0, 20] += 1e7
    with pytest.raises(InputError, match="1e\\+07 m in one frame"):
        encode_joints(joints)


def test_of_an_inter_x_body_the_22_joints_are_shown(tmp_path: Path) -> None:
    pages = []
    for joints in (swaying_pair(), np.pad(swaying_pair(), ((0, 0), (0, 0), (0, 33), (0, 0)))):
        write_viewer([ViewerItem("a", "x", joints)], tmp_path / "page.html", title="t")
        pages.append((tmp_path / "page.html").read_text())
    assert pages[0] == pages[1]


def test_two_hundred_ten_second_clips_stay_under_twenty_megabytes() -> None:
    """Worst case for size: independent noise of 3 mm on every coordinate, as a model's output has."""
    noise = np.random.default_rng(0).normal(0, 0.003, (2, 300, 22, 3))
    assert 200 * len(encode_joints(swaying_pair(300) + noise)["data"]) < 19e6


def test_a_prompt_cannot_close_the_script_element(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_viewer([ViewerItem("a", "</script><b>bold", swaying_pair())], page, title="<i>t</i>")
    text = page.read_text()
    assert text.count("</script>") == 1
    assert "<i>t</i>" not in text
    assert not re.search(r"https?://", text), "the page must not name any address"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("viewer") / "page.html"
    items = [
        ViewerItem("bow-1", "two people bow", swaying_pair(), {"skate": 2.0, "note": "10", "seed": "9"}),
        ViewerItem(
            "hug-1", "two friends hug", swaying_pair(50, 1.0), {"skate": 1.0, "note": "0.5", "seed": "10"}
        ),
        ViewerItem(
            "long-1", "ten seconds and more", swaying_pair(400), {"skate": 3.0, "note": "", "seed": "8"}
        ),
    ]
    write_viewer(items, path, title="test")
    return path


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)")
class TestInChromium:
    @pytest.mark.slow
    def test_scrubbing_changes_the_picture(self, page: Path, tmp_path: Path) -> None:
        pictures = []
        for frame in (0, 20):
            shot = tmp_path / f"{frame}.png"
            browse(page, f"id=bow-1&frame={frame}", f"--screenshot={shot}", profile=tmp_path / "profile")
            pictures.append(shot.read_bytes())
        assert pictures[0] != pictures[1]

    @pytest.mark.slow
    def test_search_filters_and_sort_orders(self, page: Path, tmp_path: Path) -> None:
        dom = browse(page, "search=hug", "--dump-dom", profile=tmp_path / "profile").stdout
        assert re.findall(r'<li[^>]*data-id="([^"]+)"', dom) == ["hug-1"]
        dom = browse(page, "sort=skate", "--dump-dom", profile=tmp_path / "profile").stdout
        assert re.findall(r'<li[^>]*data-id="([^"]+)"', dom) == ["hug-1", "bow-1", "long-1"]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("fragment", "ids"),
        [
            ("sort=seed", "long-1 bow-1 hug-1"),  # as numbers, though stored as text
            ("sort=note", "hug-1 bow-1 long-1"),
            ("sort=note&order=high", "bow-1 hug-1 long-1"),  # without a value: last either way
            ("sort=prompt", "long-1 hug-1 bow-1"),
        ],
    )
    def test_any_column_sorts(self, page: Path, tmp_path: Path, fragment: str, ids: str) -> None:
        dom = browse(page, fragment, "--dump-dom", profile=tmp_path / "profile").stdout
        assert re.findall(r'<li[^>]*data-id="([^"]+)"', dom) == ids.split()

    @pytest.mark.slow
    def test_scored_pages_begin_with_the_worst_and_show_the_truth_too(self, tmp_path: Path) -> None:
        path = tmp_path / "scored.html"
        scores = {"a": {"top1": 1, "rank": 1}, "b": {"top1": 0, "rank": 30}, "c": {"rank": 2}}
        items = [
            ViewerItem(id, "two people bow", swaying_pair(), fields, swaying_pair(30, 1.0))
            for id, fields in scores.items()
        ]
        write_viewer(items, path, title="scored")
        for fragment, ids in (("", "b a c"), ("sort=rank", "b c a")):
            dom = browse(path, fragment, "--dump-dom", profile=tmp_path / "profile").stdout
            assert re.findall(r'<li[^>]*data-id="([^"]+)"', dom) == ids.split()
            assert dom.count('class="panel"') == 2 and "<small> ground truth</small>" in dom

    @pytest.mark.slow
    def test_it_plays(self, page: Path, tmp_path: Path) -> None:
        # Virtual time runs on while a busy machine draws nothing, and the page plays only as it is drawn: so
        # a still page is given more time. The clip is long enough to be seen before it comes round.
        seen = []
        for virtual_ms in (1000, 3000, 5000, 9000, 30_000):
            options = ("--dump-dom",)
            dom = browse(
                page, "id=long-1", *options, profile=tmp_path / "profile", virtual_ms=virtual_ms
            ).stdout
            shown = re.search(r'id="time">frame (\d+) / 399', dom)
            assert shown, "the page shows no time"
            seen.append(int(shown.group(1)))
            if seen[-1] > 0:
                return
        pytest.fail(f"shown frames {seen}: the page stands still")
