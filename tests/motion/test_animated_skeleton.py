"""People in a forest of joints by structure alone; parts and mirror images of a skeleton."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from intermask_cli.motion.animated_skeleton import AnimatedSkeleton, body_roots, people_of
from intermask_cli.motion.rotation import matrix_from_axis_angle
from intermask_cli.motion.skeleton import JOINT_NAMES, PARENTS


def tree(text):
    """`a(b c(d))` -> names and parents; a blank or a bracket ends a name, several tops make a forest."""
    names, parents, open_ = [], [], [-1]
    for word in text.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            open_.append(len(names) - 1)
        elif word == ")":
            open_.pop()
        else:
            names.append(word)
            parents.append(open_[-1])
    return names, parents


HAND = "hand(index(i2(i3)) middle(m2(m3)) ring(r1(r2(r3)) pinky(p2(p3))) thumb(t2(t3)))"
ARMS = f"larm(lfore(l{HAND})) rarm(rfore(r{HAND}))"
LEGS = "lleg(lshin(lfoot(ltoe))) rleg(rshin(rfoot(rtoe)))"
BODY = f"hips({LEGS} spine(chest(neck(head) {ARMS})))"
HALVES = f"hips(lower({LEGS}) upper(spine(chest(neck(head) {ARMS}))))"
BIPED = f"com(pelvis(spine({LEGS} chest(neck(head {ARMS})))))"


@pytest.mark.parametrize(
    ("text", "roots"),
    [
        (BODY, ["hips"]),
        (HALVES, ["hips"]),
        (BIPED, ["com"]),
        (f"root({BODY} ik(ikfoot(l r) ikhand(l r)))", ["root"]),
        (f"{BODY} {BODY}", ["hips", "hips"]),
        (f"scene({BODY} {HALVES})", ["hips", "hips"]),
        (f"scene(world(a({BODY}) b({BIPED}) camera) light)", ["a", "b"]),
        (f"scene({BODY} {BODY} {BODY} rope(r1(r2(r3(r4)))))", ["hips"] * 3),
        (f"camera {BODY} sword(blade(tip(end)))", ["hips"]),
        ("a(b(c(d))) e(f)", ["a", "e"]),
    ],
)
def test_people_are_found_by_structure(text, roots):
    names, parents = tree(text)
    assert [names[root] for root in body_roots(parents)] == roots


def animated(parents, names=None, frames=4, seed=0):
    rng = np.random.default_rng(seed)
    count = len(parents)
    return AnimatedSkeleton(
        names=tuple(names or map(str, range(count))),
        parents=tuple(parents),
        offsets=rng.normal(size=(count, 3)),
        rotations=matrix_from_axis_angle(rng.normal(size=(frames, count, 3))),
        root=rng.normal(size=(frames, 3)),
        fps=30.0,
        end_sites={count - 1: rng.normal(size=3)},
        orders=("ZXY",) * count,
    )


def test_people_below_a_node_that_moves_stay_where_they_are():
    names, parents = tree(f"scene({BODY} {BODY})")
    scene = animated(parents, names)
    people = people_of(scene)
    assert [one.names[0] for one in people] == ["hips", "hips"]
    half = len(people[0].names)
    places = scene.positions()
    assert_allclose(people[0].positions(), places[:, 1 : half + 1], atol=1e-9)
    assert_allclose(people[1].positions(), places[:, half + 1 :], atol=1e-9)
    assert_allclose(people[1].global_rotations(), scene.global_rotations()[:, half + 1 :], atol=1e-9)
    assert people[0].end_sites == {} and list(people[1].end_sites) == [half - 1]
    assert_allclose(people[1].end_positions()[half - 1], scene.end_positions()[len(names) - 1], atol=1e-9)


def test_props_are_left_out_and_named():
    names, parents = tree(f"{BODY} prop(a(b))")
    forest = animated(parents, names)
    translations = np.tile(forest.offsets, (4, 1, 1))
    translations[:, 0] = forest.root
    forest = AnimatedSkeleton(**{**vars(forest), "translations": translations})
    (person,) = people_of(forest)
    assert person.names[0] == "hips" and "prop" not in person.names
    assert person.notes == ("no body, so left out: prop",)
    assert person.translations is None  # only the root moves
    assert_allclose(person.positions(), forest.positions()[:, : len(person.names)], atol=1e-9)


def test_flipping_mirrors_every_place():
    skeleton = animated(PARENTS, JOINT_NAMES)
    for axis in range(3):
        flipped = skeleton.flipped(axis)
        sign = np.where(np.arange(3) == axis, -1, 1)
        assert_allclose(flipped.positions(), skeleton.positions() * sign, atol=1e-9)
        assert_allclose(np.linalg.det(flipped.rotations), 1, atol=1e-9)
        assert_allclose(flipped.end_positions()[21], skeleton.end_positions()[21] * sign, atol=1e-9)


def test_some_of_the_frames():
    skeleton = animated(PARENTS, JOINT_NAMES, frames=9)
    assert_allclose(skeleton.between(2, 7).positions(), skeleton.positions()[2:7])
    assert skeleton.between(2, 7).frames == 5
