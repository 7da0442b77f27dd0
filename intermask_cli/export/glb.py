"""GLB (binary glTF 2.0): both persons in one file, as skinned capsule bodies with one animation at 30 fps.

Metres, Y up, +Z forward, as glTF requires. Each person is a skeleton of 22 nodes, named after the joints
with the prefix "p1." or "p2."; every bone is a capsule bound rigidly to the joint that turns it. The reader
at the end is only for files written here, to check them. Needs the `export` extra (pygltflib).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import MissingError
from intermask_cli.export.pictures.scene import HEAD_RADIUS_M, PERSON_COLOURS, drawing_segments
from intermask_cli.motion.rig import Rig
from intermask_cli.motion.rotation import (
    matrix_between,
    matrix_from_quaternion_wxyz,
    normalize,
    quaternion_wxyz_from_matrix,
)
from intermask_cli.motion.skeleton import BONES, FPS, JOINT, JOINT_NAMES, PARENTS

#: Vertices around a capsule.
_RING = 10
#: Rings of vertices per rounded end of a capsule.
_CAP = 3

# Codes of glTF 2.0 for component types and buffer targets.
_FLOAT, _UBYTE, _UINT = 5126, 5121, 5125
_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963


def write_glb(path: Path, people: tuple[Rig, Rig], name: str) -> None:
    """Write two rigs with the same number of frames as one animated GLB; `name` is the name of the animation.

    Raises MissingError without pygltflib.
    """
    try:
        import pygltflib as gltf
    except ImportError as error:
        raise MissingError("GLB needs pygltflib: pip install 'intermask[export]'") from error
    builder = _Builder(gltf)
    frames = len(people[0].root)
    times = builder.accessor((np.arange(frames, dtype=np.float32) / FPS), "SCALAR", bounds=True)
    animation = gltf.Animation(name=name)
    for index, rig in enumerate(people):
        builder.add_person(rig, f"p{index + 1}", PERSON_COLOURS[index], times, animation)
    builder.document.animations.append(animation)
    builder.save(path)


class _Builder:
    """Collects nodes, meshes and one binary buffer."""

    def __init__(self, gltf: Any):
        self.gltf = gltf
        self.document = gltf.GLTF2(
            asset=gltf.Asset(version="2.0", generator="intermask"), scene=0, scenes=[gltf.Scene(nodes=[])]
        )
        self.blob = bytearray()

    def accessor(self, array: np.ndarray, kind: str, target: int | None = None, bounds: bool = False) -> int:
        """Append an array to the buffer; returns the accessor's number.

        `kind` is glTF's "SCALAR", "VEC3", ...; `bounds` adds the smallest and largest value per column.
        """
        g = self.gltf
        component = {"f": _FLOAT, "B": _UBYTE, "I": _UINT}[array.dtype.char]
        self.blob.extend(b"\0" * (-len(self.blob) % 4))
        view = g.BufferView(buffer=0, byteOffset=len(self.blob), byteLength=array.nbytes, target=target)
        self.blob.extend(np.ascontiguousarray(array).tobytes())
        self.document.bufferViews.append(view)
        flat = array.reshape(len(array), -1)
        self.document.accessors.append(
            g.Accessor(
                bufferView=len(self.document.bufferViews) - 1,
                componentType=component,
                count=len(array),
                type=kind,
                min=flat.min(0).tolist() if bounds else None,
                max=flat.max(0).tolist() if bounds else None,
            )
        )
        return len(self.document.accessors) - 1

    def add_person(self, rig: Rig, prefix: str, colour: str, times: int, animation: Any) -> None:
        """Skeleton nodes, a skinned body and the animation channels of one person."""
        g, document = self.gltf, self.document
        root_node = len(document.nodes)
        rotations = quaternion_xyzw_continuous(rig.local).astype(np.float32)
        for joint, joint_name in enumerate(JOINT_NAMES):
            children = [root_node + child for child, parent in enumerate(PARENTS) if parent == joint]
            start = rig.root[0] if joint == 0 else rig.offsets[joint]
            node = g.Node(
                name=f"{prefix}.{joint_name}",
                translation=[float(v) for v in start],
                rotation=rotations[0, joint].tolist(),
                children=children,
            )
            document.nodes.append(node)
        self._add_body(rig, prefix, colour, root_node)
        for joint in range(len(JOINT_NAMES)):
            self._add_channel(animation, root_node + joint, "rotation", times, rotations[:, joint], "VEC4")
        self._add_channel(animation, root_node, "translation", times, rig.root.astype(np.float32), "VEC3")

    def _add_body(self, rig: Rig, prefix: str, colour: str, root_node: int) -> None:
        """Material, mesh and skin of one person whose skeleton starts at `root_node`."""
        g, document = self.gltf, self.document
        rest = rest_positions(rig.offsets)
        positions, normals, triangles, joints = body_mesh(rest)
        weights = np.zeros((len(joints), 4), np.float32)
        weights[:, 0] = 1.0
        bound = np.zeros((len(joints), 4), np.uint8)  # glTF takes four joints per vertex; only one has weight
        bound[:, 0] = joints
        inverse = np.tile(np.eye(4, dtype=np.float32), (len(rest), 1, 1))
        inverse[:, :3, 3] = -rest
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        document.materials.append(
            g.Material(
                name=prefix,
                pbrMetallicRoughness=g.PbrMetallicRoughness(
                    baseColorFactor=[red, green, blue, 1.0], metallicFactor=0.0, roughnessFactor=0.8
                ),
            )
        )
        attributes = g.Attributes(
            POSITION=self.accessor(positions, "VEC3", _ARRAY_BUFFER, bounds=True),
            NORMAL=self.accessor(normals, "VEC3", _ARRAY_BUFFER),
            JOINTS_0=self.accessor(bound, "VEC4", _ARRAY_BUFFER),
            WEIGHTS_0=self.accessor(weights, "VEC4", _ARRAY_BUFFER),
        )
        indices = self.accessor(triangles.reshape(-1), "SCALAR", _ELEMENT_BUFFER)
        primitive = g.Primitive(attributes=attributes, indices=indices, material=len(document.materials) - 1)
        document.meshes.append(g.Mesh(name=f"{prefix}.body", primitives=[primitive]))
        # glTF stores matrices column by column.
        matrices = self.accessor(np.swapaxes(inverse, 1, 2).reshape(-1, 16), "MAT4")
        skeleton = list(range(root_node, root_node + len(JOINT_NAMES)))
        document.skins.append(
            g.Skin(name=prefix, joints=skeleton, skeleton=root_node, inverseBindMatrices=matrices)
        )
        document.nodes.append(
            g.Node(name=f"{prefix}.body", mesh=len(document.meshes) - 1, skin=len(document.skins) - 1)
        )
        document.scenes[0].nodes += [root_node, len(document.nodes) - 1]

    def _add_channel(
        self, animation: Any, node: int, path: str, times: int, values: np.ndarray, kind: str
    ) -> None:
        g = self.gltf
        output = self.accessor(values, kind)
        animation.samplers.append(g.AnimationSampler(input=times, output=output, interpolation="LINEAR"))
        target = g.AnimationChannelTarget(node=node, path=path)
        animation.channels.append(g.AnimationChannel(sampler=len(animation.samplers) - 1, target=target))

    def save(self, path: Path) -> None:
        self.document.buffers = [self.gltf.Buffer(byteLength=len(self.blob))]
        self.document.set_binary_blob(bytes(self.blob))
        self.document.save_binary(str(path))


def quaternion_xyzw_continuous(matrix: np.ndarray) -> np.ndarray:
    """(T, J, 3, 3) -> (T, J, 4), x y z w as in glTF, neighbours in time in one hemisphere.

    A quaternion and its negative are the same rotation, but interpolation between them would turn the long
    way.
    """
    wxyz = quaternion_wxyz_from_matrix(matrix)
    dots = (wxyz[1:] * wxyz[:-1]).sum(-1)
    signs = np.cumprod(np.concatenate([np.ones((1, wxyz.shape[1])), np.where(dots < 0, -1.0, 1.0)]), axis=0)
    return np.roll(wxyz * signs[..., None], -1, axis=-1)


def rest_positions(offsets: np.ndarray) -> np.ndarray:
    """Offsets (22, 3) -> joint positions of the rest pose (22, 3), pelvis at the origin."""
    positions = np.zeros_like(offsets, dtype=np.float32)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            positions[joint] = positions[parent] + offsets[joint]
    return positions


def body_mesh(rest: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Capsules around the bones of a rest pose (22, 3).

    Points (V, 3), normals (V, 3), triangles (F, 3) and the joint (V,) that each point is bound to.
    """
    radii = {(a, b): radius for a, b, radius, _ in drawing_segments()}
    parts = [(_capsule(rest[a], rest[b], radii[(a, b)]), a) for a, b in BONES]
    head = rest[JOINT["head"]]
    crown = head + np.array([0.0, 0.06, 0.0], np.float32)
    parts.append((_capsule(head, crown, HEAD_RADIUS_M), JOINT["head"]))
    sizes = [len(points) for (points, _, _), _ in parts]
    starts = np.cumsum([0, *sizes[:-1]])
    return (
        np.concatenate([points for (points, _, _), _ in parts]).astype(np.float32),
        np.concatenate([normals for (_, normals, _), _ in parts]).astype(np.float32),
        np.concatenate([faces + s for ((_, _, faces), _), s in zip(parts, starts, strict=True)]).astype(
            np.uint32
        ),
        np.repeat([joint for _, joint in parts], sizes).astype(np.uint8),
    )


def _capsule(start: np.ndarray, end: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (V, 3), outward normals (V, 3) and triangles (F, 3) of a capsule from start (3,) to end (3,)."""
    latitudes = np.linspace(0, np.pi / 2, _CAP + 1)
    angles = 2 * np.pi * np.arange(_RING) / _RING
    around = np.stack([np.cos(angles), np.zeros(_RING), np.sin(angles)], axis=-1)
    axis = np.array([0.0, 1.0, 0.0])
    rings, centres = [], []
    for centre, tilts in ((start, -latitudes[::-1]), (end, latitudes)):
        for tilt in tilts:
            rings.append(np.cos(tilt) * around + np.sin(tilt) * axis)
            centres.append(np.broadcast_to(centre, (_RING, 3)))
    turn = matrix_between(axis, normalize(end - start))
    normals = np.concatenate(rings) @ turn.T
    points = np.concatenate(centres) + radius * normals
    faces = []
    for ring in range(len(rings) - 1):
        for k in range(_RING):
            a, b = ring * _RING + k, ring * _RING + (k + 1) % _RING
            faces += [(a, a + _RING, b), (b, a + _RING, b + _RING)]
    return points, normals, np.array(faces, dtype=np.int64)


def joints_of_glb(path: Path) -> np.ndarray:
    """Joint positions (2, T, 22, 3) in metres of a file written by `write_glb`, by its animated node tree."""
    import pygltflib as gltf

    document = gltf.GLTF2().load(str(path))
    blob = document.binary_blob()

    def read(number: int) -> np.ndarray:
        accessor = document.accessors[number]
        view = document.bufferViews[accessor.bufferView]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor.type]
        return np.frombuffer(blob, np.float32, accessor.count * width, view.byteOffset).reshape(-1, width)

    animation = document.animations[0]
    curves = {
        (channel.target.node, channel.target.path): read(animation.samplers[channel.sampler].output)
        for channel in animation.channels
    }
    people = []
    for root in [skin.skeleton for skin in document.skins]:
        world: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # node -> rotation (T, 3, 3), position (T, 3)
        positions = {}
        stack: list[tuple[int, int | None]] = [(root, None)]
        while stack:
            node, parent = stack.pop()
            xyzw = curves[(node, "rotation")].astype(np.float64)
            rotation = matrix_from_quaternion_wxyz(np.roll(xyzw, 1, axis=-1))
            offset = np.array(document.nodes[node].translation)
            position = curves.get((node, "translation"), np.broadcast_to(offset, (len(rotation), 3)))
            if parent is not None:
                parent_rotation, parent_position = world[parent]
                position = parent_position + (parent_rotation @ position[..., None])[..., 0]
                rotation = parent_rotation @ rotation
            world[node] = (rotation, position)
            positions[document.nodes[node].name.split(".", 1)[1]] = position
            stack += [(child, node) for child in document.nodes[node].children]
        people.append(np.stack([positions[name] for name in JOINT_NAMES], axis=1))
    return np.stack(people)
