"""How Duets moves compared with real people: `python -m benchmarks.duets.statistics`.

`--captures FOLDER` prints Markdown tables next to real dancers: acceleration and jerk of all joints, speeds
of hands, feet and pelvis, distance of the two, and the spread of postures, for core kinds, other kinds,
two-phase clips, and captures; then spread and jerk of each kind. `--walks FOLDER` prints one next to real
walks (`benchmarks.duets.walking`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.duets.walking import walks_table
from intermask_cli.datasets.captures import capture_clips
from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.labels import CORE_KINDS, KINDS, kind_set
from intermask_cli.motion.rotation import normalize
from intermask_cli.motion.skeleton import FPS, JOINT

WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]
FEET = [JOINT["left_foot"], JOINT["right_foot"]]
PELVIS = [JOINT["pelvis"]]
#: Frames of a moving mean over all joints, since captures carry the noise of markers.
WINDOW = 3


def smoothed(joints: np.ndarray) -> np.ndarray:
    """Joints (2, T, 22, 3) -> (2, T - 2, 22, 3), a moving mean."""
    return np.mean([joints[:, i : joints.shape[1] - WINDOW + 1 + i] for i in range(WINDOW)], axis=0)


def speed(joints: np.ndarray, names: Sequence[int], order: int = 1) -> np.ndarray:
    """Sizes of the derivative of that order over time, in metres and seconds."""
    return np.linalg.norm(np.diff(joints[:, :, names], order, axis=1), axis=-1).ravel() * FPS**order


def posture(joints: np.ndarray) -> np.ndarray:
    """Joints around the own pelvis in the own heading, divided by stature: (2 * T, 63)."""
    root = joints[:, :, :1]
    left = joints[:, :, JOINT["left_hip"]] - joints[:, :, JOINT["right_hip"]]
    left = normalize(left * np.array([1.0, 0.0, 1.0]))
    ahead = np.stack([-left[..., 2], np.zeros_like(left[..., 0]), left[..., 0]], -1)
    around = joints[:, :, 1:] - root
    own = np.stack(
        [(around * left[:, :, None]).sum(-1), around[..., 1], (around * ahead[:, :, None]).sum(-1)], -1
    )
    height = joints[:, :, JOINT["head"], 1].max(axis=1)[:, None, None, None]
    return (own / height).reshape(-1, 63)


def figures(clips: Sequence[np.ndarray]) -> dict[str, str]:
    """One column of the table: figure -> text, medians and 95th percentiles over all frames."""
    soft = [smoothed(clip.astype(np.float64)) for clip in clips]

    def quantiles(values: Sequence[np.ndarray], form: str) -> str:
        every = np.concatenate(values)
        return " / ".join(format(np.percentile(every, q), form) for q in (50, 95))

    everything = list(range(22))
    poses = np.concatenate([posture(clip) for clip in soft])
    apart = [np.linalg.norm((c[0, :, 0] - c[1, :, 0])[:, [0, 2]], axis=-1) for c in soft]
    return {
        "clips": str(len(clips)),
        "acceleration m/s2": quantiles([speed(c, everything, 2) for c in soft], ".1f"),
        "jerk m/s3": quantiles([speed(c, everything, 3) for c in soft], ".0f"),
        "wrist speed m/s": quantiles([speed(c, WRISTS) for c in soft], ".2f"),
        "foot speed m/s": quantiles([speed(c, FEET) for c in soft], ".2f"),
        "pelvis speed m/s": quantiles([speed(c, PELVIS) for c in soft], ".2f"),
        "pelvis to pelvis m": quantiles(apart, ".2f"),
        "posture spread, 1/1000 stature": f"{spread(poses):.0f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captures", type=Path, help="folder laid out like the CMU duets")
    parser.add_argument("--walks", type=Path, help="folder laid out like the CMU walks")
    parser.add_argument("--clips", type=int, default=10, help="clips per kind")
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    if options.walks is None and options.captures is None:
        parser.error("name --walks FOLDER, --captures FOLDER, or both")
    if options.walks is not None:
        print(walks_table(options.walks, options.seed, 4 * options.clips))
    if options.captures is not None:
        print(dancers_table(options.captures, options.seed, options.clips), end="\n\n")
        print(kinds_table(options.captures, options.seed, options.clips))


def spread(poses: np.ndarray) -> float:
    """How much postures (N, 63) differ, thousandths of the stature: root mean square over the coordinates."""
    return 1000 * float(np.sqrt(poses.var(axis=0).mean()))


def kinds_table(folder: Path, seed: int, clips: int) -> str:
    """Markdown: spread of postures and jerk of each kind; first frames show how people stand before."""
    columns = {kind: [make_clip(seed, i, kind).joints for i in range(clips)] for kind in KINDS}
    columns["salsa captures"] = _captures(folder)
    lines = [
        "| kind | posture spread | of first frames | jerk m/s3, median / 95 % |",
        "| --- | --- | --- | --- |",
    ]
    for name, joints in columns.items():
        soft = [smoothed(clip.astype(np.float64)) for clip in joints]
        every, first = ([posture(clip[:, :end]) for clip in soft] for end in (None, 1))
        jerk = np.concatenate([speed(clip, list(range(22)), 3) for clip in soft])
        middle, high = np.percentile(jerk, (50, 95))
        lines.append(
            f"| {name} | {spread(np.concatenate(every)):.0f} | {spread(np.concatenate(first)):.0f} "
            f"| {middle:.0f} / {high:.0f} |"
        )
    return "\n".join(lines)


def _captures(folder: Path) -> list[np.ndarray]:
    """Windows of the dancers."""
    windows = [clip.joints for clip in capture_clips(folder, "test")]
    return windows + [clip.joints for clip in capture_clips(folder, "train")[::4]]


def dancers_table(folder: Path, seed: int, clips: int) -> str:
    """Markdown: kinds of the corpus, `clips` of each, next to captured dancers."""
    further = [kind for kind in KINDS if kind not in CORE_KINDS]
    numbers = range(clips)
    columns = {
        "core kinds": [make_clip(seed, i, k).joints for k in CORE_KINDS for i in numbers],
        "other kinds": [make_clip(seed, i, k).joints for k in further for i in numbers],
        "two phases": [make_clip(seed, i, kinds=kind_set("all", 1.0)).joints for i in range(6 * clips)],
        "salsa captures": _captures(folder),
    }
    table = {name: figures(column) for name, column in columns.items()}
    lines = [f"| median / 95 % | {' | '.join(table)} |", f"| --- |{' --- |' * len(table)}"]
    for row in next(iter(table.values())):
        lines.append(f"| {row} | {' | '.join(column[row] for column in table.values())} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
