"""Numbers that are measured on an interaction, by the names that conditions and tables give them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from intermask_cli.inference.interaction import Interaction, Seam
from intermask_cli.motion.physics import COLUMNS, MIN_FRAMES, physics
from intermask_cli.motion.skeleton import NUM_JOINTS

#: Jerk at the worst seam of a clip made window by window, relative to the rest of it; 1 without seams.
SEAM_JERK_RATIO = "seam_jerk_ratio"
#: All of them: physics of the generated persons, and the seams.
MEASURES = (*COLUMNS, SEAM_JERK_RATIO)
#: Those that 22 joints are needed for.
OF_JOINTS = COLUMNS


def measured(interaction: Interaction, names: Iterable[str]) -> dict[str, float]:
    """The `MEASURES` among `names`; physics is NaN for clips too short for it.

    Each interaction is measured by itself, so that no number depends on others. Raises ValueError for
    physics of bodies without 22 joints.
    """
    wanted = [name for name in MEASURES if name in set(names)]
    values = {SEAM_JERK_RATIO: seam_jerk_ratio(interaction.seams)}
    if set(wanted) & set(OF_JOINTS):
        if interaction.joints.shape[2] != NUM_JOINTS:
            raise ValueError(
                f"bodies of {interaction.joints.shape[2]} joints; physics is measured on {NUM_JOINTS}"
            )
        short = interaction.frames < MIN_FRAMES
        missing = dict.fromkeys(COLUMNS, math.nan)
        values |= missing if short else physics(interaction.joints, interaction.generated)
    return {name: values[name] for name in wanted}


def seam_jerk_ratio(seams: Iterable[Seam]) -> float:
    """Jerk at the worst seam relative to that of the rest of the clip; 1 without seams."""
    return max((seam.jerk / max(seam.typical_jerk, 1e-9) for seam in seams), default=1.0)
