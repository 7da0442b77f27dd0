"""Program of `scene_program`: nodes and baked animations of an FBX file, by pufbx."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.motion_files.keyed_scene import MAX_NODES, PROPERTIES, KeyedScene, Track, rate_of
from intermask_cli.datasets.motion_files.scene_program import save_scene
from intermask_cli.motion.skeleton import FPS


def main(source: str, target: str) -> None:
    """Read the file `source` and write the scene to `target`."""
    import pufbx

    scene = pufbx.load_fbx(source)
    nodes = _parents_first(scene.root_node)
    number = {node.typed_id: index for index, node in enumerate(nodes)}
    animations = []
    for stack in scene.anim_stacks:
        baked = pufbx.bake_anim(scene, stack.anim, resample_rate=_rate(stack.anim))
        tracks = [track for node in baked.modified_nodes for track in _tracks(node, number[node.typed_id])]
        animations.append((stack.name, tracks))
    rest = [node.local_transform for node in nodes]
    keyed = KeyedScene(
        names=tuple(node.name or "scene" for node in nodes),
        parents=tuple(-1 if node.parent is None else number[node.parent.typed_id] for node in nodes),
        bones=frozenset(index for index, node in enumerate(nodes) if node.bone is not None),
        things=frozenset(index for index, node in enumerate(nodes) if _holds_a_thing(node)),
        rest={name: np.array([getattr(one, name).as_list() for one in rest]) for name in PROPERTIES},
        animations=animations,
    )
    save_scene(keyed, Path(target))


def _parents_first(root: Any) -> list[Any]:
    nodes = [root]
    for node in nodes:  # grows on the way
        nodes += list(node.children)
        if len(nodes) > MAX_NODES:
            raise SystemExit(f"more than {MAX_NODES} nodes")
    return nodes


def _tracks(baked: Any, node: int) -> list[Track]:
    """The keys of a baked node."""
    tracks = []
    for name in PROPERTIES:
        keys = getattr(baked, f"{name}_keys")
        if len(keys):
            columns = [np.asarray(keys["value"][axis]) for axis in keys["value"].dtype.names]
            times = np.asarray(keys["time"], dtype=np.float64)
            tracks.append(Track(node, name, times, np.stack(columns, axis=1), "LINEAR"))
    return tracks


def _rate(animation: Any) -> float:
    """The rate at which the keys of the curves were set."""
    times = [
        np.asarray(curve.get_keyframes()["time"], dtype=np.float64)
        for layer in animation.layers
        for value in layer.anim_values
        for curve in value.curves
        if curve is not None
    ]
    return rate_of([one for one in times if len(one) > 1]) or float(FPS)


def _holds_a_thing(node: Any) -> bool:
    return node.mesh is not None or node.camera is not None or node.light is not None


if __name__ == "__main__":
    main(*sys.argv[1:])
