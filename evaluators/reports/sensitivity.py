"""Sensitivity test of an evaluator: which metric reacts to which corruption of real motion?

`evaluate --faults` runs it; results for the bundled evaluator are in docs/guides/evaluate.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from evaluators.data.sets import InteractionSet
from evaluators.networks.canonical import swap_persons
from evaluators.protocols.evaluation import Scorer, physics_of
from evaluators.protocols.scoring import MetricScore
from evaluators.reports.report import physics_means
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.placement import heading

Corruption = Callable[[InteractionSet], InteractionSet]
SHOWN_PHYSICS = (
    "foot_skate_mm_per_frame",
    "jerk_m_per_s3",
    "penetration_mm",
    "contact_ratio",
    "smallest_distance_mm",
)
#: Distance by which `moved_away` moves a person.
OFFSET_M = 0.10
#: Standard deviation of the noise of `noisy`.
NOISE_M = 0.02
#: Persons whose roots start nearer than this have no direction from one to the other.
_MIN_GAP_M = 1e-6


def _each(change: Callable[[np.ndarray], np.ndarray]) -> Corruption:
    """A change of every motion's joints (2, T, 22, 3); rotations are left out, as no test reads them."""

    def apply(interactions: InteractionSet) -> InteractionSet:
        motions = [
            Motion(np.ascontiguousarray(change(m.joints), dtype=np.float32)) for m in interactions.motions
        ]
        return interactions.with_motions("corrupted", motions)

    return apply


def frozen_partner(joints: np.ndarray) -> np.ndarray:
    """Joints (2, T, 22, 3) in which person 1 stays in the first pose."""
    still = joints.copy()
    still[1] = still[1, :1]
    return still


def reversed_in_time(joints: np.ndarray) -> np.ndarray:
    """Joints (2, T, 22, 3) played backwards."""
    return joints[:, ::-1]


def moved_away(joints: np.ndarray) -> np.ndarray:
    """Joints (2, T, 22, 3) in which person 1 is OFFSET_M farther away from person 0 as seen in frame 0."""
    moved = joints.copy()
    away = joints[1, 0, 0] - joints[0, 0, 0]
    away = np.array([away[0], 0.0, away[2]])
    length = float(np.linalg.norm(away))
    if length < _MIN_GAP_M:
        yaw = heading(joints[0, 0])
        away, length = np.array([np.sin(yaw), 0.0, np.cos(yaw)]), 1.0
    moved[1] += (OFFSET_M * away / length).astype(joints.dtype)
    return moved


def wrong_caption(interactions: InteractionSet) -> InteractionSet:
    """Every motion gets the caption of another, the same shift for all."""
    shift = len(interactions) // 2 or 1
    mentions = interactions.mentions
    return interactions.with_motions(
        "corrupted",
        interactions.motions,
        prompts=interactions.prompts[shift:] + interactions.prompts[:shift],
        mentions=None if mentions is None else mentions[shift:] + mentions[:shift],
    )


def noisy(interactions: InteractionSet) -> InteractionSet:
    """Independent noise with standard deviation NOISE_M on every joint and frame."""
    rng = np.random.default_rng(0)
    motions = [
        Motion(m.joints + rng.normal(size=m.joints.shape).astype(np.float32) * NOISE_M)
        for m in interactions.motions
    ]
    return interactions.with_motions("corrupted", motions)


#: Corruptions by their names in reports and JSON.
CORRUPTIONS: dict[str, Corruption] = {
    "none (ground truth)": lambda interactions: interactions,
    "persons exchanged": _each(swap_persons),
    "wrong caption": wrong_caption,
    "partner frozen": _each(frozen_partner),
    "played backwards": _each(reversed_in_time),
    "person 2 moved by 10 cm": _each(moved_away),
    "2 cm noise": noisy,
}


def sensitivity_table(scorer: Scorer) -> dict[str, dict[str, Any]]:
    """Metrics and physics of the corrupted reference: {corruption: {metric: MetricScore, column: float}}."""
    table: dict[str, dict[str, Any]] = {}
    for name, corrupt in CORRUPTIONS.items():
        corrupted = corrupt(scorer.reference)
        physics = physics_means(physics_of(corrupted))
        table[name] = {**scorer.row(corrupted), **{column: physics[column] for column in SHOWN_PHYSICS}}
    return table


def sensitivity_markdown(table: Mapping[str, Mapping[str, Any]]) -> str:
    """The table as Markdown."""
    columns = [name for name in next(iter(table.values())) if name != "MModality"]
    lines = ["| fault | " + " | ".join(columns) + " |", "| --- " * (1 + len(columns)) + "|"]
    lines += [
        f"| {name} | " + " | ".join(_cell(row[c]) for c in columns) + " |" for name, row in table.items()
    ]
    return "\n".join(lines)


def plain_sensitivity(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """The table as plain values: the mean of a metric, None where it is absent."""

    def plain(value: MetricScore | float | None) -> float | None:
        if isinstance(value, MetricScore):
            return None if value.absent else value.mean
        return value

    return {name: {column: plain(value) for column, value in row.items()} for name, row in table.items()}


def _cell(value: MetricScore | float | None) -> str:
    if isinstance(value, MetricScore):
        return "-" if value.absent else f"{value.mean:.3f}"
    return "-" if value is None else f"{value:.3g}"
