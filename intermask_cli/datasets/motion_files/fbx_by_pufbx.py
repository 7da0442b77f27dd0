"""Run as a program: nodes and baked animations of an FBX file as plain arrays, `IN.fbx OUT.npz`.

Writes names (N,), parents (N,), bones and things (N,) of bool, rest (N, 10): translation, rotation xyzw and
scale; animations (A,) names; tracks (M, 4): animation, node, property, number of keys; times (K,) seconds and
values (K, 4) of all tracks, one after the other.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from intermask_cli.datasets.motion_files.keyed_scene import MAX_NODES, rate_of
from intermask_cli.motion.skeleton import FPS


def main(source: str, target: str) -> None:
    """Read the file `source` and write the arrays to `target`."""
    import pufbx

    scene = pufbx.load_fbx(source)
    nodes = _parents_first(scene.root_node)
    number = {node.typed_id: index for index, node in enumerate(nodes)}
    tracks: list[tuple[int, int, int, int]] = []
    times: list[np.ndarray] = [np.empty(0)]
    values: list[np.ndarray] = [np.empty((0, 4))]
    names = []
    for index, stack in enumerate(scene.anim_stacks):
        names.append(stack.name)
        baked = pufbx.bake_anim(scene, stack.anim, resample_rate=_rate(stack.anim))
        for node in baked.modified_nodes:
            keys_of = (node.translation_keys, node.rotation_keys, node.scale_keys)
            for path, keys in enumerate(keys_of):
                if not len(keys):
                    continue
                tracks.append((index, number[node.typed_id], path, len(keys)))
                times.append(np.asarray(keys["time"], dtype=np.float64))
                columns = [np.asarray(keys["value"][name]) for name in keys["value"].dtype.names]
                values.append(np.zeros((len(keys), 4)))
                values[-1][:, : len(columns)] = np.stack(columns, axis=1)
    np.savez(
        target,
        names=np.array([node.name or "scene" for node in nodes]),
        parents=np.array([-1 if node.parent is None else number[node.parent.typed_id] for node in nodes]),
        bones=np.array([node.bone is not None for node in nodes]),
        things=np.array([_holds_a_thing(node) for node in nodes]),
        rest=np.array([_rest(node.local_transform) for node in nodes]),
        animations=np.array(names, dtype=np.str_),
        tracks=np.array(tracks, dtype=np.int64).reshape(-1, 4),
        times=np.concatenate(times),
        values=np.concatenate(values),
    )


def _parents_first(root: Any) -> list[Any]:
    nodes = [root]
    for node in nodes:  # grows on the way
        nodes += list(node.children)
        if len(nodes) > MAX_NODES:
            raise SystemExit(f"more than {MAX_NODES} nodes")
    return nodes


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


def _rest(transform: Any) -> list[float]:
    return [
        *transform.translation.as_list(),
        *transform.rotation.as_list(),
        *transform.scale.as_list(),
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
