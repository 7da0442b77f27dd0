"""What the tokenizer loses: joint error without alignment, distance of joined hands, use of the codebook."""

from __future__ import annotations

import numpy as np

from benchmarks.bundled_model.bench import ModelBench
from benchmarks.bundled_model.contacts import contacts_of, hand_gap_error_mm
from benchmarks.bundled_model.figures import Figure, Goal, label_figures, mean
from benchmarks.judges.label_hits import label_hits
from intermask_cli.console import counter
from intermask_cli.motion.physics import physics_table
from intermask_cli.motion.skeleton import JOINT

WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]


def measure(bench: ModelBench) -> list[Figure]:
    """Every single-phase clip through the tokenizer and back."""
    clips = bench.clips.single
    rebuilt, codes = [], []
    with counter("reconstruct", len(clips), "clips") as progress:
        for clip in clips:
            result = bench.model.reconstruct(clip.joints, clip.rotations6d)
            rebuilt.append(result.joints)
            codes.append(result.tokens.reshape(-1))
            progress.advance()
    pairs = list(zip(rebuilt, clips, strict=True))
    errors = [1000 * np.linalg.norm(r - clip.joints, axis=-1) for r, clip in pairs]  # (2, T, 22) each
    hands = [hand_gap_error_mm(r, clip) for r, clip in pairs if contacts_of(clip, hands_only=True)]
    used = np.unique(np.concatenate(codes))
    used_share = float((used >= 0).sum() / bench.model.info.tokenizer.codebook_size)
    physics = physics_table(rebuilt)
    skate, jerk = "foot_skate_mm_per_frame", "jerk_m_per_s3"
    labels = [clip.labels for clip in clips]
    hits, truth_hits = (label_hits(m, labels, bench.reader) for m in (rebuilt, [c.joints for c in clips]))
    return [
        mean("joint error, unaligned", [e.mean() for e in errors], unit="mm", goal=Goal(25.0)),
        mean("wrist error, unaligned", [e[:, :, WRISTS].mean() for e in errors], unit="mm"),
        mean("joined hands: distance off", hands, unit="mm", goal=Goal(40.0)),
        Figure("codebook used", used_share, unit="%", goal=Goal(0.9, at_least=True), count=len(clips)),
        mean("jerk", physics[jerk], bench.truth_physics[jerk], "m/s³"),
        mean("foot skate", physics[skate], bench.truth_physics[skate], "mm/frame"),
        *label_figures("reconstruction", hits, truth_hits),
    ]
