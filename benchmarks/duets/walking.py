"""How people walk: step length, knee, heel rise, pelvis and arms, of captured walks and of Duets.

Lengths are shares of the own leg, so that bodies compare; walks compare at the same speed in legs a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.timing import softened
from intermask_cli.motion.curves import runs_of_true
from intermask_cli.motion.physics import foot_skate_mm_per_frame
from intermask_cli.motion.skeleton import FPS, JOINT

#: Kinds in which people walk straight on with free arms, and the manner that leaves the arms free.
WALKS = {"follow": None, "walk_side_by_side": "apart", "pass_by": None}
#: Figure -> (unit, how far Duets may be from captured walks: a share of theirs, or a difference).
FIGURES = {
    "steps a second": ("", "25 %"),
    "step length": ("legs", "25 %"),
    "knee at its straightest": ("degrees", 4.0),
    "knee in swing": ("degrees", "25 %"),
    "ankle lift": ("legs", "25 %"),
    "pelvis up and down": ("legs", 0.018),
    "pelvis from side to side": ("legs", None),
    "pelvis turned": ("degrees", None),
    "chest turned": ("degrees", None),
    "wrist swing": ("legs", "25 %"),
    "elbow": ("degrees", "25 %"),
    "foot skate": ("mm/frame", None),
}
#: Shortest steady walk that is measured, frames: somewhat more than a stride.
_SHORTEST = 36
#: Share of the highest speed from which a walk counts as steady.
_STEADY = 0.85


def _flexion(joints: np.ndarray, first: str, hinge: str, last: str) -> np.ndarray:
    """Flexion (T,) of a hinge in degrees, 0 for a straight limb; joints (T, 22, 3)."""
    upper = joints[:, JOINT[hinge]] - joints[:, JOINT[first]]
    lower = joints[:, JOINT[last]] - joints[:, JOINT[hinge]]
    cosine = (upper * lower).sum(-1) / np.linalg.norm(upper, axis=-1) / np.linalg.norm(lower, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))


def _range(values: np.ndarray) -> float:
    """From the 5th to the 95th percentile over time, the trend taken out; (T,)."""
    t = np.arange(len(values))
    level = values - np.polyval(np.polyfit(t, values, 1), t)
    return float(np.ptp(np.percentile(level, (5, 95))))


def leg_length(joints: np.ndarray) -> float:
    """Mean length in metres of hip to knee to ankle; joints (T, 22, 3)."""
    bones = [
        np.linalg.norm(joints[:, JOINT[f"{side}_{a}"]] - joints[:, JOINT[f"{side}_{b}"]], axis=-1)
        for side in ("left", "right")
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    return float(np.mean(bones)) * 2


def steady(joints: np.ndarray) -> np.ndarray | None:
    """The longest steady stretch of a walk (T, 22, 3), or None where there is none of a stride."""
    velocity = np.gradient(joints[:, 0][:, [0, 2]], axis=0) * FPS
    speed = np.linalg.norm(softened(velocity, 10, axis=0), axis=-1)
    runs = runs_of_true(speed >= _STEADY * speed.max())
    start, stop = max(runs, key=lambda run: run[1] - run[0])
    return joints[start:stop] if stop - start >= _SHORTEST else None


def walk_figures(joints: np.ndarray) -> dict[str, float]:
    """Figures of a steady walk (T, 22, 3) metres, and its "speed" in legs a second."""
    joints = joints.astype(np.float64)
    leg = leg_length(joints)
    travel = joints[-1, 0] - joints[0, 0]
    way = travel * np.array([1.0, 0.0, 1.0])
    ahead = way / np.linalg.norm(way)
    left = np.array([ahead[2], 0.0, -ahead[0]])
    apart = (joints[:, JOINT["left_ankle"]] - joints[:, JOINT["right_ankle"]]) @ ahead
    crossings = np.flatnonzero(np.diff(np.sign(apart)))
    steps = [float(np.abs(apart[a : b + 1]).max()) for a, b in pairwise(crossings)]
    own = joints - joints[:, :1]
    sides = ("left", "right")

    def turned(first: str, second: str) -> float:
        across = joints[:, JOINT[first]] - joints[:, JOINT[second]]
        return _range(np.degrees(np.arctan2(across @ ahead, across @ left)))

    knees = np.concatenate([_flexion(joints, f"{s}_hip", f"{s}_knee", f"{s}_ankle") for s in sides])
    elbows = np.concatenate([_flexion(joints, f"{s}_shoulder", f"{s}_elbow", f"{s}_wrist") for s in sides])
    lifts = [np.ptp(np.percentile(joints[:, JOINT[f"{s}_ankle"], 1], (5, 95))) for s in sides]
    seconds = np.diff(crossings).mean() / FPS if steps else np.nan
    return {
        "speed": float(np.linalg.norm(way)) / leg * FPS / (len(joints) - 1),
        "steps a second": float(1.0 / seconds),
        "step length": float(np.mean(steps)) / leg if steps else np.nan,
        "knee at its straightest": float(np.percentile(knees, 5)),
        "knee in swing": float(np.percentile(knees, 95)),
        "ankle lift": float(np.mean(lifts)) / leg,
        "pelvis up and down": _range(joints[:, 0, 1]) / leg,
        "pelvis from side to side": _range(joints[:, 0] @ left) / leg,
        "pelvis turned": turned("left_hip", "right_hip"),
        "chest turned": turned("left_shoulder", "right_shoulder"),
        "wrist swing": float(np.mean([_range(own[:, JOINT[f"{s}_wrist"]] @ ahead) for s in sides])) / leg,
        "elbow": float(np.median(elbows)),
        "foot skate": float(foot_skate_mm_per_frame(joints)),
    }


def captured_walks(folder: Path) -> list[dict[str, float]]:
    """Figures of the captured walks laid out like `shared/data/cmu-walks`."""
    trials = [np.load(path)["positions"] for path in sorted(folder.glob("trials/*.npz"))]
    return [walk_figures(trial) for trial in trials]


def duets_walks(seed: int, clips: int) -> dict[str, list[dict[str, float]]]:
    """Figures of both people of straight walks of the corpus, by tempo: slow, normal, fast."""
    found: dict[str, list[dict[str, float]]] = {"slow": [], "normal": [], "fast": []}
    for kind, manner in WALKS.items():
        for index in range(clips):
            clip = make_clip(seed, index, kind)
            if clip.labels.side is not None or manner not in (None, clip.labels.manner):
                continue
            parts = [steady(person) for person in clip.joints.astype(np.float64)]
            found[clip.labels.tempo] += [walk_figures(part) for part in parts if part is not None]
    return found


def at_speed(walks: Sequence[dict[str, float]], name: str, speed: float) -> float:
    """A figure of the captured walks at a speed: a straight line through all of them."""
    speeds, values = ([walk[key] for walk in walks] for key in ("speed", name))
    return float(np.polyval(np.polyfit(speeds, values, 1), speed))


def walks_table(folder: Path, seed: int, clips: int) -> str:
    """Markdown: figures of Duets by tempo next to captured walks of the same speed, and what is allowed."""
    real = captured_walks(folder)
    columns = {tempo: walks for tempo, walks in duets_walks(seed, clips).items() if walks}
    speeds = {tempo: float(np.mean([walk["speed"] for walk in walks])) for tempo, walks in columns.items()}
    titles = [f"{tempo}, {speeds[tempo]:.2f} legs/s ({len(walks)})" for tempo, walks in columns.items()]
    lines = [
        f"| Duets / {len(real)} captured walks | {' | '.join(titles)} | allowed |",
        f"| --- |{' --- |' * (len(columns) + 1)}",
    ]
    for name, (unit, allowed) in FIGURES.items():
        form = ".2f" if unit in ("legs", "", "mm/frame") else ".0f"
        cells = []
        for tempo, walks in columns.items():
            ours, theirs = float(np.nanmean([w[name] for w in walks])), at_speed(real, name, speeds[tempo])
            cells.append(f"{ours:{form}} / {theirs:{form}}")
        title = f"{name}, {unit}" if unit else name
        lines.append(f"| {title} | {' | '.join(cells)} | {'' if allowed is None else allowed} |")
    return "\n".join(lines)
