"""glTF 2.0 (.glb, .gltf): the animated skeletons of a scene. Needs the `export` extra (pygltflib)."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from intermask_cli.datasets.motion_files.keyed_scene import (
    MAX_NODES,
    PROPERTIES,
    KeyedScene,
    Track,
    people_of_scene,
)
from intermask_cli.datasets.motion_files.text import MAX_BYTES
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.rotation import quaternion_wxyz_from_matrix

#: glTF component type -> NumPy type, and the divisor of normalised integers.
_COMPONENTS: dict[int, tuple[str, float]] = {
    5120: ("<i1", 127), 5121: ("<u1", 255), 5122: ("<i2", 32767), 5123: ("<u2", 65535),
    5125: ("<u4", 1), 5126: ("<f4", 1),
}  # fmt: skip
_IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
#: What pygltflib, base64 and JSON raise for damaged files, apart from OSError.
_DAMAGE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, RecursionError,
    OverflowError, MemoryError, NotImplementedError, struct.error,
)  # fmt: skip


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
            warnings.simplefilter("ignore")  # about versions and buffers, on standard error
            document = pygltflib.GLTF2().load(str(path))
            scene = _Document(document, path.parent).scene()
        return people_of_scene(scene)
    except _DAMAGE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputError(f"truncated or damaged glTF ({reason})") from error


class _Document:
    """A document of pygltflib: its nodes in order, parents first, and its numbers.

    `order` lists the document's indices of the nodes; `number` is its inverse.
    """

    def __init__(self, document: Any, folder: Path) -> None:
        compressed = [name for name in document.extensionsRequired or [] if "meshopt" in name]
        if compressed:
            raise InputError(f"compressed by {compressed[0]}, which is not read; export it without")
        if len(document.nodes) > MAX_NODES:
            raise InputError(f"{len(document.nodes)} nodes; accepted: up to {MAX_NODES}")
        self.document, self._folder = document, folder
        self._buffers: dict[int, bytes] = {}
        self.order, self.parents = self._walked()
        self.number = {node: index for index, node in enumerate(self.order)}
        self.names = tuple(
            str(document.nodes[node].name or f"node_{node}").strip()[:200] for node in self.order
        )
        skinned = {joint for skin in document.skins or [] for joint in skin.joints}
        self.bones = frozenset(self.number[joint] for joint in skinned if joint in self.number)
        self.things = frozenset(
            place
            for place, node in enumerate(self.order)
            if document.nodes[node].mesh is not None or document.nodes[node].camera is not None
        )

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

    def scene(self) -> KeyedScene:
        """The nodes and animations."""
        parts = [_rest(self.document.nodes[node]) for node in self.order]
        return KeyedScene(
            self.names,
            self.parents,
            self.bones,
            self.things,
            {name: np.stack([part[k] for part in parts]) for k, name in enumerate(PROPERTIES)},
            [
                (str(one.name or f"animation {k + 1}"), self.tracks(one))
                for k, one in enumerate(self.document.animations or [])
            ],
        )

    def tracks(self, animation: Any) -> list[Track]:
        """The tracks of an animation that move nodes."""
        tracks = []
        for channel in animation.channels:
            node, path = self.number.get(channel.target.node), channel.target.path
            if node is None or path not in PROPERTIES:
                continue
            sampler = animation.samplers[channel.sampler]
            times, values = self._numbers(sampler.input)[:, 0], self._numbers(sampler.output)
            kind = sampler.interpolation or "LINEAR"
            keys = len(times)
            if kind == "CUBICSPLINE":
                values = values.reshape(keys, 3, -1)
            if len(values) != keys or not keys or (np.diff(times) < 0).any():
                raise InputError(f"the keys of {self.names[node][:40]} do not fit their times")
            if values.shape[-1] != PROPERTIES[path]:
                raise InputError(f"{path} of {self.names[node][:40]} has {values.shape[-1]} numbers a key")
            if not (np.isfinite(times).all() and np.isfinite(values).all()):
                raise InputError(f"a key of {self.names[node][:40]} is not finite")
            tracks.append(Track(node, path, times, values, kind))
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
        """The bytes of a buffer: in the file itself, or in a file of its folder."""
        if index not in self._buffers:
            uri = self.document.buffers[index].uri
            if uri is None or uri.startswith("data:"):
                self._buffers[index] = self.document.get_data_from_buffer_uri(uri) or b""
            else:
                name = Path(unquote(uri))
                if name.is_absolute() or ".." in name.parts:
                    raise InputError(f"its numbers are in {uri[:80]!r}; accepted: a file in its own folder")
                if not (self._folder / name).is_file():
                    raise InputError(f"its numbers are in {uri[:80]!r}, which is missing")
                if (self._folder / name).stat().st_size > MAX_BYTES:
                    raise InputError(f"{uri[:80]!r} is larger than {MAX_BYTES} bytes")
                self._buffers[index] = (self._folder / name).read_bytes()
        return self._buffers[index]


def _rest(node: Any) -> list[np.ndarray]:
    """Translation (3,), rotation xyzw (4,) and scale (3,) of a node of the document."""
    if node.matrix is not None and list(node.matrix) != _IDENTITY:
        return _parts(np.array(node.matrix, dtype=np.float64).reshape(4, 4).T)
    parts = (node.translation or (0, 0, 0), node.rotation or (0, 0, 0, 1), node.scale or (1, 1, 1))
    return [np.array(part, dtype=np.float64) for part in parts]


def _parts(matrix: np.ndarray) -> list[np.ndarray]:
    """A transform (4, 4) without shear -> translation, rotation xyzw, scale."""
    scale = np.linalg.norm(matrix[:3, :3], axis=0)
    if np.linalg.det(matrix[:3, :3]) < 0:
        scale[2] = -scale[2]
    wxyz = quaternion_wxyz_from_matrix(matrix[:3, :3] / np.where(scale == 0, 1, scale))
    return [matrix[:3, 3], np.roll(wxyz, -1), scale]
