"""FBX, written by Blender from the GLB of the same interaction: bodies, skeletons and 30 fps keys.

An animated skeleton alone is not enough for Unreal Engine and Unity, which take skeletons from skinned
meshes. Needs the extra `blender` or an installed Blender (`datasets.motion_files.blender`), and pygltflib.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from intermask_cli.datasets.motion_files.blender import run_in_blender
from intermask_cli.export.bone_names import BoneNames
from intermask_cli.export.glb import write_glb
from intermask_cli.motion.rig import Rig

_SCRIPT = Path(__file__).with_name("fbx_in_blender.py")


def write_fbx(
    path: Path,
    people: Sequence[Rig],
    name: str,
    names: BoneNames = BoneNames.intermask,
    leaf_bones: bool = False,
) -> np.ndarray:
    """Write rigs as one FBX with an armature per person; arguments as `write_glb`.

    Returns the joints (P, T, 22, 3), metres, Y up, that Blender reads from the written file.

    Raises:
        MissingError: no Blender, or no pygltflib.
        IntermaskError: Blender failed.
    """
    with TemporaryDirectory(prefix="intermask-fbx-") as folder:
        glb, heads = Path(folder) / "people.glb", Path(folder) / "heads.npy"
        write_glb(glb, people, name, names, leaf_bones)
        run_in_blender(_SCRIPT, str(glb), str(path), str(heads), ",".join(names.joints), what="FBX")
        joints: np.ndarray = np.load(heads, allow_pickle=False)
        return joints
