"""Scenes read by native libraries, in a process of its own: a damaged file may crash native code.

A program is a module of this package, run as `python -m MODULE IN OUT.npz`. It writes its `KeyedScene` as
plain arrays: names (N,), parents (N,), bones and things as node numbers, rest (N, 10): translation, rotation
xyzw and scale; animations (A,) names; tracks (M, 4): animation, node, property, number of keys; times (K,)
and values (K, 4) of all tracks, one after the other.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.keyed_scene import PROPERTIES, KeyedScene, Track
from intermask_cli.errors import InputError

#: A capture of an hour takes a minute.
_TIMEOUT_S = 300


def scene_by_program(module: str, path: Path, file_type: str) -> KeyedScene:
    """The scene that a module reads from a file; InputError where it fails, crashes or takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "scene.npz"
        try:
            result = subprocess.run(
                [sys.executable, "-m", module, str(path.resolve()), str(out)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            raise InputError(f"reading it took more than {_TIMEOUT_S} s and was stopped") from None
        if result.returncode != 0 or not out.is_file():
            lines = result.stderr.strip().splitlines()
            reason = lines[-1] if lines else f"its reader ended with code {result.returncode}"
            raise InputError(f"truncated or damaged {file_type} ({reason[:160]})")
        return load_scene(out)


def save_scene(scene: KeyedScene, out: Path) -> None:
    """Write what `scene_by_program` reads; of linear tracks only."""
    tracks, times, values = [], [np.empty(0)], [np.empty((0, 4))]
    for number, (_, listed) in enumerate(scene.animations):
        for track in listed:
            tracks.append((number, track.node, list(PROPERTIES).index(track.path), len(track.times)))
            times.append(track.times)
            values.append(np.pad(track.values, ((0, 0), (0, 4 - track.values.shape[1]))))
    np.savez(
        out,
        names=np.array(scene.names, dtype=np.str_),
        parents=np.array(scene.parents, dtype=np.int64),
        bones=np.array(sorted(scene.bones), dtype=np.int64),
        things=np.array(sorted(scene.things), dtype=np.int64),
        rest=np.concatenate([scene.rest[name] for name in PROPERTIES], axis=1),
        animations=np.array([name for name, _ in scene.animations], dtype=np.str_),
        tracks=np.array(tracks, dtype=np.int64).reshape(-1, 4),
        times=np.concatenate(times),
        values=np.concatenate(values),
    )


def load_scene(path: Path) -> KeyedScene:
    with np.load(path, allow_pickle=False) as arrays:
        rest, times, values = arrays["rest"], arrays["times"], arrays["values"]
        animations: list[tuple[str, list[Track]]] = [(str(name), []) for name in arrays["animations"]]
        start = 0
        for animation, node, number, keys in arrays["tracks"].tolist():
            name, width = list(PROPERTIES.items())[number]
            part = slice(start, start + keys)
            animations[animation][1].append(Track(node, name, times[part], values[part, :width], "LINEAR"))
            start += keys
        return KeyedScene(
            names=tuple(str(name) for name in arrays["names"]),
            parents=tuple(arrays["parents"].tolist()),
            bones=frozenset(arrays["bones"].tolist()),
            things=frozenset(arrays["things"].tolist()),
            rest={"translation": rest[:, :3], "rotation": rest[:, 3:7], "scale": rest[:, 7:]},
            animations=animations,
        )
