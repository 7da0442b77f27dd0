"""What the tokenizer loses: joint error without alignment, distance of joined hands, use of the codebook."""

from __future__ import annotations

import numpy as np

from benchmarks.bundled_model.bench import Bench
from benchmarks.bundled_model.figures import Figure, Goal, mean
from benchmarks.bundled_model.labels import hits, label_figures
from benchmarks.bundled_model.touch import contacts_of, joined
from intermask_cli.console import counter
from intermask_cli.motion.physics import physics_table
from intermask_cli.motion.skeleton import JOINT

WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]


def measure(bench: Bench) -> list[Figure]:
    """Every single-phase clip through the tokenizer and back."""
    clips = bench.clips.single
    rebuilt, codes = [], []
    with counter("reconstruct", len(clips), "clips") as progress:
        for clip in clips:
            result = bench.model.reconstruct(clip.joints, clip.rotations6d)
            rebuilt.append(result.joints)
            codes.append(result.tokens.reshape(-1))
            progress.advance()
    errors = [
        np.linalg.norm(r - c.joints, axis=-1) * 1000 for r, c in zip(rebuilt, clips, strict=True)
    ]  # (2, T, 22)
    hands = [
        1000 * np.abs(joined(r, c) - joined(c.joints, c)).mean()
        for r, c in zip(rebuilt, clips, strict=True)
        if contacts_of(c, hands_only=True)
    ]
    used = np.unique(np.concatenate(codes))
    size = bench.model.info.tokenizer.codebook_size
    use = float((used >= 0).sum() / size)
    physics = physics_table(rebuilt)
    skate, jerk = "foot_skate_mm_per_frame", "jerk_m_per_s3"
    truth = hits([clip.joints for clip in clips], clips, bench.reader)
    return [
        mean("joint error, unaligned", [e.mean() for e in errors], unit="mm", goal=Goal(25.0)),
        mean("wrist error, unaligned", [e[:, :, WRISTS].mean() for e in errors], unit="mm"),
        mean("joined hands: distance off", hands, unit="mm", goal=Goal(40.0)),
        Figure("codebook used", use, unit="%", goal=Goal(0.9, at_least=True), count=len(clips)),
        mean("jerk", physics[jerk], bench.truth_physics[jerk], "m/s³"),
        mean("foot skate", physics[skate], bench.truth_physics[skate], "mm/frame"),
        *label_figures("reconstruction", hits(rebuilt, clips, bench.reader), truth, {}),
    ]
