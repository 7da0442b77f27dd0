"""Rows of figures and goals, and the tables that show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.body import measures
from intermask_cli.motion.body.solver import SolvedBodies
from intermask_cli.motion.motion import Motion


@dataclass(frozen=True)
class Row:
    """A figure as it is printed, and its goal: the most that `value` may be, or None."""

    name: str
    shown: str
    value: float | None = None
    at_most: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the goal is reached."""
        if self.value is None or self.at_most is None:
            return ""
        return f"{'yes' if self.value <= self.at_most else '**no**'} (≤ {self.at_most:g})"


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table."""
    lines = ["| | measured | goal |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {row.name} | {row.shown} | {row.verdict} |" for row in rows])


def spread(values: np.ndarray) -> str:
    """Mean / 95 % / worst."""
    return f"{values.mean():.2f} / {np.percentile(values, 95):.1f} / {values.max():.0f}"


def generated(before: Sequence[Motion], after: Sequence[SolvedBodies]) -> list[Row]:
    """Everything that is asked of decoded motion."""
    joints = [motion.joints for motion in before]
    off = measures.distances_mm(joints, after)
    wrists, meeting = off["wrist"], measures.meeting_change_mm(joints, after)
    feet, raised = measures.feet_off_mm(joints, after), measures.feet_off_mm(joints, after, above_m=0.10)
    slide, (soles, lowest) = measures.standing_slide_mm(after), measures.soles_mm(after)
    solved = [bodies.joints for bodies in after]
    skate = [measures.skate_mm_per_frame(clips) for clips in (joints, solved)]
    jerk_before, jerk_after = (measures.jerk_by_joint(clips) for clips in (joints, solved))
    ratio = float(jerk_after.mean() / jerk_before.mean())
    by_group = {n: float((jerk_after / jerk_before)[j].max()) for n, j in measures.GROUPS.items()}
    worst_joint = max(by_group, key=lambda name: by_group[name])
    turns = measures.turns_deg(after)
    fastest = max(turns, key=lambda name: turns[name])
    uneven, jerkiest = float(np.abs(soles).max()), by_group[worst_joint]
    far = 100 * float((wrists > 60).mean())
    near_meeting = float(np.percentile(meeting, 95))
    kinematics = measures.kinematics_error_mm(after)
    return [
        Row("joints off forward kinematics, worst, mm", f"{kinematics:.4f}", kinematics, 0.1),
        Row("wrists off, mean / 95 % / worst, mm", spread(wrists), float(wrists.mean()), 1.0),
        Row("… 95 %", f"{np.percentile(wrists, 95):.1f}", float(np.percentile(wrists, 95)), 3.0),
        Row("… by more than 60 mm, % of frames", f"{far:.3f}", far, 0.1),
        Row("distance of hands that meet changed, 95 %, mm", f"{near_meeting:.1f}", near_meeting, 6.0),
        Row("feet that do not stand off, mean, mm", f"{feet.mean():.0f}", float(feet.mean()), 20.0),
        Row("… of these decoded above 10 cm, as in kicks and hops", f"{raised.mean():.0f}"),
        Row("standing feet slide, worst, mm per frame", f"{slide.max():.2f}", float(slide.max()), 0.1),
        Row(
            "foot skate of `motion.physics`, mm per frame, before → after",
            f"{skate[0]:.1f} → {skate[1]:.2f}",
            skate[1],
            2.9,
        ),
        Row("soles off the floor in stands, worst, mm", f"{uneven:.2f}", uneven, 2.0),
        Row("deepest sole under the floor, mm", f"{max(-lowest, 0):.1f}", max(-lowest, 0.0), 5.0),
        Row(f"largest turn in a frame ({fastest}), degrees", f"{turns[fastest]:.1f}", turns[fastest], 40.0),
        Row(
            "jerk, m/s³, before → after, ratio",
            f"{jerk_before.mean():.0f} → {jerk_after.mean():.0f}, {ratio:.2f}",
            ratio,
            0.8,
        ),
        Row(f"… of the worst joint ({worst_joint}), ratio", f"{jerkiest:.2f}", jerkiest, 1.2),
        *(Row(f"{name} off, mean / 95 % / worst, mm", spread(off[name])) for name in _OTHERS),
    ]


_OTHERS = ("pelvis", "head", "shoulder", "elbow", "hip", "knee", "ankle", "foot")


def rigid(
    before: Sequence[np.ndarray], after: Sequence[SolvedBodies], alone: Sequence[SolvedBodies]
) -> list[Row]:
    """What is asked of bodies that are rigid already; `alone`: solved without planting and repair."""
    off, every = measures.distances_mm(before, after), measures.distances_mm(before, alone)
    wrists = float(np.percentile(off["wrist"], 95))
    worst = max(float(values.max()) for values in every.values())
    limits = {"wrist": 1.0, "ankle": 2.0, "foot": 2.0, "pelvis": 1.0, "head": 1.0}
    return [
        *(
            Row(f"{name} off, mean / 95 % / worst, mm", spread(off[name]), float(off[name].mean()), limit)
            for name, limit in limits.items()
        ),
        Row("wrist off, 95 %, mm", f"{wrists:.1f}", wrists, 5.0),
        Row("any joint without planting and repair, worst, mm", f"{worst:.1f}", worst, 6.0),
    ]
