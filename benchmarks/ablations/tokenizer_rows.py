"""A tokenizer row: train a layout of tokens, send the held-out clips through it, measure what comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from benchmarks.ablations.layout_training import LayoutStage
from benchmarks.ablations.real_rows import errors
from benchmarks.ablations.settings import Row
from benchmarks.ablations.token_layouts import LAYOUTS
from benchmarks.ablations.workplace import Workplace
from intermask_cli.inference.growing_clip import features_in, frames_at, motion_from
from intermask_cli.models.tokenizer import FRAMES_PER_TOKEN, Tokenizer
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.skeleton import FPS
from intermask_cli.training.checkpoints import BEST, LAST, WEIGHTS, find_checkpoint, load_weights
from intermask_cli.training.loop import StageRun
from intermask_cli.training.stages import parameter_count


def run(place: Workplace, row: Row, seed: int, folder: Path) -> dict[str, float]:
    """Train (or finish training) in `folder`, then score."""
    normalizer = place.bundle.normalizer
    stage = LayoutStage(
        LAYOUTS[row.variant],
        place.recipe(row, seed),
        place.train,
        place.held_out,
        normalizer,
        place.accelerator,
    )
    StageRun(stage, folder, place.accelerator, find_checkpoint(folder, LAST) is not None).run()
    load_weights(stage.model, folder / BEST / WEIGHTS)
    return score(place, stage.model.eval())


@torch.inference_mode()
def score(place: Workplace, tokenizer: Tokenizer) -> dict[str, float]:
    """Figures of the held-out clips after encoding and decoding."""
    normalizer, judge = place.bundle.normalizer, place.judge
    assert normalizer is not None
    made, maps = [], []
    for clip in judge.clips:
        motion = Motion(clip.joints, clip.rotations6d)
        where = frames_at(motion, 0)
        flat = normalizer.normalize(np.stack(features_in(motion, where))).astype(np.float32)
        ids = tokenizer.encode(torch.from_numpy(flat).to(place.accelerator.device))
        decoded = normalizer.denormalize(tokenizer.decode(ids).float().cpu().numpy())
        made.append(motion_from(decoded, where).joints)
        maps.append(ids.cpu())
    per_step = maps[0].shape[:2].numel()  # rows of both persons' maps, or of the one for both
    return {
        **errors(made, judge),
        **judge.motions(made),
        "codebook_use": len(torch.cat([one.flatten() for one in maps]).unique())
        / tokenizer.config.codebook_size,
        "tokens_per_second": per_step * FPS / FRAMES_PER_TOKEN,
        "parameters": parameter_count(tokenizer),
    }
