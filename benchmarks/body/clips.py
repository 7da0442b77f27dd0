"""The clips that are solved: bodies that are rigid already, and what the bundled model decodes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, islice
from pathlib import Path

import numpy as np

from benchmarks.machine import ROOT
from evaluators.data.sets import DUETS_SEED
from intermask_cli import load_model
from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.corpus import split_of
from intermask_cli.generation.prompts.read import read_prompts
from intermask_cli.generation.prompts.seeds import sample_seed
from intermask_cli.motion.motion import Motion

PROMPTS = ROOT / "prompts" / "benchmark.csv"
#: Captured trials, where they are found: name and the folder of their .npz files.
CAPTURES = {"cmu-duets": "cmu-duets/trials", "cmu-walks": "cmu-walks/trials"}
#: Held-out clips of the procedural corpus.
_DUETS_CLIPS = 60


def decoded(seeds: Sequence[int], limit: int | None) -> list[Motion]:
    """What the bundled model decodes for the benchmark prompts, each with each run seed."""
    prompts = read_prompts([PROMPTS]).prompts[:limit]
    model = load_model("duet-mini", device="cpu")
    texts = [prompt.text for prompt in prompts for _ in seeds]
    frames = [prompt.frames or model.default_frames for prompt in prompts for _ in seeds]
    numbers = [sample_seed(seed, prompt.text, 0, 0) for prompt in prompts for seed in seeds]
    return [item.motion for item in model.generate(texts, frames, seeds=numbers, body="decoded")]


def rigid(captures: Path | None) -> dict[str, list[np.ndarray]]:
    """Joints (P, T, 22, 3) of true clips by source: held-out Duets, and captures where they are found."""
    held_out = (index for index in count() if split_of(index) == "test")
    sources = {
        "Duets, held out": [make_clip(DUETS_SEED, i).motion.joints for i in islice(held_out, _DUETS_CLIPS)]
    }
    for name, folder in CAPTURES.items():
        files = sorted((captures / folder).glob("*.npz")) if captures else []
        trials = [np.load(file, allow_pickle=False)["positions"] for file in files]
        if trials:
            sources[name] = [joints if joints.ndim == 4 else joints[None] for joints in trials]
    return sources
