"""Which kind of action a motion shows, read by the bundled evaluator without any training.

duet-eval embeds texts and motions in one space. A kind is the mean of captions about it, and a motion shows
the kind whose mean is nearest. The judge of `benchmarks/judges` is another network with weights of its own,
so that a run that was filtered by this reading can be judged by that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from evaluators.data.sets import DUETS_KINDS
from evaluators.evaluator import Evaluator, load_evaluator
from intermask_cli.console import note
from intermask_cli.datasets.duets.captions import captions_for
from intermask_cli.datasets.duets.labels import draw_labels, kind_set
from intermask_cli.inference.interaction import Interaction

#: The evaluator that knows the kinds of the bundled model.
EVALUATOR = "duet-eval"
#: Labels that are drawn for each kind, and the seed of their captions; each has one of every type.
_DRAWS, _SEED = 3, 5


@dataclass(frozen=True, eq=False)
class KindReader:
    """Interaction -> the name of the kind that it shows; it is pickled for workers.

    kinds: names. means: unit vectors (K, D), one for each. sha256: of the evaluator.
    """

    kinds: tuple[str, ...]
    means: np.ndarray
    sha256: str

    @classmethod
    def load(cls) -> KindReader:
        """Embeds a few captions about every kind, which takes some seconds."""
        evaluator = _evaluator()
        kinds = kind_set(DUETS_KINDS).kinds
        note(f"{EVALUATOR} reads captions of {len(kinds)} kinds of actions, to know them in motion")
        return cls(kinds, np.stack([_mean(evaluator, kind) for kind in kinds]), evaluator.sha256)

    def __call__(self, interaction: Interaction) -> str:
        """By itself, so that nothing depends on a batch; "" for a motion that the evaluator cannot read."""
        evaluator = _evaluator()
        if evaluator.refusal(interaction.motion) is not None:
            return ""
        (embedded,) = evaluator.embed_motions([interaction.joints])
        return self.kinds[int((self.means @ embedded).argmax())]


@lru_cache(1)
def _evaluator() -> Evaluator:
    """On the CPU, which gives the same numbers everywhere and leaves a GPU to the model."""
    return load_evaluator(EVALUATOR)


def _mean(evaluator: Evaluator, kind: str) -> np.ndarray:
    rng = np.random.default_rng(_SEED)
    texts: Sequence[str] = [
        caption.text for _ in range(_DRAWS) for caption in captions_for(draw_labels(rng, kind), rng)
    ]
    mean = evaluator.embed_texts(texts).mean(axis=0)
    unit: np.ndarray = mean / np.linalg.norm(mean)
    return unit
