"""Runs inside Blender (`fbx.write_fbx`): a GLB becomes an FBX, which is read back.

    fbx_in_blender.py -- GLB FBX HEADS BONES

HEADS gets the heads of the named BONES in every frame, (P, T, J, 3) float64, metres, Y up. The file imports
nothing of this package, since an installed Blender has its own Python.
"""

from __future__ import annotations

import sys
from typing import Any

#: Frames per second of all motion here (`motion.skeleton.FPS`).
_FPS = 30


def main(glb: str, fbx: str, heads: str, bones: list[str]) -> None:
    """Convert, read back, and store the heads of the bones."""
    import bpy
    import numpy as np

    _empty_scene(bpy)
    bpy.ops.import_scene.gltf(filepath=glb)
    people = _armatures(bpy)
    start, end = _frame_range(people)
    _set_frames(bpy, start, end)
    bpy.ops.export_scene.fbx(
        filepath=fbx,
        object_types={"ARMATURE", "MESH"},
        # Metres and Y up without a scale or a turn left on the objects, so that game engines see unit scale.
        apply_scale_options="FBX_SCALE_ALL",
        axis_forward="-Z",
        axis_up="Y",
        add_leaf_bones=False,
        bake_anim=True,
        bake_anim_use_all_bones=True,
        # One take with both people, not one per action.
        bake_anim_use_nla_strips=False,
        bake_anim_use_all_actions=False,
        bake_anim_simplify_factor=0.0,
    )
    _empty_scene(bpy)
    bpy.ops.import_scene.fbx(filepath=fbx, ignore_leaf_bones=False)
    people = _armatures(bpy)
    for body in [o for o in bpy.data.objects if o.type == "MESH"]:  # they would be skinned in every frame
        bpy.data.objects.remove(body)
    result = np.empty((len(people), end - start + 1, len(bones), 3))
    for frame in range(start, end + 1):
        bpy.context.scene.frame_set(frame + 1 - start)  # the importer starts at frame 1
        for person, armature in enumerate(people):
            for bone, name in enumerate(bones):
                x, y, z = armature.matrix_world @ armature.pose.bones[name].head
                result[person, frame - start, bone] = (x, z, -y)
    np.save(heads, result)


def _empty_scene(bpy: Any) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = _FPS


def _armatures(bpy: Any) -> list[Any]:
    return sorted((o for o in bpy.data.objects if o.type == "ARMATURE"), key=lambda o: o.name)


def _frame_range(people: list[Any]) -> tuple[int, int]:
    ranges = [armature.animation_data.action.frame_range for armature in people]
    return round(min(low for low, _ in ranges)), round(max(high for _, high in ranges))


def _set_frames(bpy: Any, start: int, end: int) -> None:
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = start, end


if __name__ == "__main__":
    given = sys.argv[sys.argv.index("--") + 1 :]
    main(given[0], given[1], given[2], given[3].split(","))
