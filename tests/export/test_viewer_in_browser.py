"""The viewer page in headless Chromium: every test drives the page as a user does and reads what it shows."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.motion_files.bvh import parse_bvh
from intermask_cli.export.viewer import clip_data
from intermask_cli.export.viewer.page import ViewerItem, write_viewer
from intermask_cli.motion.skeleton import JOINT, JOINT_NAMES
from tests.helpers.browser import CHROMIUM, NO_CHROMIUM, Browser, Page
from tests.helpers.motion_samples import fk_pair
from tests.helpers.npm_packages import npm_package

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)]

#: A page on which somebody prefers less motion starts still.
STILL = [("prefers-reduced-motion", "reduce")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def pair(frames: int = 60, seed: int = 0) -> np.ndarray:
    """Two persons on the floor, (2, T, 22, 3)."""
    joints = fk_pair(frames, seed)[0]
    joints[..., 1] -= joints[..., 1].min()
    return joints


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four interactions, two of them samples of one prompt, one with a given person and one compared."""
    path = tmp_path_factory.mktemp("viewer") / "page.html"
    items = [
        ViewerItem("bow-s0", "two people bow", pair(), {"seed": "9", "note": "10", "rank": 2, "top1": 1.0}),
        ViewerItem("bow-s1", "two people bow", pair(60, 1), {"seed": "10", "note": "0.5", "rank": 30},
                   given=1),
        ViewerItem("hug-1", "two friends hug", pair(90, 2), {"seed": "8", "note": "", "rank": "inf"},
                   pair(50, 5)),
        ViewerItem("walk-1", "they walk", pair(150, 3), {"seed": "11", "note": "x", "rank": "nan"}),
    ]  # fmt: skip
    write_viewer(items, path, title="four")
    return path


def opened(browser: Browser, page: Path, fragment: str = "", **options: object) -> Page:
    shown = browser.open(page, fragment, **options)  # type: ignore[arg-type]
    shown.wait("state.panels.length && !obeying")
    return shown


def listed(page: Page) -> list[str]:
    return page.run("[...document.querySelectorAll('#list li')].map((row) => row.dataset.id)")


def shown(page: Page) -> list[str]:
    return page.run("state.panels.map((panel) => panel.clip.id)")


#: Collects the frames that are shown, in the page itself: asking for each would miss some on a busy machine.
SEE_FRAMES = "window.seen = new Set(); setInterval(() => seen.add(Math.floor(state.frame)), 5); null"


def frame(page: Page) -> int:
    return page.run("Math.floor(state.frame)")


def address(page: Page) -> dict[str, str]:
    """The address once it has settled."""
    page.wait("!writing")
    return page.run("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")


def test_the_worst_comes_first_in_the_list_and_in_the_scene(browser: Browser, page: Path) -> None:
    with opened(browser, page, media=STILL) as view:
        assert listed(view) == ["hug-1", "bow-s1", "bow-s0", "walk-1"], "infinite is worst, nothing is last"
        assert shown(view) == ["hug-1", "comparison"]
        about = view.run("document.getElementById('details').textContent")
        assert "worst of 3" in about and "seed8" in about and "90 frames" in about
        view.run("show([byName.get('bow-s1')])")
        view.wait("first().id === 'bow-s1'")
        assert "given person2" in view.run("document.getElementById('about').textContent")
        assert not view.problems()


@pytest.mark.parametrize(
    ("fragment", "ids"),
    [
        ("sort=seed", "hug-1 bow-s0 bow-s1 walk-1"),  # as numbers, though stored as text
        ("sort=note", "bow-s1 bow-s0 walk-1 hug-1"),
        ("sort=note&order=high", "walk-1 bow-s0 bow-s1 hug-1"),  # without a value: last either way
        ("sort=top1&order=worst", "bow-s0 bow-s1 hug-1 walk-1"),
        ("search=BOW&sort=seed&order=high", "bow-s1 bow-s0"),
        ("search=walk%20x", "walk-1"),
    ],
)
def test_search_and_sort(browser: Browser, page: Path, fragment: str, ids: str) -> None:
    with opened(browser, page, fragment, media=STILL) as view:
        assert listed(view) == ids.split()
        assert shown(view)[0] == ids.split()[0]


def test_keys_act_only_where_no_control_has_the_focus(browser: Browser, page: Path) -> None:
    with opened(browser, page, "id=bow-s0&frame=10") as view:
        for key, expected in (("ArrowRight", 11), ("ArrowLeft", 10), ("End", 59), ("Home", 0)):
            view.key(key)
            assert frame(view) == expected
        view.key("ArrowRight", shift=True)
        assert frame(view) == 30, "a second"
        view.run("document.getElementById('search').focus()")
        for key in ("c", " ", "1", "ArrowRight", "ArrowUp", "Home", "["):
            view.key(key)
        assert (shown(view), frame(view), view.run("state.playing")) == (["bow-s0"], 30, False)
        assert sorted(view.run("byId('search').value")) == sorted("c 1[")
        view.run("byId('search').value = ''; filterItems()")
        view.run("document.getElementById('seek').focus()")
        view.key("ArrowRight")
        assert frame(view) == 31, "the slider moves by itself, and only once"
        view.run("document.getElementById('rate').focus()")
        view.key("ArrowUp")
        assert frame(view) == 31 and shown(view) == ["bow-s0"]
        view.run("document.getElementById('next').focus()")
        view.key(" ")
        assert not view.run("state.playing"), "space presses the button"
        view.wait("first().id !== 'bow-s0'")
        view.click("#play")
        assert view.run("state.playing && document.activeElement === document.body"), (
            "keys work after a click"
        )
        view.key(" ")
        assert not view.run("state.playing")


def test_the_list_is_used_with_keys(browser: Browser, page: Path) -> None:
    with opened(browser, page, "sort=id&frame=0") as view:
        view.run("document.getElementById('list').focus()")
        view.key("ArrowDown")
        view.wait("first().id === 'bow-s1'")
        active = view.run(
            "document.getElementById(document.getElementById('list').getAttribute('aria-activedescendant'))"
            ".dataset.id"
        )
        assert active == "bow-s1"
        view.key("End")
        view.wait("first().id === 'walk-1'")
        view.key("ArrowUp", shift=True)
        view.key("Enter", shift=True)
        view.wait("state.panels.length === 3")
        assert shown(view) == ["walk-1", "hug-1", "comparison"]
        selected = view.run("[...document.querySelectorAll('[aria-selected=true]')].map((r) => r.dataset.id)")
        assert selected == ["hug-1", "walk-1"]


def test_the_address_is_current_and_obeyed(browser: Browser, page: Path) -> None:
    with opened(browser, page, "id=bow-s0&frame=7") as view:
        view.key("ArrowRight")
        view.key("[")
        view.key("2")
        view.click("#person-2")
        view.run("document.getElementById('search').value = 'two & 50%'")
        view.run("document.getElementById('search').dispatchEvent(new Event('input'))")
        found = address(view)
        assert (found["id"], found["frame"], found["loop"], found["hide"]) == ("bow-s0", "8", "8-59", "2")
        assert found["search"] == "two & 50%" and len(found["view"].split(",")) == 5 and "play" not in found
        link = view.run("location.hash.slice(1)")
        view.run(
            "location.hash = 'id=hug-1,bow-s1&frame=33&ghost=comparison&rate=0.5&curves=hands&search=hug'"
        )
        view.wait("first().id === 'hug-1' && Math.floor(state.frame) === 33 && !obeying")
        assert shown(view) == ["hug-1", "comparison", "bow-s1"] and listed(view) == ["hug-1"]
        values = "[state.loop, byId('rate').value, byId('ghost').value, byId('person-2').checked]"
        assert view.run(values) == [None, "0.5", "comparison", True]
        view.run(f"location.hash = {json.dumps(link)}")
        view.wait("first().id === 'bow-s0' && !obeying")
        assert address(view) == found
        assert not view.problems()


def test_zoom_is_bounded_and_views_can_be_chosen_and_reset(browser: Browser, page: Path) -> None:
    with opened(browser, page, "id=bow-s0&frame=0") as view:
        x, y = view.middle(".panel canvas")
        for delta, bound in ((-4000, 6), (8000, 0.35)):
            view.send("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=delta)
            view.wait(f"Math.abs(state.view.zoom - {bound}) < 1e-9")
        view.drag((x, y), (100, 40))
        assert view.run("state.view.yaw") == pytest.approx(-0.8)
        view.drag((x, y), (0, 3000))
        assert view.run("state.view.pitch") == pytest.approx(1.55), "never over the top"
        view.drag((x, y), (60, -50), button="right")
        assert view.run("state.view.right > 0 && state.view.up > 0")
        view.click("[data-view=reset]")
        assert view.run("JSON.stringify(state.view) === JSON.stringify(REST_VIEW)")
        seen = {}
        for name in ("side", "behind-1", "behind-2", "top"):
            view.click(f"[data-view={name}]")
            seen[name] = view.run(
                "(() => { const p = state.panels[0], c = cameraOf(p, 0, 800, 600);"
                " return [0, 1].map((person) => c.project(point(p.clip, 0, person, 0))); })()"
            )
        apart = {name: (two[0] - one[0], two[2] - one[2]) for name, (one, two) in seen.items()}
        assert apart["side"][0] > 50 and apart["behind-1"][1] > 0.5 and apart["behind-2"][1] < -0.5
        assert abs(apart["top"][1]) < 0.1


def test_fingers_turn_pinch_and_move(browser: Browser, page: Path) -> None:
    with opened(browser, page, "id=bow-s0&frame=0", size=(390, 844), phone=True) as view:
        x, y = view.middle(".panel canvas")
        view.touch([(x, y)], [(x + 50, y)])
        assert view.run("state.view.yaw") == pytest.approx(-0.4) and view.run("state.view.zoom") == 1
        view.touch([(x - 40, y), (x + 40, y)], [(x - 60, y), (x + 40, y)], [(x - 60, y), (x + 60, y)])
        assert view.run("state.view.zoom") == pytest.approx(1.5)
        assert view.run("state.view.right") == pytest.approx(0, abs=1e-6)
        view.touch([(x - 40, y), (x + 40, y)], [(x - 40, y - 50), (x + 40, y - 50)])
        assert view.run("state.view.up") > 0.1 and view.run("state.view.yaw") == pytest.approx(-0.4)


def test_a_phone_shows_everything_without_scrolling_sideways(browser: Browser, page: Path) -> None:
    with opened(browser, page, "id=bow-s0&frame=0&sort=id", size=(390, 844), phone=True) as view:
        assert view.run("document.documentElement.scrollWidth") == 390
        outside = view.run(
            "[...document.querySelectorAll('button, select, input, output')].filter((e) => e.offsetParent)"
            ".filter((e) => { const b = e.getBoundingClientRect(); return b.left < 0 || b.right > 390; })"
            ".map((e) => e.id)"
        )
        assert outside == []
        assert view.run("document.querySelector('.panel canvas').clientHeight") > 400
        view.click("#compare")  # opens the list; what is tapped then is added
        view.click("#list li[data-id=bow-s1]")
        view.wait("state.panels.length === 2")
        view.click("#show-browse")
        boxes = view.run(
            "[...document.querySelectorAll('.panel')].map((p) => p.getBoundingClientRect().toJSON())"
        )
        assert boxes[0]["width"] == boxes[1]["width"] == 390 and boxes[1]["top"] >= boxes[0]["bottom"] > 200
        view.click("#show-details")
        assert view.run("byId('details').getBoundingClientRect().width") == 390


@pytest.mark.long
def test_it_plays_in_time_and_loops(browser: Browser, page: Path) -> None:
    with opened(browser, page, "id=walk-1") as view:
        view.wait("state.playing && state.frame > 3")
        assert view.run("byId('time').textContent").endswith("/ 149")
        view.key(" ")
        view.run("setFrame(20)")
        view.key("[")
        view.run("setFrame(26)")
        view.key("]")
        view.key("<")
        view.key(" ")
        assert view.run("[state.loop, byId('rate').value, state.playing]") == [[20, 26], "0.5", True]
        view.run(SEE_FRAMES)
        ends = time.monotonic() + 60
        while len(view.run("[...seen]")) < 7 and time.monotonic() < ends:
            time.sleep(0.1)
        seen = set(view.run("[...seen]"))
        assert seen == set(range(20, 27)), "it stays in the loop and reaches its last frame"
        view.key("\\")
        view.key(" ")
        assert view.run("[state.loop, byId('time').textContent.includes(' s · frame ')]") == [None, True]


def test_less_motion_starts_still_and_dark_mode_is_dark(browser: Browser, page: Path) -> None:
    with opened(browser, page, media=[*STILL, ("prefers-color-scheme", "dark")]) as view:
        assert not view.run("state.playing")
        colours = view.run("['color', 'backgroundColor'].map((n) => getComputedStyle(document.body)[n])")
        ink, paper = (sum(map(int, c[4:-1].split(","))) for c in colours)
        assert ink > 600 and paper < 120
        view.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
        view.wait("colourOf('--paper') === '#ffffff'")


def touching_pair() -> np.ndarray:
    """Person 2 takes a hand of person 1 from frame 30 on; the left foot of person 1 slides 1 cm per frame."""
    joints = np.repeat(pair(1), 60, axis=1).astype(np.float64)
    joints[1] += joints[0, 0, JOINT["right_wrist"]] - joints[1, 0, JOINT["left_wrist"]]
    joints[1, :30, :, 0] += 3.0
    joints[..., 1] = np.where(joints[..., 1] < 0, 0, joints[..., 1])
    for joint in ("left_ankle", "left_foot"):
        joints[0, :, JOINT[joint], 1] = 0.02
        joints[0, :, JOINT[joint], 0] += 0.01 * np.arange(60)
    for joint in ("right_ankle", "right_foot"):
        joints[0, :, JOINT[joint], 1] = 0.02
    return joints


def test_contacts_and_sliding_feet_are_marked(browser: Browser, tmp_path: Path) -> None:
    write_viewer([ViewerItem("a", "x", touching_pair())], tmp_path / "page.html", title="t")
    with opened(browser, tmp_path / "page.html", "frame=40&curves=feet") as view:
        contact = view.run("marksOf(first()).contact.map((gap) => gap !== null)")
        assert contact == [False] * 30 + [True] * 30
        slides = view.run("slidesAt(first(), 40)")
        assert {(mark["person"], mark["joint"]) for mark in slides} == {
            (0, JOINT["left_foot"]),
            (0, JOINT["left_ankle"]),
        }
        assert slides[0]["speed"] == pytest.approx(0.01, abs=1e-3)
        with_marks = view.picture()
        view.click("#marks")
        view.wait("!state.dirty")
        assert view.picture() != with_marks
        assert "person 1 left 0.02 m" in view.run("byId('curve-legend').textContent")
        assert not view.run("byId('chart').hidden")
        assert not view.problems()


@pytest.mark.parametrize("painter", ["webgl", "flat"])
def test_persons_are_drawn_hidden_and_haunted(browser: Browser, page: Path, painter: str) -> None:
    """With WebGL and without: colours of each person, fewer of them when hidden, more with a ghost."""
    before = ""
    if painter == "flat":
        before = (
            "const own = HTMLCanvasElement.prototype.getContext; HTMLCanvasElement.prototype.getContext ="
            " function (kind, ...rest) { return kind === 'webgl2' ? null : own.call(this, kind, ...rest); };"
        )
    blue_and_orange = (
        "(() => { drawPanel(state.panels[0]); const c = state.panels[0].canvas, n = [0, 0];"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 60) { if (d[i + 2] > d[i] + 60) n[0]++;"
        " if (d[i] > d[i + 2] + 60) n[1]++; } return n; })()"
    )
    with opened(browser, page, "id=bow-s0&frame=20&off=marks", before=before) as view:
        assert view.run("painter.webgl === null") == (painter == "flat")
        blue, orange = view.run(blue_and_orange)
        assert blue > 3000 and orange > 3000
        view.click("#person-2")
        alone = view.run(blue_and_orange)
        assert alone[0] > 0.8 * blue and alone[1] < 50
        view.click("#person-2")
        view.run("byId('ghost').value = 'bow-s1'; byId('ghost').dispatchEvent(new Event('change'))")
        view.wait("state.panels[0].ghost")
        with_ghost = view.run(blue_and_orange)
        assert with_ghost[0] + with_ghost[1] > 1.1 * (blue + orange)
        assert not view.problems()


def test_samples_stand_side_by_side_and_can_be_removed(browser: Browser, page: Path) -> None:
    with opened(browser, page, "id=bow-s0&frame=5") as view:
        view.key("c")
        view.wait("state.panels.length === 2")
        assert (shown(view), frame(view)) == (["bow-s0", "bow-s1"], 5)
        view.click(".panel:first-child .close")
        view.wait("state.panels.length === 1")
        assert shown(view) == ["bow-s1"] and address(view)["id"] == "bow-s1"
        view.click("#list li[data-id=walk-1]", shift=True)
        view.wait("state.panels.length === 2")
        view.click("#list li[data-id=hug-1]")
        view.wait("first().id === 'hug-1'")
        assert shown(view) == ["hug-1", "comparison"]
        view.click("#truth")
        view.wait("state.panels.length === 1")


def test_the_clip_is_taken_as_bvh_and_glb(browser: Browser, page: Path, tmp_path: Path) -> None:
    with opened(browser, page, "id=bow-s0&frame=0") as view:
        view.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        names = ["bow-s0-person1.bvh", "bow-s0-person2.bvh", "bow-s0.glb"]
        for button, name in zip(("#take-bvh-1", "#take-bvh-2", "#take-glb"), names, strict=True):
            view.click(button)
            ends = time.monotonic() + 30
            while not (tmp_path / name).is_file() and time.monotonic() < ends:
                time.sleep(0.05)
            assert (tmp_path / name).is_file()
        view.wait("byId('message').textContent.startsWith('Saved')")
    joints = pair()
    joints = joints - joints[:, 0, 0].mean(0) * (1, 0, 1)
    for person in (0, 1):
        (motion,) = parse_bvh((tmp_path / names[person]).read_text(encoding="ascii"), max_frames=1000)
        order = [motion.names.index(name) for name in JOINT_NAMES]
        error = np.abs(motion.positions()[:, order] / 100 - joints[person])
        assert error.max() < 0.006, "rounded to millimetres on the page, and no more than that lost"
    assert_glb_moves_as(tmp_path / names[2], joints)


def test_the_glb_is_valid(browser: Browser, page: Path, tmp_path: Path) -> None:
    validator, node = npm_package("gltf-validator", "2.0.0-dev.3.10"), shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed (apt-get install nodejs)")
    with opened(browser, page, "id=bow-s0&frame=0") as view:
        data = view.run("glbOf(first()).arrayBuffer().then((b) => Array.from(new Uint8Array(b)))")
    (tmp_path / "x.glb").write_bytes(bytes(data))
    script = (
        f"require({json.dumps(str(validator.resolve()))}).validateBytes(new Uint8Array("
        "require('fs').readFileSync(process.argv[1]))).then((r) => console.log(JSON.stringify(r.issues)))"
    )
    done = subprocess.run(
        [node, "-e", script, tmp_path / "x.glb"], capture_output=True, text=True, check=True
    )
    issues = json.loads(done.stdout)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def assert_glb_moves_as(path: Path, joints: np.ndarray) -> None:
    """The node tree of a GLB, animated, gives the joints (2, T, 22, 3); every mesh is skinned."""
    from intermask_cli.motion.kinematics import forward_kinematics
    from intermask_cli.motion.rotation import matrix_from_quaternion_wxyz

    data = path.read_bytes()
    assert data[:4] == b"glTF" and int.from_bytes(data[8:12], "little") == len(data)
    length = int.from_bytes(data[12:16], "little")
    document, blob = json.loads(data[20 : 20 + length]), data[28 + length :]

    def values(number: int) -> np.ndarray:
        accessor = document["accessors"][number]
        start = document["bufferViews"][accessor["bufferView"]]["byteOffset"]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        return np.frombuffer(blob, "<f4", accessor["count"] * width, start).reshape(-1, width).astype(float)

    animation, nodes = document["animations"][0], document["nodes"]
    outputs = [values(sampler["output"]) for sampler in animation["samplers"]]
    curves = {
        (channel["target"]["node"], channel["target"]["path"]): outputs[channel["sampler"]]
        for channel in animation["channels"]
    }
    assert np.allclose(values(animation["samplers"][0]["input"])[:, 0], np.arange(joints.shape[1]) / 30)
    assert len(document["skins"]) == 2 and all("skin" in node for node in nodes if "mesh" in node)
    for person, skin in enumerate(document["skins"]):
        own = skin["joints"]
        assert [nodes[node]["name"] for node in own] == [f"p{person + 1}.{name}" for name in JOINT_NAMES]
        xyzw = np.stack([curves[(node, "rotation")] for node in own], axis=1)
        local = matrix_from_quaternion_wxyz(np.roll(xyzw, 1, axis=-1))
        offsets = np.array([nodes[node]["translation"] for node in own])
        found, _ = forward_kinematics(local, curves[(own[0], "translation")], offsets)
        assert np.abs(found - joints[person]).max() < 0.006


def test_the_link_is_copied_or_shown(browser: Browser, page: Path) -> None:
    with opened(browser, page, "id=hug-1&frame=12") as view:
        view.click("#copy-link")
        view.wait("byId('message').textContent")
        message = view.run("byId('message').textContent")
        assert message == "Link copied." or ("id=hug-1" in message and "frame=12" in message)


def test_ten_thousand_items_open_from_disk_and_load_as_they_are_looked_at(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_data, "PAGE_LIMIT", 100_000)
    clips = [pair(8, seed) for seed in range(3)]
    items = (ViewerItem(f"p-{k}", f"prompt number {k}", clips[k % 3], {"rank": k}) for k in range(10_000))
    written = write_viewer(items, tmp_path / "gallery.html", title="many")
    assert written.folder is not None
    with opened(browser, tmp_path / "gallery.html", "sort=rank&order=low&frame=0") as view:
        assert shown(view) == ["p-0"] and view.run("parts.size") == 1
        assert len(listed(view)) < 50, "only rows in sight are elements"
        assert "10,000 of 10,000" in view.run("byId('count').textContent")
        view.run("byId('list').focus()")
        view.key("End")
        view.wait("first().id === 'p-9999'")
        assert view.run("[parts.size, byId('list').lastChild.getAttribute('aria-posinset')]") == [2, "10000"]
        joints = view.run("Array.from(first().joints.slice(0, 3))")
        centre = clips[9999 % 3][:, 0, 0].mean(0) * (1, 0, 1)
        assert joints == pytest.approx((clips[9999 % 3][0, 0, 0] - centre).tolist(), abs=1e-3)
        assert not view.problems()
        (written.folder / "78.js").unlink()
        view.run("location.hash = 'id=p-5000'")
        view.wait("byId('message').textContent")
        assert "keep the folder gallery_data next to this page" in view.run("byId('message').textContent")


@pytest.mark.parametrize(
    ("size", "phone", "scheme"),
    [((1280, 800), False, "light"), ((1280, 800), False, "dark"), ((390, 844), True, "dark")],
)
def test_axe_finds_nothing_serious(
    browser: Browser, page: Path, size: tuple[int, int], phone: bool, scheme: str
) -> None:
    axe = npm_package("axe-core", "4") / "axe.min.js"
    media = [*STILL, ("prefers-color-scheme", scheme)]
    with opened(browser, page, "id=hug-1&curves=feet", size=size, phone=phone, media=media) as view:
        view.run(axe.read_text(encoding="utf-8") + "; 0")
        states = ["", "byId('keys').showModal()"]
        states += ["openSide('browse', true)", "openSide('details', true)"] if phone else []
        for state in states:
            view.run(f"byId('keys').close(); {state}; 0")
            found = view.run(
                "axe.run().then((result) => result.violations.map((v) =>"
                " [v.impact, v.id, v.nodes.map((node) => node.html)]))"
            )
            assert [v for v in found if v[0] in ("serious", "critical")] == []
