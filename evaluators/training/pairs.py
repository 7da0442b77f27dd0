"""Training pairs of the evaluator: Duets clips, their person-swapped and mirrored variants, and captions.

In random batches the kind of action alone distinguishes the pairs, so an evaluator need not learn who does
what with which hand. Here variants of one clip share a batch, and each is a hard negative of the others. What
a caption states is known (`Mention`), so a motion that a caption is also true of is never its negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from evaluators.networks.canonical import pair_positions, swap_persons
from evaluators.training.recipe import EvaluatorTrainConfig
from intermask_cli.console import track
from intermask_cli.datasets.duets.captions import CAPTION_TYPES, Mention, captions_for, stated_values
from intermask_cli.datasets.duets.corpus import CorpusClip
from intermask_cli.datasets.duets.labels import Labels
from intermask_cli.motion.mirror import mirror_positions

#: Number of a label that a caption does not state.
UNSTATED = -1
_OTHER_SIDE = {"left": "right", "right": "left"}
#: Part of the seed of these captions, so that they do not share random numbers with the corpus.
_STREAM = 0xE7A1


@dataclass(frozen=True)
class ClipVariant:
    """A clip unchanged, with the persons exchanged, mirrored, or both."""

    clip: int
    swapped: bool
    mirrored: bool
    labels: Labels

    def joints(self, source: Sequence[np.ndarray]) -> np.ndarray:
        """World joints (2, T, 22, 3)."""
        joints = source[self.clip]
        if self.swapped:
            joints = swap_persons(joints)
        return mirror_positions(joints) if self.mirrored else joints


def variants_of(clip: int, labels: Labels) -> list[ClipVariant]:
    """The clip, exchanged if it has an actor, mirrored if it has a side: 1, 2 or 4 variants.

    Clips of two phases have one variant: of the two phases, often only one may be mirrored.
    """
    variants = [ClipVariant(clip, False, False, labels)]
    if labels.then is not None:
        return variants
    if labels.actor is not None:
        variants.append(ClipVariant(clip, True, False, replace(labels, actor=1 - labels.actor)))
    if labels.side in _OTHER_SIDE:
        variants += [replace_side(variant) for variant in variants]
    return variants


def replace_side(variant: ClipVariant) -> ClipVariant:
    """The mirrored variant."""
    assert variant.labels.side is not None
    labels = replace(variant.labels, side=_OTHER_SIDE[variant.labels.side])
    return ClipVariant(variant.clip, variant.swapped, True, labels)


class ValueTable:
    """Integers for the values of every mentioned label, so that statements are compared in bulk."""

    def __init__(self) -> None:
        self._numbers: list[dict[object, int]] = [{} for _ in Mention._fields]

    def stated(self, mention: Mention) -> list[int]:
        """What a caption states: a number per label, UNSTATED for labels it does not state."""
        return [self._number(i, value) for i, value in enumerate(mention)]

    def true(self, labels: Labels) -> list[int]:
        """What is true of a clip: a number per label, UNSTATED where the label does not apply."""
        values = stated_values(labels)
        return [self._number(i, values[name]) for i, name in enumerate(Mention._fields)]

    @property
    def sizes(self) -> list[int]:
        """Number of values of each label so far, at least 1 (a corpus may lack the label)."""
        return [max(1, len(known)) for known in self._numbers]

    def _number(self, column: int, value: object) -> int:
        if value is None:
            return UNSTATED
        known = self._numbers[column]
        return known.setdefault(value, len(known))


def true_of(stated: Tensor, truth: Tensor) -> Tensor:
    """stated (N, labels), truth (M, labels) -> (N, M) bool: everything stated is true."""
    return ((stated[:, None] == UNSTATED) | (stated[:, None] == truth[None])).all(-1)


@dataclass
class ContrastiveBatch:
    """B motions, a caption for each, and which captions are true of which motions."""

    positions: Tensor  # (B, 2, T, 22, 3) float32
    frames: Tensor  # (B,)
    texts: Tensor  # (B,) caption numbers
    also_true: Tensor  # (B, B) bool: caption i is true of motion j
    stated: Tensor  # (B, labels) what the captions state: value numbers, UNSTATED if not stated
    truth: Tensor  # (B, labels) what the motions show


class VariantTable:
    """All variants of a set of clips with `captions` sentences each."""

    def __init__(self, clips: Sequence[CorpusClip], captions: int, seed: int, label: str):
        self.joints: list[np.ndarray] = []
        self.variants: list[ClipVariant] = []
        self.of_clip: list[list[int]] = []
        values, truth, stated, texts = ValueTable(), [], [], []
        for clip in track(clips, label, len(clips), "clips"):
            own = variants_of(len(self.joints), clip.labels)
            self.joints.append(clip.joints)
            self.of_clip.append([len(self.variants) + i for i in range(len(own))])
            for number, variant in enumerate(own):
                rng = np.random.default_rng([seed, clip.index, number, _STREAM])
                rounds = -(-captions // len(CAPTION_TYPES))  # each gives one caption of every type
                drawn = [c for _ in range(rounds) for c in captions_for(variant.labels, rng)][:captions]
                self.variants.append(variant)
                truth.append(values.true(variant.labels))
                texts.append([c.text for c in drawn])
                stated.append([values.stated(c.mention) for c in drawn])
        self.distinct = sorted({text for row in texts for text in row})
        number_of = {text: i for i, text in enumerate(self.distinct)}
        self.texts = torch.tensor([[number_of[text] for text in row] for row in texts])
        self.stated, self.truth = torch.tensor(stated), torch.tensor(truth)
        self.label_sizes = values.sizes

    def __len__(self) -> int:
        return len(self.of_clip)

    def positions(self, variant: int) -> Tensor:
        """Pair positions (2, T, 22, 3) of a variant, in the frame of its own person 0."""
        return torch.from_numpy(pair_positions(self.variants[variant].joints(self.joints)))

    def relevance(self, variants: Tensor, captions: Tensor) -> Tensor:
        """Caption `captions[i]` of variant i is true of variant j: (B, B) bool."""
        return true_of(self.stated[variants, captions], self.truth[variants])


def augmented(positions: Tensor, config: EvaluatorTrainConfig) -> Tensor:
    """A clip (2, T, 22, 3) with slow and fast noise and a small turn, like the errors of a tokenizer."""
    frames = positions.shape[1]
    # A random offset per coordinate at every sixth frame, linear between them: (132, 1, T)
    knots = torch.randn(2 * 66, 1, frames // 6 + 2)
    slow = F.interpolate(knots, size=frames, mode="linear", align_corners=True)
    slow = slow.view(2, 22, 3, frames).permute(0, 3, 1, 2)  # (2, T, 22, 3)
    sizes = torch.rand(3)
    noisy = positions + slow * (sizes[0] ** 2 * config.noise_m)
    noisy = noisy + torch.randn_like(positions) * (sizes[1] * config.jitter_m)
    angle = (2 * sizes[2] - 1) * config.turn_rad
    c, s = torch.cos(angle), torch.sin(angle)
    turn = torch.tensor([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    return noisy @ turn.T
