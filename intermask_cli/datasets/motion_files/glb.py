"""glTF 2.0 (.glb, .gltf): the animated skeletons of a scene. Needs the `export` extra (pygltflib).

An animation is sampled at the rate of its own keys. Of several animations of one person the first that moves
is read; every person may have an animation of their own, as Blender writes them.
"""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from intermask_cli.datasets.motion_files.animated_skeleton import AnimatedSkeleton, body_roots, joints_below
from intermask_cli.datasets.motion_files.checks import MAX_FRAMES
from intermask_cli.datasets.motion_files.node_tree import (
    MAX_NODE_POSES,
    NodeTree,
    people_of_nodes,
    seconds_to_rate,
)
from intermask_cli.datasets.motion_files.text import MAX_BYTES
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.rotation import (
    matrix_from_quaternion_wxyz,
    normalize,
    quaternion_wxyz_from_matrix,
)
from intermask_cli.motion.skeleton import FPS

_MAX_NODES = 20_000
#: glTF component type -> NumPy type, and the divisor of normalised integers.
_COMPONENTS: dict[int, tuple[str, float]] = {
    5120: ("<i1", 127), 5121: ("<u1", 255), 5122: ("<i2", 32767), 5123: ("<u2", 65535),
    5125: ("<u4", 1), 5126: ("<f4", 1),
}  # fmt: skip
#: Animated properties, in the order of `_matrix`.
_PROPERTIES = ("translation", "rotation", "scale")
_IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
#: Rates above this are those of a few keys that lie close to each other.
_MAX_FPS = 480.0
#: Share of the time between two keys within which a time is that of a key: float32 rounds seconds.
_ON_A_KEY = 1e-3
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
#: What pygltflib, base64 and JSON raise for damaged files, apart from OSError.
_DAMAGE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, RecursionError,
    OverflowError, MemoryError, NotImplementedError, struct.error,
)  # fmt: skip


class _Track(NamedTuple):
    """Keys of one property of a node: times (K,), values (K, n), or (K, 3, n) for cubic splines."""

    node: int
    path: str
    times: np.ndarray
    values: np.ndarray
    interpolation: str


def read_glb(path: Path) -> list[AnimatedSkeleton]:
    """The people in a .glb or .gltf file.

    Raises:
        MissingError: pygltflib is not installed. InputError: damaged, no skeleton, no animation.
    """
    try:
        import pygltflib
    except ImportError as error:
        raise MissingError("reading GLB needs pygltflib: pip install 'intermask[export]'") from error
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.stat().st_size} bytes; accepted: up to {MAX_BYTES}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about versions, on standard error
            document = pygltflib.GLTF2().load(str(path))
        return _people(_Scene(document))
    except _DAMAGE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputError(f"truncated or damaged glTF ({reason})") from error


class _Scene:
    """A document of pygltflib: its nodes in order, parents first, and its numbers.

    `order` lists the document's indices of the nodes; `number` is its inverse.
    """

    def __init__(self, document: Any) -> None:
        compressed = [name for name in document.extensionsRequired or [] if "meshopt" in name]
        if compressed:
            raise InputError(f"compressed by {compressed[0]}, which is not read; export it without")
        if len(document.nodes) > _MAX_NODES:
            raise InputError(f"{len(document.nodes)} nodes; accepted: up to {_MAX_NODES}")
        self.document = document
        self._buffers: dict[int, bytes] = {}
        self.order, self.parents = self._walked()
        self.number = {node: index for index, node in enumerate(self.order)}
        self.names = tuple(
            str(document.nodes[node].name or f"node_{node}").strip()[:200] for node in self.order
        )
        skinned = {joint for skin in document.skins or [] for joint in skin.joints}
        self.bones = {self.number[joint] for joint in skinned if joint in self.number}

    def _walked(self) -> tuple[list[int], tuple[int, ...]]:
        """Nodes of the scene, parents first, and the parent of each as a place in this list."""
        nodes = self.document.nodes
        children = {child for node in nodes for child in node.children or []}
        order = [node for node in range(len(nodes)) if node not in children]
        parents = [-1] * len(order)
        for place, node in enumerate(order):  # grows on the way
            below = list(nodes[node].children or [])
            order += below
            parents += [place] * len(below)
            if len(order) > len(nodes):
                raise InputError("a node has two parents")
        return order, tuple(parents)

    def rest(self) -> list[list[np.ndarray]]:
        """Translation (3,), rotation (4,) xyzw and scale (3,) of each node."""
        values = []
        for node in (self.document.nodes[index] for index in self.order):
            if node.matrix is not None and list(node.matrix) != _IDENTITY:
                values.append(_parts(np.array(node.matrix, dtype=np.float64).reshape(4, 4).T))
                continue
            parts = (node.translation or (0, 0, 0), node.rotation or (0, 0, 0, 1), node.scale or (1, 1, 1))
            values.append([np.array(part, dtype=np.float64) for part in parts])
        return values

    def tracks(self, animation: Any) -> list[_Track]:
        """The tracks of an animation that move nodes."""
        tracks = []
        for channel in animation.channels:
            node, path = self.number.get(channel.target.node), channel.target.path
            if node is None or path not in _PROPERTIES:
                continue
            sampler = animation.samplers[channel.sampler]
            times, values = self._numbers(sampler.input)[:, 0], self._numbers(sampler.output)
            kind = sampler.interpolation or "LINEAR"
            keys = len(times)
            if kind == "CUBICSPLINE":
                values = values.reshape(keys, 3, -1)
            if len(values) != keys or not keys or (np.diff(times) < 0).any():
                raise InputError(f"the keys of {self.names[node][:40]} do not fit their times")
            if values.shape[-1] != (4 if path == "rotation" else 3):
                raise InputError(f"{path} of {self.names[node][:40]} has {values.shape[-1]} numbers a key")
            if not (np.isfinite(times).all() and np.isfinite(values).all()):
                raise InputError(f"a key of {self.names[node][:40]} is not finite")
            tracks.append(_Track(node, path, times, values, kind))
        return tracks

    def _numbers(self, index: int) -> np.ndarray:
        """An accessor as float64 (count, n)."""
        accessor = self.document.accessors[index]
        if accessor.sparse is not None or accessor.bufferView is None:
            raise InputError("keys in sparse accessors are not read")
        kind, divisor = _COMPONENTS[accessor.componentType]
        width, view = _WIDTHS[accessor.type], self.document.bufferViews[accessor.bufferView]
        size = np.dtype(kind).itemsize * width
        start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
        step = view.byteStride or size
        buffer = self._buffer(view.buffer)
        if accessor.count < 1 or start < 0 or start + step * (accessor.count - 1) + size > len(buffer):
            raise InputError("truncated: keys lie beyond the end of the file")
        rows = np.ndarray((accessor.count, width), kind, buffer, start, (step, size // width))
        values = rows.astype(np.float64)
        return np.maximum(values / divisor, -1) if accessor.normalized else values

    def _buffer(self, index: int) -> bytes:
        if index not in self._buffers:
            uri = self.document.buffers[index].uri
            if uri is not None and not uri.startswith("data:"):
                name = Path(uri)
                if name.is_absolute() or ".." in name.parts or ":" in uri:
                    raise InputError(f"its numbers are in {uri[:80]!r}; accepted: a file in its own folder")
            self._buffers[index] = self.document.get_data_from_buffer_uri(uri) or b""
        return self._buffers[index]


# ---------------------------------------------------------------- animations


def _people(scene: _Scene) -> list[AnimatedSkeleton]:
    animations = [(str(one.name or f"animation {k + 1}"), scene.tracks(one))
                  for k, one in enumerate(scene.document.animations or [])]  # fmt: skip
    chosen, notes = _chosen_tracks(scene, animations)
    if not chosen:
        raise InputError(f"{len(scene.order)} nodes without animation; export it with its animation")
    rate = seconds_to_rate([track.times for track in chosen])
    if rate is None:
        rate = float(FPS)
        notes.append(f"keys at no regular rate; sampled at {FPS} fps")
    rate = min(rate, _MAX_FPS)
    start, end = _common_span(scene, chosen)
    frames = int((end - start) * rate + 1e-3) + 1
    most = min(MAX_FRAMES, MAX_NODE_POSES // len(scene.order))
    if frames > most:
        raise InputError(f"{frames} frames of {len(scene.order)} nodes; accepted: {most}")
    times = start + np.arange(frames) / rate
    rest = scene.rest()
    values: list[dict[str, np.ndarray]] = [{} for _ in scene.order]
    for track in chosen:
        values[track.node][track.path] = _sampled(track, times)
    local = np.empty((frames, len(scene.order), 4, 4))
    for index, (parts, moving) in enumerate(zip(rest, values, strict=True)):
        defaults = dict(zip(_PROPERTIES, parts, strict=True))
        local[:, index] = _matrix(**(defaults | moving))
    tree = NodeTree(
        names=scene.names,
        parents=scene.parents,
        bones=scene.bones,
        rest=np.stack([_matrix(*parts) for parts in rest]),
        local=local,
        animated={track.node for track in chosen},
        fps=rate,
    )
    return people_of_nodes(tree, tuple(notes))


def _chosen_tracks(
    scene: _Scene, animations: list[tuple[str, list[_Track]]]
) -> tuple[list[_Track], list[str]]:
    """The tracks to read: of every person those of the first animation that moves them."""
    chosen: list[_Track] = []
    notes: list[str] = []
    roots = body_roots(scene.parents)
    inside = [set(joints_below(scene.parents, root)) for root in roots]
    others = set(range(len(scene.order))) - set().union(*inside)
    for nodes in (*inside, others):
        own = [(name, [track for track in tracks if track.node in nodes]) for name, tracks in animations]
        moving = [(name, tracks) for name, tracks in own if any(len(track.times) > 1 for track in tracks)]
        if moving:
            chosen += moving[0][1]
        if len(moving) > 1 and nodes is not others:
            names = ", ".join(name for name, _ in moving[1:4])
            notes.append(f"animation {moving[0][0]!r} is read; there are {len(moving) - 1} more ({names})")
    return chosen, list(dict.fromkeys(notes))


def _common_span(scene: _Scene, tracks: list[_Track]) -> tuple[float, float]:
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


def _sampled(track: _Track, times: np.ndarray) -> np.ndarray:
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


def _matrix(translation: np.ndarray, rotation: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Translation (..., 3), rotation (..., 4) xyzw and scale (..., 3) -> transforms (..., 4, 4)."""
    shape = np.broadcast_shapes(translation.shape[:-1], rotation.shape[:-1], scale.shape[:-1])
    matrix = np.zeros((*shape, 4, 4))
    turn = matrix_from_quaternion_wxyz(np.roll(normalize(rotation), 1, axis=-1))
    matrix[..., :3, :3] = turn * scale[..., None, :]
    matrix[..., :3, 3] = translation
    matrix[..., 3, 3] = 1
    return matrix


def _parts(matrix: np.ndarray) -> list[np.ndarray]:
    """A transform (4, 4) without shear -> translation, rotation xyzw, scale."""
    scale = np.linalg.norm(matrix[:3, :3], axis=0)
    if np.linalg.det(matrix[:3, :3]) < 0:
        scale[2] = -scale[2]
    wxyz = quaternion_wxyz_from_matrix(matrix[:3, :3] / np.where(scale == 0, 1, scale))
    return [matrix[:3, 3], np.roll(wxyz, -1), scale]
