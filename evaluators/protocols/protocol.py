"""Protocols: the choices that decide what a score means, as named records.

Scores of two reports may only be compared when every field here is equal (`differences`). Values of the
published protocols: docs/reference/data-and-evaluation.md#metrics, #protocol and #quirks (Q).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from intermask_cli.errors import InputError

#: Rules for which motions are relevant to a caption that occurs, or is implied, more than once in a pool.
OWN_MOTION = "own motion only"  # published
SAYS_AS_MUCH = "every motion whose own caption says at least as much"
EQUAL_CAPTION = "every motion of an equal caption"  # the same where it is unknown what captions state
#: Rows of an evaluation.
GROUND_TRUTH, FLOOR = "ground truth", "floor"
RECONSTRUCTION, GENERATED = "reconstruction", "generated"
#: How intervals are made. The published rule is for the published number of repetitions, with new data and
#: samples in each.
PUBLISHED_INTERVAL = "1.96 * population std / sqrt(repetitions)"  # quirk Q9
CLIPS_INTERVAL = "Student's, of clips and repetitions"
#: How pairs of samples for MModality are drawn.
PUBLISHED_PAIRS = "two draws of the samples, a sample with itself included"  # quirk Q21
DIFFERENT_SAMPLES = "different samples, without replacement"
#: With fewer samples per caption the published draw says more about the draw than about the motions.
FEWEST_PUBLISHED_SAMPLES = 10


@dataclass(frozen=True)
class Protocol:
    """How embeddings become scores. Defaults are InterHuman's."""

    name: str = "interhuman"
    pool_size: int = 96  # pairs of one R-Precision pool; an incomplete last pool is dropped (quirk Q1)
    fid_scale: float = 6.0  # factor on embeddings before FID (quirk Q6)
    distance_scale: float = 3.0  # factor on embeddings before Diversity and MModality (quirk Q6)
    repetitions: int = 20
    diversity_pairs: int = 300
    mm_captions: int = 100  # captions sampled several times for MModality
    mm_samples: int = 30  # samples of each
    mm_pairs: int = 10
    duplicates: str = OWN_MOTION
    captions: str = "one of three at random"
    crops: str = "300 frames at a random start"
    persons: str = "exchanged at random before and after placing"  # quirk Q2
    mm_draw: str = PUBLISHED_PAIRS
    interval: str = PUBLISHED_INTERVAL

    def repeated(self, repetitions: int) -> Protocol:
        """The protocol with another number of repetitions, and an interval that suits it."""
        fewer = repetitions < self.repetitions
        return replace(self, repetitions=repetitions, interval=CLIPS_INTERVAL if fewer else self.interval)


INTERHUMAN = Protocol()

INTERX = Protocol(
    name="interx",
    pool_size=32,
    fid_scale=1.0,
    distance_scale=1.0,
    crops="150 frames at a random start",
    persons="as stored",
)

#: Our own, for the bundled evaluator: explicit captions, complete clips, and a rule for duplicates that is
#: fair to captions of equal meaning. Fewer samples than published, so that two CPU cores take minutes.
DUETS = Protocol(
    name="duets",
    pool_size=32,
    fid_scale=1.0,
    distance_scale=1.0,
    repetitions=3,
    diversity_pairs=100,
    mm_captions=8,
    mm_samples=5,
    mm_pairs=4,
    duplicates=SAYS_AS_MUCH,
    captions="the full one",
    crops="whole clips",
    persons="as stored, person 1 canonical",
    mm_draw=DIFFERENT_SAMPLES,
    interval=CLIPS_INTERVAL,
)

PROTOCOLS = {protocol.name: protocol for protocol in (INTERHUMAN, INTERX, DUETS)}


def protocol_named(name: str) -> Protocol:
    """A protocol by name."""
    if name not in PROTOCOLS:
        raise InputError(f"protocol {name!r} does not exist; accepted: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


@dataclass(frozen=True)
class ProtocolRecord:
    """What is reported with every score: the protocol as used, the evaluator and the reference split."""

    protocol: Protocol
    evaluator: str
    evaluator_sha256: str
    text_encoder: str
    task: str  # "generate" or "react"
    split: str
    split_sha256: str  # over all motions and prompts of the reference
    split_size: int
    repetition_varies: str  # what every repetition draws again
    sampling: Any = None  # settings of the model that made the motion, where known

    def to_dict(self) -> dict[str, Any]:
        """Flat plain values, the protocol's fields first."""
        values = asdict(self)
        return {**values.pop("protocol"), **values}


#: Part of what is scored, not of how: two settings of one model may be compared.
SUBJECT_FIELDS = ("sampling",)
MULTIMODALITY_FIELDS = ("mm_captions", "mm_samples", "mm_pairs")


def differences(a: dict[str, Any], b: dict[str, Any], ignored: Sequence[str] = ()) -> list[str]:
    """Names of protocol fields that differ between two reports, with both values."""
    fields = sorted((a.keys() | b.keys()) - {*SUBJECT_FIELDS, *ignored})
    return [
        f"{name}: {a.get(name, 'absent')!r} and {b.get(name, 'absent')!r}"
        for name in fields
        if a.get(name) != b.get(name)
    ]
