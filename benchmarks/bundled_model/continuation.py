"""Half a minute from one prompt, made window by window: does it drift, and do the seams show?"""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np

from benchmarks.bundled_model.bench import SEED, ModelBench, joints_of
from benchmarks.bundled_model.figures import Figure, Goal, mean
from evaluators.data.sets import FULL_CAPTION
from intermask_cli.generation.prompts.seeds import sample_seed
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.physics import foot_skate_mm_per_frame, jerk_m_per_s3, seam_jerk
from intermask_cli.motion.skeleton import FPS
from intermask_cli.version import __version__

SECONDS = 30
PART = 10 * FPS
#: Kinds that can last for half a minute.
LASTING = ("circle_each_other", "mirror_dance", "circle_hands", "clap_game", "walk_side_by_side")
FIRST = "first 10 s"
#: A rigid bone changes by the rounding of the stored joints alone.
BONES = Goal(0.5)


def measure(bench: ModelBench) -> list[Figure]:
    """The last 10 seconds compared with the first, and seams with the rest of the same motion."""
    motions, seams = half_minutes(bench)
    goal = Goal(1.3, relative=True)
    figures = []
    for name, unit, score in (
        ("foot skate", "mm/frame", foot_skate_mm_per_frame),
        ("jerk", "m/s³", jerk_m_per_s3),
        ("height of the lowest joint", "mm", lowest_mm),
    ):
        first = [np.nanmean(score(joints[:, :PART])) for joints in motions]
        last = [np.nanmean(score(joints[:, -PART:])) for joints in motions]
        figures.append(mean(f"30 s, last 10 s: {name}", last, first, unit, goal, FIRST))
    jerks = [seam_jerk(joints, *seam) for joints, own in zip(motions, seams, strict=True) for seam in own]
    at, elsewhere = zip(*jerks, strict=True) if jerks else ((), ())
    seam_goal = Goal(1.5, relative=True)
    lasting = [i for i, clip in enumerate(bench.clips.single) if clip.labels.kind in LASTING]
    skates, true_skates = (
        [float(np.nanmean(foot_skate_mm_per_frame(joints))) for joints in them]
        for them in (motions, joints_of(bench.truth, lasting))
    )
    return [
        *figures,
        mean("30 s: jerk at seams", at, elsewhere, "m/s³", seam_goal, "elsewhere"),
        mean("30 s: change of a bone's length", list(map(bone_change_mm, motions)), unit="mm", goal=BONES),
        mean("30 s: foot skate", skates, true_skates, "mm/frame", goal),
    ]


def bone_change_mm(joints: np.ndarray) -> float:
    """Largest difference between lengths of one bone in (2, T, 22, 3), mm."""
    lengths = bone_lengths(joints)  # (2, T, 21)
    return 1000.0 * float(np.ptp(lengths, axis=1).max())


def lowest_mm(joints: np.ndarray) -> np.ndarray:
    """How far the lowest joint is from the floor, up or down, mean over frames: (..., T, 22, 3) -> (...)."""
    return 1000.0 * np.abs(joints[..., 1].min(axis=-1)).mean(axis=-1)


def half_minutes(bench: ModelBench) -> tuple[list[np.ndarray], list[list[tuple[int, int]]]]:
    """Motions (2, 900, 22, 3), and first frame and overlap of the seams of each."""
    texts = _texts(bench)
    seeds = [sample_seed(SEED, text, 0, 0) for text in texts]

    def make() -> dict[str, np.ndarray]:
        results = bench.model.generate(texts, SECONDS * FPS, seeds=seeds, sampling=bench.sampling)
        joins = [[(seam.frame, seam.overlap) for seam in result.seams] for result in results]
        return {
            "joints": np.stack([result.joints for result in results]),
            "seams": np.array(joins, dtype=np.int64),
        }

    settings = json.dumps(asdict(bench.sampling), sort_keys=True)
    key = ["half minutes", __version__, bench.model.bundle.sha256, settings, *map(str, seeds), *texts]
    stored = bench.cache.arrays("half-minutes", key, make)
    return list(stored["joints"]), [
        [(int(frame), int(overlap)) for frame, overlap in one] for one in stored["seams"]
    ]


def _texts(bench: ModelBench) -> list[str]:
    """Full captions of the first clips of the lasting kinds, in turn."""
    clips = bench.clips.single
    rows = [[clip.captions[FULL_CAPTION] for clip in clips if clip.labels.kind == kind] for kind in LASTING]
    longest = max(map(len, rows))
    texts = [row[i] for i in range(longest) for row in rows if i < len(row)]
    return texts[: bench.sizes.lasting]
