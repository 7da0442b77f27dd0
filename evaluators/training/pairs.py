"""Training pairs of the evaluator: Duets clips, their person-swapped and mirrored variants, and captions.

Random batches never force an evaluator to learn who does what with which hand: the kind alone tells the
pairs apart. So variants of one clip share a batch, and each is the other's hard negative. What a caption
says is known (`Mention`), so a motion a caption is also true of is never used against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from evaluators.networks.canonical import pair_positions, swap_persons
from intermask_cli.console import track
from intermask_cli.datasets.duets.captions import CAPTION_TYPES, Mention, captions_for, stated_values
from intermask_cli.datasets.duets.corpus import CorpusClip
from intermask_cli.datasets.duets.labels import Labels
from intermask_cli.motion.mirror import mirror_positions

NOT_SAID = -1
_OTHER_SIDE = {"left": "right", "right": "left"}
_STREAM = 0xE7A1  # keeps these captions' random numbers apart from the corpus's


@dataclass(frozen=True)
class ClipVariant:
    """A clip as it is, or with the persons exchanged, or mirrored, or both."""

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
    """The clip, exchanged if somebody acts, mirrored if it has a side: 1, 2 or 4 variants.

    Clips of two phases stay as they are: one phase may be mirrored where the other must not.
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
    """Whole numbers for the values of every mentioned label, so that "says" can be compared in bulk."""

    def __init__(self) -> None:
        self._numbers: list[dict[object, int]] = [{} for _ in Mention._fields]

    def said(self, mention: Mention) -> list[int]:
        """What a caption says: a number per label, NOT_SAID where it says nothing."""
        return [self._number(i, value) for i, value in enumerate(mention)]

    def true(self, labels: Labels) -> list[int]:
        """What is true of a clip: a number per label; NOT_SAID where there is nothing to say."""
        values = stated_values(labels)
        return [self._number(i, values[name]) for i, name in enumerate(Mention._fields)]

    @property
    def sizes(self) -> list[int]:
        """How many values each label has had so far, at least 1 (a corpus may not have the label)."""
        return [max(1, len(known)) for known in self._numbers]

    def _number(self, column: int, value: object) -> int:
        if value is None:
            return NOT_SAID
        known = self._numbers[column]
        return known.setdefault(value, len(known))


def true_of(said: Tensor, truth: Tensor) -> Tensor:
    """said (N, labels), truth (M, labels) -> (N, M) bool: everything said is true."""
    return ((said[:, None] == NOT_SAID) | (said[:, None] == truth[None])).all(-1)


@dataclass
class ContrastiveBatch:
    """Motions, a caption each, and which captions are true of which motions."""

    positions: Tensor  # (B, 2, T, 22, 3) float32
    frames: Tensor  # (B,)
    texts: Tensor  # (B,) caption numbers
    also_true: Tensor  # (B, B) bool: caption i is true of motion j
    said: Tensor  # (B, labels) what the captions state: value numbers, NOT_SAID where silent
    truth: Tensor  # (B, labels) what the motions show


class VariantTable:
    """All variants of a set of clips with `captions` sentences each."""

    def __init__(self, clips: Sequence[CorpusClip], captions: int, seed: int, label: str):
        self.joints: list[np.ndarray] = []
        self.variants: list[ClipVariant] = []
        self.of_clip: list[list[int]] = []
        values, truth, said, texts = ValueTable(), [], [], []
        for clip in track(clips, label, len(clips), "clips"):
            own = variants_of(len(self.joints), clip.labels)
            self.joints.append(clip.joints)
            self.of_clip.append([len(self.variants) + i for i in range(len(own))])
            for number, variant in enumerate(own):
                rng = np.random.default_rng([seed, clip.index, number, _STREAM])
                told = [
                    c
                    for _ in range(-(-captions // len(CAPTION_TYPES)))
                    for c in captions_for(variant.labels, rng)
                ]
                self.variants.append(variant)
                truth.append(values.true(variant.labels))
                texts.append([c.text for c in told[:captions]])
                said.append([values.said(c.mention) for c in told[:captions]])
        self.distinct = sorted({text for row in texts for text in row})
        number_of = {text: i for i, text in enumerate(self.distinct)}
        self.texts = torch.tensor([[number_of[text] for text in row] for row in texts])
        self.said, self.truth = torch.tensor(said), torch.tensor(truth)
        self.label_sizes = values.sizes

    def __len__(self) -> int:
        return len(self.of_clip)

    def positions(self, variant: int) -> Tensor:
        """Pair positions (2, T, 22, 3) of a variant as its own person 1 sees it."""
        return torch.from_numpy(pair_positions(self.variants[variant].joints(self.joints)))

    def relevance(self, variants: Tensor, captions: Tensor) -> Tensor:
        """Caption `captions[i]` of variant i is true of variant j: (B, B) bool."""
        return true_of(self.said[variants, captions], self.truth[variants])
