"""FBX: the animated skeletons of a scene, through pufbx (the `fbx` extra), or through Blender.

Either runs in a process of its own: a damaged file may crash native code, and must not take this process.
pufbx, bindings of the library ufbx, is small and reads binary and ASCII files of all versions; Blender reads
binary files of version 7 only. Unit and up axis are those of the file's global settings.
"""

from __future__ import annotations

import importlib.util
import re
import struct
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.blender import blender_command, run_in_blender
from intermask_cli.datasets.motion_files.glb import read_glb
from intermask_cli.datasets.motion_files.keyed_scene import people_of_scene
from intermask_cli.datasets.motion_files.scene_program import scene_by_program
from intermask_cli.datasets.motion_files.text import MAX_BYTES
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton

_STARTS = (b"Kaydara FBX Binary", b"; FBX")
#: A property of the global settings: its name, then type and value in binary or in ASCII.
_SETTING = (
    rb'%sS\x06\x00\x00\x00doubleS\x06\x00\x00\x00NumberS\x00\x00\x00\x00D(.{8})',
    rb'%sS\x03\x00\x00\x00intS\x07\x00\x00\x00IntegerS\x00\x00\x00\x00I(.{4})',
    rb'"%s",[^\n]{0,60},\s*(-?[0-9][0-9.eE+-]{0,24})\s*\n',
)  # fmt: skip
#: The rest pose of a person must come out this tall, in metres, for the file's unit to be trusted.
_PERSON_M = (0.7, 2.6)


def read_fbx(path: Path) -> list[AnimatedSkeleton]:
    """The people in an .fbx file.

    Raises:
        MissingError: neither pufbx nor Blender is installed. InputError: damaged, no skeleton, no animation.
    """
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.stat().st_size} bytes; accepted: up to {MAX_BYTES}")
    content = path.read_bytes()
    if not content.lstrip()[:40].startswith(_STARTS):
        raise InputError("not an FBX file")
    if importlib.util.find_spec("pufbx") is not None:
        program = "intermask_cli.datasets.motion_files.fbx_by_pufbx"
        people = people_of_scene(scene_by_program(program, path, "FBX"))
        return [_in_unit_of_file(person, content) for person in people]
    if blender_command() is None:
        raise MissingError(
            "reading FBX needs pufbx (pip install 'intermask[fbx]', built by a C compiler) or Blender "
            "(pip install 'intermask[blender]'); or convert the file to GLB or BVH"
        )
    with tempfile.TemporaryDirectory() as folder:
        glb = Path(folder) / "scene.glb"
        script = Path(__file__).with_name("fbx_in_blender.py")
        run_in_blender(script, str(path.resolve()), str(glb), what="reading FBX")
        return read_glb(glb)


# ---------------------------------------------------------------- global settings


def _in_unit_of_file(person: AnimatedSkeleton, content: bytes) -> AnimatedSkeleton:
    """The person with unit and up axis of the global settings, where they make a person of the body."""
    centimetres, axis = _setting(content, b"UnitScaleFactor"), _setting(content, b"UpAxis")
    sign = _setting(content, b"UpAxisSign")
    size = float(np.linalg.norm(person.positions() - person.root[:, None], axis=-1).max(initial=0))
    metres = None if centimetres is None else centimetres / 100
    # The farthest joint from the hips is a foot or a hand, about as far as half the body.
    if metres is None or not _PERSON_M[0] / 2 < metres * size < _PERSON_M[1]:
        metres = None
    up = None if axis not in (0, 1, 2) else ("-" if sign == -1 else "") + "xyz"[int(axis)]
    return replace(person, metres_per_unit=metres, up=up)


def _setting(content: bytes, name: bytes) -> float | None:
    """A number of the global settings, or None where the file lacks it."""
    for pattern, form in zip(_SETTING, ("<d", "<i", ""), strict=True):
        match = re.search(pattern % name, content, re.DOTALL)
        if match is not None:
            return float(struct.unpack(form, match.group(1))[0] if form else match.group(1))
    return None
