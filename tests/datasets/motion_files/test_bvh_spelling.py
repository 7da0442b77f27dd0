"""BVH as tools write it: spelling, numbers of rows, encodings, several people in a file."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.bvh import parse_bvh, read_bvh
from intermask_cli.datasets.motion_files.read import read_motion, read_people
from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import JOINT_NAMES, PARENTS
from tests.helpers.motion_files import bvh_text
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import SHARED

CASES = SHARED / "cases" / "motion"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def person_text(place=(0.3, 0.95, -0.2), names=JOINT_NAMES, seed=0, frames=12):
    """A BVH file of a person who moves all joints, in metres."""
    _, _, offsets = fk_person(2)
    rng = np.random.default_rng(seed)
    angles = {j: np.linspace(0, 1, frames)[:, None] * rng.uniform(-20, 20, (1, 3)) for j in range(22)}
    root = np.tile(place, (frames, 1)) + np.linspace(0, 0.4, frames)[:, None] * [1, 0, 0]
    return bvh_text(names, list(PARENTS), offsets, root, angles)


def hierarchy(text):
    return text[len("HIERARCHY\n") : text.index("MOTION")]


def rows(text):
    return text.rstrip().splitlines()[-12:]


def joined(texts, parts, header="Frames: 12\nFrame Time: 0.0333333"):
    """One file from hierarchies and the rows of several files, side by side."""
    lines = [" ".join(cells) for cells in zip(*(rows(text) for text in texts), strict=True)]
    return "HIERARCHY\n" + parts + f"MOTION\n{header}\n" + "\n".join(lines) + "\n"


def decimal_commas(text):
    return re.sub(r"(\d)\.(\d)", r"\1,\2", text)


def wrapped(text):
    """Every number of the rows on a line of its own."""
    head, mark, tail = text.partition("Frame Time")
    first, _, numbers = tail.partition("\n")
    return head + mark + first + "\n" + "\n".join(numbers.split()) + "\n"


SPELLINGS = {
    "end site in capitals": lambda t: t.replace("End Site", "END SITE"),
    "end site in small letters": lambda t: t.replace("End Site", "end site"),
    "end site in one word": lambda t: t.replace("End Site", "EndSite"),
    "keywords in small letters": lambda t: re.sub(
        "HIERARCHY|ROOT|JOINT|OFFSET|CHANNELS|MOTION", lambda m: m[0].lower(), t
    ),
    "channels in other letters": lambda t: t.replace("rotation", "ROTATION").replace("Xpos", "xpos"),
    "decimal commas": decimal_commas,
    "commas between numbers": lambda t: "\n".join(
        ", ".join(line.split()) if re.match(r"-?\d", line) else line for line in t.splitlines()
    ),
    "tabs": lambda t: t.replace(" ", "\t"),
    "line ends of Windows": lambda t: t.replace("\n", "\r\n"),
    "line ends of the old Mac": lambda t: t.replace("\n", "\r"),
    "blank lines": lambda t: t.replace("\n", "\n\n \n"),
    "braces on lines of their own": lambda t: t.replace(" {", "\n\t{\n").replace("}", "\n}\n"),
    "no colons": lambda t: t.replace("Frames:", "Frames").replace("Frame Time:", "Frame Time"),
    "no blank after colons": lambda t: t.replace("Frames: ", "Frames:").replace("Time: ", "Time:"),
    "frame time first": lambda t: re.sub(r"(Frames: \d+)\n(Frame Time: \S+)", r"\2\n\1", t),
    "a byte order mark": lambda t: "\ufeff" + t,
    "numbers with exponents": lambda t: re.sub(r"\b0\.(\d\d)0000000\b", r"\1e-2", t),
    "one number a line": wrapped,
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_are_read(tmp_path, spelling):
    text = person_text()
    changed = SPELLINGS[spelling](text)
    assert changed != text
    (want,) = parse_bvh(text, 100)
    (tmp_path / "a.bvh").write_bytes(changed.encode())
    (found,) = read_bvh(tmp_path / "a.bvh")
    assert_allclose(found.positions(), want.positions(), atol=1e-6)
    assert (found.names, found.fps) == (want.names, want.fps)


@pytest.mark.parametrize("encoding", ["utf-16", "shift-jis", "gbk", "latin-1"])
def test_other_encodings_keep_names_distinct(tmp_path, encoding):
    letters = {"latin-1": "äöüéè", "shift-jis": "左ボホ手首"}.get(encoding, "左右足手首")  # a brace in ボ
    names = [f"{letters[k % 5]}n{letters[k // 5]}" for k in range(22)]
    (tmp_path / "a.bvh").write_bytes(person_text(names=names).encode(encoding))
    (found,) = read_bvh(tmp_path / "a.bvh")
    assert len(set(found.names)) == 22
    if encoding != "gbk":  # whose bytes may be read as Japanese
        assert set(found.names) == set(names)


@pytest.mark.parametrize("name", ["Bip01 L Thigh", "mixamorig:Hips", "腰 1", "a.b|c", "end", "Joint", "3"])
def test_names_are_the_rest_of_the_line(name):
    (found,) = parse_bvh(person_text(names=[name, *JOINT_NAMES[1:]]), 100)
    assert found.names[0] == name and set(found.names[1:]) == set(JOINT_NAMES[1:])


@pytest.mark.parametrize(
    ("rows_there", "claimed", "note"),
    [
        (12, "Frames: 11", "12 rows for `Frames: 11`"),
        (12, "Frames: 13", "12 rows for `Frames: 13`"),
        (12, "Frames: 99", "12 rows for `Frames: 99`"),
        (12, None, "no `Frames:`; 12 rows"),
        (12, "Frames: 12", None),
    ],
)
def test_another_number_of_rows_is_read_and_said(tmp_path, rows_there, claimed, note):
    text = person_text()
    text = text.replace("Frames: 12\n", f"{claimed}\n" if claimed else "")
    (tmp_path / "a.bvh").write_text(text)
    motion = read_motion(tmp_path / "a.bvh")
    assert motion.original_frames == rows_there
    assert any(note in warning for warning in motion.warnings) if note else motion.warnings == ()


def test_no_frame_time_counts_as_thirty_and_is_said(tmp_path):
    (tmp_path / "a.bvh").write_text(re.sub("Frame Time: .*\n", "", person_text()))
    motion = read_motion(tmp_path / "a.bvh")
    assert motion.original_fps == 30 and any("--fps" in warning for warning in motion.warnings)
    assert read_motion(tmp_path / "a.bvh", fps=60).warnings == ()


def test_the_advice_about_a_bad_frame_time_works(tmp_path):
    for bad in ("0", "nan", "1/30", "-0.1"):
        (tmp_path / "a.bvh").write_text(re.sub("Frame Time: .*", f"Frame Time: {bad}", person_text()))
        with pytest.raises(InputError, match="--fps"):
            read_motion(tmp_path / "a.bvh")
        assert read_motion(tmp_path / "a.bvh", fps=30).frames == 12


def test_several_motion_blocks_are_refused(tmp_path):
    text = person_text()
    for again in (text[text.index("MOTION") :], text, text.lower()):
        (tmp_path / "a.bvh").write_text(text + again)
        with pytest.raises(InputError, match="several MOTION blocks"):
            read_motion(tmp_path / "a.bvh")


def test_positions_on_every_joint():
    """Six channels everywhere: places that repeat OFFSET, zeros that mean OFFSET, and joints that slide."""
    text = person_text()
    (want,) = parse_bvh(text, 100)
    body, motion = text[: text.index("MOTION")], text[text.index("MOTION") :].splitlines()
    places = "Xposition Yposition Zposition "
    body = re.sub(r"CHANNELS 3 ", f"CHANNELS 6 {places}", body)
    for kind in ("offset", "zero", "slide"):
        lines = []
        for number, row in enumerate(motion[3:]):
            cells = row.split()
            new = cells[:6]
            for joint in range(1, 22):
                place = np.array(want.offsets[joint]) * (0 if kind == "zero" else 1)
                place = place + (0.01 * number if kind == "slide" and joint == 5 else 0)
                new += [f"{v:.6f}" for v in place] + cells[3 + 3 * joint : 6 + 3 * joint]
            lines.append(" ".join(new))
        (found,) = parse_bvh(body + "\n".join([*motion[:3], *lines]) + "\n", 100)
        if kind == "slide":
            slid = found.translations[:, 5] - want.offsets[5]
            assert_allclose(slid, np.repeat(0.01 * np.arange(12)[:, None], 3, axis=1), atol=1e-5)
        else:
            assert found.translations is None
            assert_allclose(found.positions(), want.positions(), atol=1e-5)
            assert bool(found.notes) == (kind == "zero")


def test_scale_channels_are_read_over(tmp_path):
    text = person_text()
    head, _, tail = text.partition("MOTION")
    place = head.rindex("CHANNELS 3 Zrotation Xrotation Yrotation")  # the last joint of the file
    head = head[:place] + "CHANNELS 6 Zrotation Xrotation Yrotation Xscale Yscale Zscale" + head[place + 40 :]
    lines = tail.splitlines()
    (want,) = parse_bvh(text, 100)
    for scale in ("1 1 1", "2 2 2"):
        scaled = [*lines[:3], *(f"{line} {scale}" for line in lines[3:])]
        (found,) = parse_bvh(head + "MOTION" + "\n".join(scaled) + "\n", 100)
        assert_allclose(found.positions(), want.positions(), atol=1e-9)
        assert any("scale channels" in note for note in found.notes) == (scale == "2 2 2")


# ---------------------------------------------------------------- several people


def test_two_roots(tmp_path):
    texts = person_text(), person_text((1.5, 0.95, 0.4), seed=1)
    text = joined(texts, hierarchy(texts[0]) + hierarchy(texts[1]))
    (tmp_path / "a.bvh").write_text(text)
    people = read_people(tmp_path / "a.bvh")
    for one, alone in zip(people, texts, strict=True):
        (tmp_path / "b.bvh").write_text(alone)
        assert_allclose(one.joints, read_motion(tmp_path / "b.bvh").joints, atol=1e-5)
    with pytest.raises(InputError, match="holds 2 persons; choose one with --person 1 or --person 2"):
        read_motion(tmp_path / "a.bvh")
    assert_allclose(read_motion(tmp_path / "a.bvh", person=1).joints, people[1].joints)
    with pytest.raises(InputError, match="--person 3, but it holds 2 persons"):
        read_motion(tmp_path / "a.bvh", person=2)


def test_two_skeletons_below_a_node_that_moves(tmp_path):
    places = {"A:": (0.3, 0.95, -0.2), "B:": (1.5, 0.95, 0.4)}
    texts = [
        person_text(place, [prefix + name for name in JOINT_NAMES], seed)
        for seed, (prefix, place) in enumerate(places.items())
    ]
    inner = "".join(hierarchy(text).replace("ROOT", "JOINT", 1) for text in texts)
    top = (
        "ROOT Scene {\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation\n"
    )
    text = joined(texts, top + inner + "}\n")
    lines = text.splitlines()
    moved = [f"0 0 1 0 0 90 {line}" for line in lines[-12:]]
    (tmp_path / "a.bvh").write_text("\n".join([*lines[:-12], *moved]) + "\n")
    people = read_people(tmp_path / "a.bvh")
    assert [one.skeleton.names[0] for one in people] == ["A:pelvis", "B:pelvis"]
    quarter = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0.0]])
    for one, alone in zip(people, texts, strict=True):
        (tmp_path / "b.bvh").write_text(alone)
        want = read_motion(tmp_path / "b.bvh").joints @ quarter.T + [0, 0, 1]
        assert_allclose(one.joints, want, atol=1e-5)


def test_a_camera_is_left_out(tmp_path):
    camera = "ROOT Camera {\nOFFSET 0 0 0\nCHANNELS 3 Xposition Yposition Zposition\n"
    camera += "End Site { OFFSET 0 0 1 }\n}\n"
    text = person_text()
    lines = text.splitlines()
    moved = [f"{line} 1 2 3" for line in lines[-12:]]
    body = "\n".join(lines[:-15]) + "\n" + camera
    (tmp_path / "a.bvh").write_text(body + "\n".join([*lines[-15:-12], *moved]) + "\n")
    (tmp_path / "b.bvh").write_text(text)
    motion = read_motion(tmp_path / "a.bvh")
    assert_allclose(motion.joints, read_motion(tmp_path / "b.bvh").joints, atol=1e-6)
    assert any("Camera" in warning for warning in motion.warnings)


# ---------------------------------------------------------------- damage


EDITS = ["", "{", "}", "}\n}", "0", "-1", "1e308", "nan", "JOINT a", "ROOT b {", "MOTION", ",", "1,5", "\x00",
         "CHANNELS 0", "CHANNELS 6", "OFFSET", "End Site {", "\n", "Frames: 4"]  # fmt: skip


@QUIET
@given(data=st.data())
def test_edited_words(data):
    words = re.split(r"(\s+)", person_text(frames=4))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(words) - 1))
        words[place] = data.draw(st.sampled_from(EDITS))
    try:
        people = parse_bvh("".join(words), 100)
    except InputError as error:
        assert "\n" not in str(error)
        return
    for one in people:
        assert one.positions().shape == (one.frames, len(one.names), 3)


# ---------------------------------------------------------------- the cases


@needs_cases
@pytest.mark.parametrize(
    "name", ["one_row_more", "end_site_capitals", "channels_lower_case", "decimal_comma"]
)
def test_spelling_cases(name):
    motion = read_motion(CASES / "bvh-spelling" / f"{name}.bvh")
    assert_allclose(motion.joints, np.load(CASES / "bvh-spelling" / "want.npy"), atol=1e-3)
    if name == "one_row_more":
        assert "20 rows for `Frames: 19`; all rows read" in motion.warnings


@needs_cases
def test_cases_of_two_people():
    for folder, file, names in (
        ("two-roots", "two_roots.bvh", ("person1", "person2")),
        ("map-names", "two_people.bvh", ("one", "two")),
    ):
        people = read_people(CASES / folder / file)
        for one, name in zip(people, names, strict=True):
            assert_allclose(one.joints, np.load(CASES / folder / f"{name}_want.npy"), atol=1e-3)


@needs_cases
def test_names_with_spaces_case():
    motion = read_motion(CASES / "joint-names" / "biped_with_spaces.bvh")
    assert_allclose(motion.joints, np.load(CASES / "joint-names" / "want.npy"), atol=1e-3)
