"""Scenes whose nodes move by keys (glTF, FBX): which animation is read, at which rate, and its frames.

An animation is sampled at the rate of its own keys. Of several animations of one person the first that moves
is read; every person may have an animation of their own, as Blender writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from intermask_cli.datasets.motion_files.limits import MAX_FRAMES
from intermask_cli.datasets.motion_files.node_tree import MAX_NODE_POSES, NodeTree, people_of_nodes
from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton, body_roots, joints_below
from intermask_cli.motion.rotation import matrix_from_quaternion_wxyz, normalize
from intermask_cli.motion.skeleton import FPS

MAX_NODES = 20_000
#: Animated properties, and numbers of each; rotations are quaternions xyzw.
PROPERTIES = {"translation": 3, "rotation": 4, "scale": 3}
#: Rates above this are those of a few keys that lie close to each other.
_MAX_FPS = 480.0
#: Rates below this are gaps between hand-made keys, which were set at a rate that all gaps fit.
_MIN_FPS = 20.0
_USUAL_FPS = (30.0, 24.0, 25.0, 60.0, 50.0, 48.0, 100.0, 120.0)
#: Share of the time between two keys within which a time is that of a key: float32 rounds seconds.
_ON_A_KEY = 1e-3
#: Share of a step within which a time is a multiple of it.
_MULTIPLE = 0.05


class Track(NamedTuple):
    """Keys of one property of a node: times (K,) in seconds, values (K, n), or (K, 3, n) for cubic splines.

    interpolation: LINEAR, STEP or CUBICSPLINE, as in glTF.
    """

    node: int
    path: str
    times: np.ndarray
    values: np.ndarray
    interpolation: str


@dataclass(frozen=True, eq=False)
class KeyedScene:
    """N nodes, parents before children, and the animations that move them.

    Attributes:
        names, parents: of the nodes; -1 marks a node at the top.
        bones: the nodes that are known to be joints; empty where the file does not say.
        things: the nodes that hold a mesh, a camera or a light.
        rest: by property (N, n): translation, rotation xyzw and scale while nothing is animated.
        animations: name and tracks of each, in the order of the file.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    bones: frozenset[int]
    things: frozenset[int]
    rest: dict[str, np.ndarray]
    animations: Sequence[tuple[str, Sequence[Track]]]


def people_of_scene(scene: KeyedScene) -> list[AnimatedSkeleton]:
    """One skeleton per body; InputError without animation, or for more frames than are accepted."""
    chosen, notes = _chosen_tracks(scene)
    if not chosen:
        raise InputError(f"{len(scene.names)} nodes without animation; export it with its animation")
    rate = rate_of([track.times for track in chosen])
    if rate is None:
        rate = float(FPS)
        notes.append(f"keys at no regular rate; sampled at {FPS} fps")
    rate = min(rate, _MAX_FPS)
    start, end = _common_span(scene, chosen)
    frames = int((end - start) * rate + 1e-3) + 1
    most = min(MAX_FRAMES, MAX_NODE_POSES // len(scene.names))
    if frames > most:
        raise InputError(f"{frames} frames of {len(scene.names)} nodes; accepted: {most}")
    times = start + np.arange(frames) / rate
    rest = transforms(**scene.rest)
    local = np.tile(rest, (frames, 1, 1, 1))
    moving: dict[int, dict[str, np.ndarray]] = {}
    for track in chosen:
        moving.setdefault(track.node, {})[track.path] = _sampled(track, times)
    for node, values in moving.items():
        local[:, node] = transforms(**({name: scene.rest[name][node] for name in PROPERTIES} | values))
    tree = NodeTree(
        scene.names, scene.parents, scene.bones, scene.things, rest, local, frozenset(moving), rate
    )
    return people_of_nodes(tree, tuple(notes))


def _chosen_tracks(scene: KeyedScene) -> tuple[list[Track], list[str]]:
    """The tracks to read, and what is not read.

    Every person gets an animation that moves them: one that already moves another person, else one that no
    other person has. Blender names animations `armature|action` and writes every action for every armature.
    """
    chosen: list[Track] = []
    notes: list[str] = []
    taken: dict[str, None] = {}
    inside = [frozenset(joints_below(scene.parents, root)) for root in body_roots(scene.parents)]
    others = frozenset(range(len(scene.names))).difference(*inside)
    for nodes in (*inside, others):
        own = [
            (name, [track for track in tracks if track.node in nodes]) for name, tracks in scene.animations
        ]
        moving = [(name, tracks) for name, tracks in own if any(len(track.times) > 1 for track in tracks)]
        if not moving:
            continue
        free = [one for one in moving if _action(one[0]) not in map(_action, taken)]
        name, tracks = next((one for one in moving if one[0] in taken), (free or moving)[0])
        taken[name] = None
        chosen += tracks
        if len(moving) > 1 and nodes is not others:
            more = ", ".join(repr(other) for other, _ in moving if other != name)
            notes.append(f"animation {name!r} is read, not {more[:120]}")
    return chosen, list(dict.fromkeys(notes))


def _action(name: str) -> str:
    return name.rpartition("|")[2]


def _common_span(scene: KeyedScene, tracks: list[Track]) -> tuple[float, float]:
    """Start and end, in seconds, of what is animated for every person."""
    spans = []
    for root in body_roots(scene.parents):
        nodes = set(joints_below(scene.parents, root))
        times = [track.times for track in tracks if track.node in nodes]
        if times:
            spans.append((min(float(t[0]) for t in times), max(float(t[-1]) for t in times)))
    if not spans:
        spans = [(min(float(t.times[0]) for t in tracks), max(float(t.times[-1]) for t in tracks))]
    start, end = max(first for first, _ in spans), min(last for _, last in spans)
    if end <= start:
        raise InputError("the animations of its people do not overlap in time")
    return start, end


def _sampled(track: Track, times: np.ndarray) -> np.ndarray:
    """Values (T, n) of a track at times (T,); before the first key and after the last they are held."""
    keys, values = track.times, track.values
    after = np.clip(np.searchsorted(keys, times + 1e-6, side="right"), 1, max(len(keys) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(keys) - 1)
    span = keys[after] - keys[before]
    weight = np.clip((times - keys[before]) / np.where(span > 0, span, 1), 0, 1)[:, None]
    # A key that is meant to lie on a frame is taken as it is.
    weight = np.where(np.abs(weight - np.rint(weight)) < _ON_A_KEY, np.rint(weight), weight)
    if track.interpolation == "STEP":
        return np.where(weight < 1, values[before], values[after])
    if track.interpolation == "CUBICSPLINE":
        w, s = weight, span[:, None]
        result = (
            (2 * w**3 - 3 * w**2 + 1) * values[before, 1]
            + s * (w**3 - 2 * w**2 + w) * values[before, 2]
            + (-2 * w**3 + 3 * w**2) * values[after, 1]
            + s * (w**3 - w**2) * values[after, 0]
        )
        return normalize(result) if track.path == "rotation" else result
    if track.path == "rotation":
        return _slerp(values[before], values[after], weight)
    mixed: np.ndarray = values[before] * (1 - weight) + values[after] * weight
    return mixed


def _slerp(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Unit quaternions (T, 4) between two, along the shorter arc."""
    first, second = normalize(first), normalize(second)
    cosine = (first * second).sum(-1, keepdims=True)
    second = np.where(cosine < 0, -second, second)
    angle = np.arccos(np.clip(np.abs(cosine), 0, 1))
    sine = np.where(angle > 1e-6, np.sin(angle), 1)
    straight = first * (1 - weight) + second * weight
    round_ = (np.sin((1 - weight) * angle) * first + np.sin(weight * angle) * second) / sine
    return normalize(np.where(angle > 1e-6, round_, straight))


def transforms(translation: np.ndarray, rotation: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Translation (..., 3), rotation (..., 4) xyzw and scale (..., 3) -> transforms (..., 4, 4)."""
    shape = np.broadcast_shapes(translation.shape[:-1], rotation.shape[:-1], scale.shape[:-1])
    matrix = np.zeros((*shape, 4, 4))
    turn = matrix_from_quaternion_wxyz(np.roll(normalize(rotation), 1, axis=-1))
    matrix[..., :3, :3] = turn * scale[..., None, :]
    matrix[..., :3, 3] = translation
    matrix[..., 3, 3] = 1
    return matrix


def rate_of(times: Sequence[np.ndarray]) -> float | None:
    """Frames per second of key times (K,), one array per track; None where they have no common step."""
    steps = np.concatenate([np.empty(0), *(np.diff(one) for one in times)])
    steps = steps[steps > 1 / (2 * _MAX_FPS)]
    if not len(steps):
        return None
    step = float(np.percentile(steps, 1))
    span = max(float(one[-1] - one[0]) for one in times)
    rate = max(round(span / step), 1) / span
    rates = (rate,) if rate >= _MIN_FPS else _USUAL_FPS
    for rate in rates:
        if np.abs(steps * rate - np.rint(steps * rate)).max() < _MULTIPLE:
            return float(round(rate)) if abs(rate - round(rate)) < 2.5e-4 * rate else rate
    return None
