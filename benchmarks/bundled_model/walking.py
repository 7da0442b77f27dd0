"""Nine seconds of walking together: side by side, one behind the other, hand in hand."""

from __future__ import annotations

import numpy as np

from benchmarks.bundled_model.bench import SEED, ModelBench, joints_of
from benchmarks.bundled_model.figures import Figure, Goal, share
from benchmarks.bundled_model.wordings import prompt_set
from evaluators.data.sets import FULL_CAPTION
from evaluators.protocols.motions import GenerationRequest
from intermask_cli.generation.prompts.seeds import sample_seed
from intermask_cli.motion.physics import physics_table
from intermask_cli.motion.skeleton import FPS

KINDS = ("walk_side_by_side", "follow", "lead_by_hand")
FRAMES = 9 * FPS // 4 * 4
GOAL = Goal(0.95, at_least=True)
OVERLAP = "penetration_mm"


def measure(bench: ModelBench) -> list[Figure]:
    """All held-out clips of these kinds, if there are any, made in nine seconds from full captions."""
    clips = [clip for clip in (*bench.clips.single, *bench.clips.others) if clip.labels.kind in KINDS]
    if not clips:
        return []
    texts = [clip.captions[FULL_CAPTION] for clip in clips]
    seeds = [sample_seed(SEED, text, 0, 0) for text in texts]
    prompts = prompt_set("nine seconds", texts, [FRAMES] * len(texts))
    motions = joints_of(bench.generator(GenerationRequest(prompts, seeds)))
    shown = bench.reader(motions).kind
    kinds = np.array([kind == clip.labels.kind for kind, clip in zip(shown, clips, strict=True)])
    overlap, true_overlap = (
        physics_table(them)[OVERLAP] for them in (motions, [clip.joints for clip in clips])
    )
    # The largest of the truth, kind by kind: people who hold hands are nearer than people in a row.
    most = {
        kind: max(o for o, clip in zip(true_overlap, clips, strict=True) if clip.labels.kind == kind)
        for kind in {clip.labels.kind for clip in clips}
    }
    apart = np.array([o <= most[clip.labels.kind] for o, clip in zip(overlap, clips, strict=True)])
    return [
        share("9 s of walking: kind right and no more overlap than truth", kinds & apart, goal=GOAL),
        share("9 s of walking: kind right", kinds),
        share("9 s of walking: no more overlap than truth", apart),
    ]
