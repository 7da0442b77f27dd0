"""GLB (binary glTF 2.0): all persons in one file, as skinned bodies with one animation at 30 fps.

Metres, Y up, +Z forward, as glTF requires. Every person has a node of its own (`person1`, `person2`) above
the skeleton, so that Blender makes one armature with one action per person; the bodies lie at the root of
the scene, as glTF asks of skinned meshes. The reader at the end is only for files written here, to check
them. Needs the `export` extra (pygltflib).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import MissingError
from intermask_cli.export.bone_names import BoneNames
from intermask_cli.export.mannequin import (
    VISOR_COLOUR,
    Mannequin,
    leaf_offsets,
    mannequin,
    standing_positions,
)
from intermask_cli.export.pictures.scene import PERSON_COLOURS
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rig import Rig
from intermask_cli.motion.rotation import matrix_from_quaternion_wxyz, quaternion_wxyz_from_matrix
from intermask_cli.motion.skeleton import FPS, NUM_JOINTS, PARENTS

# Codes of glTF 2.0 for component types and buffer targets.
_COMPONENTS = {"f": 5126, "B": 5121, "H": 5123, "I": 5125}
_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963


def write_glb(
    path: Path,
    people: Sequence[Rig],
    name: str,
    names: BoneNames = BoneNames.intermask,
    leaf_bones: bool = False,
) -> None:
    """Write rigs with the same number of frames as one animated GLB.

    Args:
        path: the file.
        people: one rig per person.
        name: of the animation.
        names: scheme of bone names.
        leaf_bones: whether head, hands and toes end in a bone without motion, which gives them their length.

    Raises:
        MissingError: pygltflib is not installed.
    """
    try:
        import pygltflib as gltf
    except ImportError as error:
        raise MissingError("GLB needs pygltflib: pip install 'intermask[export]'") from error
    builder = _Builder(gltf, name, len(people[0].root))
    for index, rig in enumerate(people):
        builder.add_person(rig, f"person{index + 1}", PERSON_COLOURS[index % 2], names, leaf_bones)
    builder.save(path)


def linear_colour(colour: str) -> list[float]:
    """#RRGGBB, which is sRGB -> red, green, blue, alpha in the linear scale of glTF and USD."""
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return [*linear.tolist(), 1.0]


class _Builder:
    """Collects nodes, meshes, one animation and one binary buffer."""

    def __init__(self, gltf: Any, name: str, frames: int):
        self.gltf = gltf
        self.document = gltf.GLTF2(
            asset=gltf.Asset(version="2.0", generator="intermask"), scene=0, scenes=[gltf.Scene(nodes=[])]
        )
        self.blob = bytearray()
        self.times = self._accessor(np.arange(frames, dtype=np.float32) / FPS, "SCALAR", bounds=True)
        self.animation = gltf.Animation(name=name)
        self.visor_material = self._material("visor", VISOR_COLOUR)

    def _accessor(self, array: np.ndarray, kind: str, target: int | None = None, bounds: bool = False) -> int:
        """Append an array to the buffer; returns the accessor's number.

        `kind` is glTF's "SCALAR", "VEC3", ...; `bounds` adds the smallest and largest value per column.
        """
        g = self.gltf
        self.blob.extend(b"\0" * (-len(self.blob) % 4))
        view = g.BufferView(buffer=0, byteOffset=len(self.blob), byteLength=array.nbytes, target=target)
        self.blob.extend(np.ascontiguousarray(array).tobytes())
        self.document.bufferViews.append(view)
        flat = array.reshape(len(array), -1)
        self.document.accessors.append(
            g.Accessor(
                bufferView=len(self.document.bufferViews) - 1,
                componentType=_COMPONENTS[array.dtype.char],
                count=len(array),
                type=kind,
                min=flat.min(0).tolist() if bounds else None,
                max=flat.max(0).tolist() if bounds else None,
            )
        )
        return len(self.document.accessors) - 1

    def _material(self, name: str, colour: str) -> int:
        g = self.gltf
        surface = g.PbrMetallicRoughness(
            baseColorFactor=linear_colour(colour), metallicFactor=0.0, roughnessFactor=0.7
        )
        self.document.materials.append(g.Material(name=name, pbrMetallicRoughness=surface))
        return len(self.document.materials) - 1

    def _node(self, **fields: Any) -> int:
        self.document.nodes.append(self.gltf.Node(**fields))
        return len(self.document.nodes) - 1

    def add_person(self, rig: Rig, person: str, colour: str, names: BoneNames, leaf_bones: bool) -> None:
        """Skeleton below a node of its own, skinned body and animation channels of one person.

        The nodes stand in T-pose at the person's first place; the animation moves them.
        """
        standing = standing_positions(rig.offsets)
        first = len(self.document.nodes)
        for joint, joint_name in enumerate(names.joints):
            place = [rig.root[0, 0], standing[0, 1], rig.root[0, 2]] if joint == 0 else rig.offsets[joint]
            children = [first + child for child, parent in enumerate(PARENTS) if parent == joint]
            self._node(name=joint_name, translation=[float(v) for v in place], children=children)
        joints = list(range(first, first + NUM_JOINTS))
        rests = [standing]
        if leaf_bones:
            for joint, offset in leaf_offsets(rig.offsets).items():
                leaf = self._node(name=names.ends[joint], translation=[float(v) for v in offset])
                self.document.nodes[first + joint].children.append(leaf)
                joints.append(leaf)
                rests.append((standing[joint] + offset)[None])
        self.document.scenes[0].nodes += [self._node(name=person, children=[first])]
        skin = self._skin(person, joints, np.concatenate(rests))
        self._add_body(mannequin(rig.offsets), standing[0], person, colour, skin)
        rotations = quaternion_xyzw_continuous(rig.local).astype(np.float32)  # (T, 22, 4)
        for joint in range(NUM_JOINTS):
            self._add_channel(first + joint, "rotation", rotations[:, joint], "VEC4")
        self._add_channel(first, "translation", rig.root.astype(np.float32), "VEC3")

    def _skin(self, person: str, joints: list[int], rest: np.ndarray) -> int:
        """The skin of a person: nodes of its joints and their places (J, 3) in the rest pose."""
        inverse = np.tile(np.eye(4, dtype=np.float32), (len(rest), 1, 1))
        inverse[:, :3, 3] = -rest
        # glTF stores matrices column by column.
        matrices = self._accessor(np.swapaxes(inverse, 1, 2).reshape(-1, 16), "MAT4")
        skin = self.gltf.Skin(name=person, joints=joints, skeleton=joints[0], inverseBindMatrices=matrices)
        self.document.skins.append(skin)
        return len(self.document.skins) - 1

    def _add_body(self, body: Mannequin, pelvis: np.ndarray, person: str, colour: str, skin: int) -> None:
        """The skinned mesh: a body around the pelvis (3,) of the rest pose."""
        g, document = self.gltf, self.document
        attributes = g.Attributes(
            POSITION=self._accessor((body.points + pelvis).astype(np.float32), "VEC3", _ARRAY_BUFFER, True),
            NORMAL=self._accessor(body.normals, "VEC3", _ARRAY_BUFFER),
            JOINTS_0=self._accessor(body.joints, "VEC4", _ARRAY_BUFFER),
            WEIGHTS_0=self._accessor(body.weights, "VEC4", _ARRAY_BUFFER),
        )
        surfaces = ((body.body, self._material(person, colour)), (body.visor, self.visor_material))
        primitives = [
            g.Primitive(
                attributes=attributes,
                indices=self._accessor(triangles.reshape(-1).astype(np.uint16), "SCALAR", _ELEMENT_BUFFER),
                material=material,
            )
            for triangles, material in surfaces
        ]
        document.meshes.append(g.Mesh(name=f"{person}_body", primitives=primitives))
        node = self._node(name=f"{person}_body", mesh=len(document.meshes) - 1, skin=skin)
        document.scenes[0].nodes += [node]

    def _add_channel(self, node: int, path: str, values: np.ndarray, kind: str) -> None:
        g = self.gltf
        sampler = g.AnimationSampler(
            input=self.times, output=self._accessor(values, kind), interpolation="LINEAR"
        )
        self.animation.samplers.append(sampler)
        target = g.AnimationChannelTarget(node=node, path=path)
        number = len(self.animation.samplers) - 1
        self.animation.channels.append(g.AnimationChannel(sampler=number, target=target))

    def save(self, path: Path) -> None:
        self.document.animations = [self.animation]
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


def joints_of_glb(path: Path, names: BoneNames = BoneNames.intermask) -> np.ndarray:
    """Joints (P, T, 22, 3) in metres of a file written by `write_glb`, by its animated node tree.

    Its JSON is read without pygltflib, whose typed objects take four times as long as writing the file.
    """
    content = path.read_bytes()
    (size,) = struct.unpack_from("<I", content, 12)  # of the JSON, after the header of 12 bytes
    document, blob = json.loads(content[20 : 20 + size]), content[20 + size + 8 :]

    def read(number: int) -> np.ndarray:
        accessor = document["accessors"][number]
        start = document["bufferViews"][accessor["bufferView"]].get("byteOffset", 0)
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        return np.frombuffer(blob, np.float32, accessor["count"] * width, start).reshape(-1, width)

    animation, nodes = document["animations"][0], document["nodes"]
    curves = {
        (channel["target"]["node"], channel["target"]["path"]): read(
            animation["samplers"][channel["sampler"]]["output"]
        )
        for channel in animation["channels"]
    }
    people = []
    for skin in document["skins"]:
        joints = skin["joints"][:NUM_JOINTS]
        assert [nodes[joint]["name"] for joint in joints] == list(names.joints)
        xyzw = np.stack([curves[(joint, "rotation")] for joint in joints], axis=1).astype(np.float64)
        local = matrix_from_quaternion_wxyz(np.roll(xyzw, 1, axis=-1))  # (T, 22, 3, 3)
        parent = {child: node for node in joints for child in nodes[node].get("children", ())}
        parents = [joints.index(parent[joint]) if joint in parent else -1 for joint in joints]
        offsets = np.array([nodes[joint]["translation"] for joint in joints])
        root = curves[(joints[0], "translation")].astype(np.float64)
        people.append(forward_kinematics(local, root, offsets, parents)[0])
    return np.stack(people)
