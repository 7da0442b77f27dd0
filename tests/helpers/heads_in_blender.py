"""Runs inside Blender: imports a motion file and reports what an animator gets.

    heads_in_blender.py -- FILE SCALE OUT.npz

OUT gets `heads` (P, T, J, 3) of all bones in metres, Y up, `bones`, `armatures`, `actions` (how many have
keys), `fps`, `first` and `last` keyed frames, `lowest` (P, T) vertex of each body, and `mirrored` names.
"""

from __future__ import annotations

import sys


def main(path: str, scale: float, out: str) -> None:
    import bpy
    import numpy as np

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = 30
    if path.endswith(".glb"):
        bpy.ops.import_scene.gltf(filepath=path)
    elif path.endswith(".fbx"):
        bpy.ops.import_scene.fbx(filepath=path)
    elif path.endswith(".usd"):
        bpy.ops.wm.usd_import(filepath=path)
    else:
        scene.render.fps = 24
        for one in path.split(","):
            bpy.ops.import_anim.bvh(filepath=one, global_scale=scale, update_scene_fps=True)
    people = sorted((o for o in bpy.data.objects if o.type == "ARMATURE"), key=lambda o: o.name)
    bodies = {
        o.find_armature().name: o
        for o in bpy.data.objects
        if o.type == "MESH" and o.find_armature() is not None
    }
    ranges = [o.animation_data.action.frame_range for o in people]
    first, last = (round(end) for end in ranges[0])
    bones = [bone.name for bone in people[0].data.bones]
    heads = np.empty((len(people), last - first + 1, len(bones), 3))
    lowest = np.full(heads.shape[:2], np.nan)
    for frame in range(first, last + 1):
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        for person, armature in enumerate(people):
            for bone, name in enumerate(bones):
                x, y, z = armature.matrix_world @ armature.pose.bones[name].head
                heads[person, frame - first, bone] = (x, z, -y)
            if armature.name in bodies:
                body = bodies[armature.name].evaluated_get(graph)
                mesh = body.to_mesh()
                lowest[person, frame - first] = min((body.matrix_world @ v.co).z for v in mesh.vertices)
                body.to_mesh_clear()
    np.savez(
        out,
        heads=heads,
        lowest=lowest,
        bones=bones,
        armatures=[o.name for o in people],
        scales=[tuple(o.matrix_world.to_scale()) for o in people],
        keyed=[tuple(o.animation_data.action.frame_range) for o in people],
        fps=scene.render.fps,
        mirrored=[bpy.utils.flip_name(name) for name in bones],
    )


if __name__ == "__main__":
    given = sys.argv[sys.argv.index("--") + 1 :]
    main(given[0], float(given[1]), given[2])
