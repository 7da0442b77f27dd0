"""Names of the figures in tables and plots, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass

HIGHER, LOWER, NEITHER = "higher", "lower", ""


@dataclass(frozen=True)
class Metric:
    """How a figure is shown."""

    title: str
    better: str
    digits: int

    def text(self, value: float) -> str:
        """The value in the table's number of digits."""
        return f"{value:,.{self.digits}f}"


METRICS = {
    "mpjpe_mm": Metric("joint error mm", LOWER, 0),
    "hand_gap_mm": Metric("hand distance error mm", LOWER, 0),
    "fid": Metric("FID", LOWER, 2),
    "r1": Metric("R@1", HIGHER, 3),
    "r3": Metric("R@3", HIGHER, 3),
    "kind": Metric("kind", HIGHER, 2),
    "role": Metric("role", HIGHER, 2),
    "role_geometry": Metric("role (geometry)", HIGHER, 2),
    "all_hidden_ce": Metric("CE, all hidden", LOWER, 3),
    "partner_hidden_ce": Metric("CE, partner hidden", LOWER, 3),
    "accuracy_30": Metric("accuracy, 30 % hidden", HIGHER, 3),
    "accuracy_70": Metric("accuracy, 70 % hidden", HIGHER, 3),
    "reaction_r1": Metric("reaction R@1", HIGHER, 3),
    "reaction_fid": Metric("reaction FID", LOWER, 2),
    "reaction_kind": Metric("reaction kind", HIGHER, 2),
    "jerk_ratio": Metric("jerk ratio", NEITHER, 2),
    "skate_ratio": Metric("foot skate ratio", LOWER, 1),
    "codebook_use": Metric("codebook used", NEITHER, 2),
    "tokens_per_second": Metric("tokens/s", NEITHER, 1),
    "parameters": Metric("parameters", NEITHER, 0),
    "passes": Metric("passes", LOWER, 0),
    "cpu_seconds_per_clip": Metric("CPU s/clip", LOWER, 2),
}
