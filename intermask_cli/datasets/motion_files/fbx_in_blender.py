"""Run inside Blender: an FBX file as GLB, `-- IN.fbx OUT.glb`. Only Blender's own modules can be imported."""

from __future__ import annotations

import sys


def main(source: str, target: str) -> None:
    """Import `source`, give every armature its own animation, and export `target`."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.fbx(filepath=source, automatic_bone_orientation=False, ignore_leaf_bones=False)
    # The importer gives every armature its first action, `armature|animation`, where a file has every
    # animation for every armature. As `keyed_scene` does, each armature gets one that no other has.
    taken = set()
    for thing in bpy.data.objects:
        if thing.type != "ARMATURE" or thing.animation_data is None:
            continue
        own = [action for action in bpy.data.actions if action.name.startswith(f"{thing.name}|")]
        free = [action for action in own if action.name.rpartition("|")[2] not in taken]
        if own:
            chosen = (free or own)[0]
            taken.add(chosen.name.rpartition("|")[2])
            thing.animation_data.action = chosen
    bpy.ops.export_scene.gltf(
        filepath=target,
        export_animations=True,
        export_animation_mode="ACTIVE_ACTIONS",
        export_optimize_animation_size=False,
    )


if __name__ == "__main__":
    main(*sys.argv[sys.argv.index("--") + 1 :])
