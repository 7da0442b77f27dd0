"""Planted faults: which metric sees which mistake. The evaluator's proof, kept in docs/guides/evaluate.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from evaluators.data.sets import InteractionSet
from evaluators.protocols.evaluation import Scorer, physics_of
from evaluators.protocols.scoring import METRICS, MetricScore
from evaluators.reports.report import physics_means
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.placement import heading

Fault = Callable[[InteractionSet], InteractionSet]
SHOWN_PHYSICS = (
    "foot_skate_mm_per_frame",
    "jerk_m_per_s3",
    "penetration_mm",
    "contact_ratio",
    "smallest_distance_mm",
)
OFFSET_M = 0.10


def _each(change: Callable[[np.ndarray], np.ndarray]) -> Fault:
    """A fault of every motion's joints (2, T, 22, 3); rotations are left out, as nothing here reads them."""

    def apply(interactions: InteractionSet) -> InteractionSet:
        motions = [
            Motion(np.ascontiguousarray(change(m.joints), dtype=np.float32)) for m in interactions.motions
        ]
        return interactions.with_motions("faulty", motions)

    return apply


def swapped(joints: np.ndarray) -> np.ndarray:
    """Who was person 1 is person 2."""
    return joints[::-1]


def frozen_partner(joints: np.ndarray) -> np.ndarray:
    """Person 2 stays in the first pose."""
    still = joints.copy()
    still[1] = still[1, :1]
    return still


def reversed_in_time(joints: np.ndarray) -> np.ndarray:
    """Played backwards."""
    return joints[:, ::-1]


def moved_away(joints: np.ndarray) -> np.ndarray:
    """Person 2 stands 10 cm further in the direction away from person 1 (of the first frame)."""
    moved = joints.copy()
    away = joints[1, 0, 0] - joints[0, 0, 0]
    away = np.array([away[0], 0.0, away[2]])
    length = float(np.linalg.norm(away))
    if length < 1e-6:
        yaw = heading(joints[0, 0])
        away, length = np.array([np.sin(yaw), 0.0, np.cos(yaw)]), 1.0
    moved[1] += (OFFSET_M * away / length).astype(joints.dtype)
    return moved


def wrong_caption(interactions: InteractionSet) -> InteractionSet:
    """Every motion gets the caption of another, the same shift for all."""
    shift = len(interactions) // 2 or 1
    mentions = interactions.mentions
    return interactions.with_motions(
        "faulty",
        interactions.motions,
        prompts=interactions.prompts[shift:] + interactions.prompts[:shift],
        mentions=None if mentions is None else mentions[shift:] + mentions[:shift],
    )


def noisy(interactions: InteractionSet) -> InteractionSet:
    """2 cm of independent noise on every joint and frame."""
    rng = np.random.default_rng(0)
    motions = [
        Motion(m.joints + rng.normal(size=m.joints.shape).astype(np.float32) * 0.02)
        for m in interactions.motions
    ]
    return interactions.with_motions("faulty", motions)


FAULTS: dict[str, Fault] = {
    "none (ground truth)": lambda interactions: interactions,
    "persons exchanged": _each(swapped),
    "wrong caption": wrong_caption,
    "partner frozen": _each(frozen_partner),
    "played backwards": _each(reversed_in_time),
    "person 2 moved by 10 cm": _each(moved_away),
    "2 cm noise": noisy,
}


def sensitivity_table(scorer: Scorer) -> dict[str, dict[str, Any]]:
    """Scores and physics of the reference with every fault: {fault: {metric: MetricScore, column: float}}."""
    table: dict[str, dict[str, Any]] = {}
    for name, fault in FAULTS.items():
        faulty = fault(scorer.reference)
        physics = physics_means(physics_of(faulty))
        table[name] = {**scorer.row(faulty), **{column: physics[column] for column in SHOWN_PHYSICS}}
    return table


def sensitivity_markdown(table: Mapping[str, Mapping[str, Any]]) -> str:
    """The table as Markdown."""
    metrics = [m for m in METRICS if m != "MModality"]
    lines = [
        "| fault | " + " | ".join([*metrics, *SHOWN_PHYSICS]) + " |",
        "| --- " * (1 + len(metrics) + len(SHOWN_PHYSICS)) + "|",
    ]
    for name, row in table.items():
        cells = [_cell(row[metric]) for metric in metrics]
        cells += ["-" if row[column] is None else f"{row[column]:.3g}" for column in SHOWN_PHYSICS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(score: MetricScore) -> str:
    return "-" if score.absent else f"{score.mean:.3f}"
