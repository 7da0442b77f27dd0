"""Held-out Duets clips: as many of every kind, and clips of two phases; never an index training has seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from evaluators.data.sets import DUETS_SEED, LENGTH_STEP, InteractionSet, clip_set
from intermask_cli.console import counter
from intermask_cli.datasets.duets.corpus import CorpusClip, make_corpus_clip, maker_of, split_of
from intermask_cli.datasets.duets.labels import KindSet


@dataclass(frozen=True)
class Sizes:
    """How many clips of each sort are measured."""

    per_kind: int = 5  # generated and reconstructed, of every kind
    further: int = 3  # of these, also in held-out wordings and as reactions
    two_phase: int = 26  # where the corpus has any
    lasting: int = 5  # continued to half a minute
    free: int = 4  # free wordings of every kind


@dataclass(frozen=True)
class HeldOut:
    """Test clips: `single` and `others` hold `per_kind` of every kind each, with no clip in common."""

    single: tuple[CorpusClip, ...]
    others: tuple[CorpusClip, ...]
    two_phase: tuple[CorpusClip, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of `single`."""
        return tuple(dict.fromkeys(clip.labels.kind for clip in self.single))

    def first(self, per_kind: int) -> list[int]:
        """Indices in `single` of the first clips of every kind."""
        seen: dict[str, int] = {}
        chosen = []
        for i, clip in enumerate(self.single):
            seen[clip.labels.kind] = seen.get(clip.labels.kind, 0) + 1
            if seen[clip.labels.kind] <= per_kind:
                chosen.append(i)
        return chosen


def held_out(sizes: Sizes, corpus: KindSet) -> HeldOut:
    """The first test clips of the corpus that fill these numbers."""
    single: dict[str, list[CorpusClip]] = {kind: [] for kind in corpus.kinds}
    two_phase: list[CorpusClip] = []
    joins = sizes.two_phase if corpus.two_phase else 0
    wanted = 2 * sizes.per_kind * len(corpus.kinds) + joins
    with counter("make held-out clips", wanted, "clips") as progress:
        for clip in _test_clips(corpus):
            joined = clip.labels.then is not None
            row = two_phase if joined else single[clip.labels.kind]
            if len(row) < (joins if joined else 2 * sizes.per_kind):
                row.append(_cut(clip))
                progress.advance()
                if progress.done == wanted:
                    break
    return HeldOut(
        tuple(clip for row in single.values() for clip in row[: sizes.per_kind]),
        tuple(clip for row in single.values() for clip in row[sizes.per_kind :]),
        tuple(two_phase),
    )


def _test_clips(corpus: KindSet) -> Iterator[CorpusClip]:
    maker = maker_of(corpus)
    return (make_corpus_clip(DUETS_SEED, i, maker) for i in count() if split_of(i) == "test")


def _cut(clip: CorpusClip) -> CorpusClip:
    """A multiple of LENGTH_STEP frames, so that several clips have equal length and are made together."""
    frames = clip.joints.shape[1] // LENGTH_STEP * LENGTH_STEP
    return replace(clip, joints=clip.joints[:, :frames], rotations6d=clip.rotations6d[:, :frames])


def in_held_out_words(clips: Sequence[CorpusClip]) -> InteractionSet:
    """The clips with their captions in words training never sees."""
    told = [replace(clip, captions=clip.held_out_captions, mentions=clip.held_out_mentions) for clip in clips]
    return clip_set(told, "held-out wordings")
