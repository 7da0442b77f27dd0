"""Program of `scene_program`: skeletons and their animations of a USD file, by usd-core (UsdSkel)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.motion_files.keyed_scene import MAX_NODES, PROPERTIES, KeyedScene, Track
from intermask_cli.datasets.motion_files.scene_program import save_scene
from intermask_cli.motion.rotation import normalize, quaternion_wxyz_from_matrix


def main(source: str, target: str) -> None:
    """Read the file `source` and write the scene to `target`; the first node has the unit as its scale."""
    from pxr import Usd, UsdGeom, UsdSkel

    stage = Usd.Stage.Open(source)
    if stage is None:
        raise SystemExit("cannot be opened")
    metres = UsdGeom.GetStageMetersPerUnit(stage)
    turned = UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z
    # Z up -> Y up: a quarter turn about X.
    top = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0.0]]) if turned else np.eye(3)
    names, parents, rest = ["scene"], [-1], [_transform(top * metres)]
    bones: list[int] = []
    tracks: list[Track] = []
    cache = UsdSkel.Cache()
    for prim in stage.Traverse():
        if prim.IsA(UsdSkel.Root):
            cache.Populate(UsdSkel.Root(prim), Usd.PrimDefaultPredicate)
    for prim in stage.Traverse():
        if not prim.IsA(UsdSkel.Skeleton):
            continue
        query = cache.GetSkelQuery(UsdSkel.Skeleton(prim))
        animation = query.GetAnimQuery() if query else None
        if not animation:
            continue
        times = np.array(animation.GetJointTransformTimeSamples())
        first = len(names)
        names += [prim.GetName(), *(str(joint).rpartition("/")[2] for joint in query.GetJointOrder())]
        topology = query.GetTopology()
        parents += [0, *(first + 1 + topology.GetParent(k) for k in range(topology.GetNumJoints()))]
        if len(names) > MAX_NODES:
            raise SystemExit(f"more than {MAX_NODES} joints")
        world = UsdGeom.XformCache(times[0] if len(times) else 0).GetLocalToWorldTransform(prim)
        rest += [_columns([world])[0], *_columns(query.ComputeJointLocalTransforms(0, True))]
        bones += range(first + 1, len(names))
        local = np.stack([_columns(query.ComputeJointLocalTransforms(time)) for time in times])
        seconds = times / stage.GetTimeCodesPerSecond()
        for joint in range(local.shape[1]):
            parts = _parts(local[:, joint])
            tracks += [Track(first + 1 + joint, name, seconds, parts[name], "LINEAR") for name in PROPERTIES]
    parts = _parts(np.stack(rest))
    animations = [("animation", tracks)] if tracks else []
    scene = KeyedScene(tuple(names), tuple(parents), frozenset(bones), frozenset(), parts, animations)
    save_scene(scene, Path(target))


def _columns(matrices: Any) -> np.ndarray:
    """Matrices of USD, which act on rows -> (N, 4, 4) that act on columns."""
    return np.swapaxes(np.array([np.array(matrix) for matrix in matrices]), -1, -2)


def _transform(matrix: np.ndarray) -> np.ndarray:
    """(3, 3) -> (4, 4)."""
    transform = np.eye(4)
    transform[:3, :3] = matrix
    return transform


def _parts(transforms: np.ndarray) -> dict[str, np.ndarray]:
    """Transforms (N, 4, 4) without shear or reflection -> translation, rotation xyzw and scale of each."""
    scale = np.linalg.norm(transforms[:, :3, :3], axis=1)
    turns = quaternion_wxyz_from_matrix(transforms[:, :3, :3] / np.maximum(scale, 1e-12)[:, None, :])
    rotation = normalize(np.roll(turns, -1, axis=-1))
    return {"translation": transforms[:, :3, 3], "rotation": rotation, "scale": scale}


if __name__ == "__main__":
    main(*sys.argv[1:])
