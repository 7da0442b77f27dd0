"""Further sentences about a clip, for training a text head only: labels -> captions in a wider vocabulary.

The templates of the corpus repeat the same few verbs; a text head trained on them alone does not know "dap"
or "usher". `paraphrases.yaml` was written without access to the held-out templates and to the prompts with
which models are tested, and words reserved for testing are kept out (a test checks both). A paraphrase states
the kind and, where the persons are counted, who acts; corpora do not contain them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from intermask_cli.datasets.duets.captions import Caption, Mention
from intermask_cli.datasets.duets.labels import KINDS, Labels, phases_of
from intermask_cli.files import package_yaml

PARAPHRASES_FILE = Path(__file__).with_name("paraphrases.yaml")
#: Share of the sentences with slots whose people are "the first ..." and "the second ...".
COUNTED_SHARE = 0.7
NOUNS = ("person", "person", "person", "man", "woman", "friend", "player", "dancer", "fighter")
ANONYMOUS = (("one {n}", "the other"), ("a {n}", "another {n}"), ("someone", "someone else"))
ANONYMOUS_THEN = ("one of them", "the other")
JOINS = (", then ", ", and then ", " and then ", ". Then ", "; after that, ")
_SLOT = re.compile(r"\{([AB])\}")


@lru_cache(maxsize=1)
def paraphrases() -> dict[str, tuple[str, ...]]:
    """Kind -> its sentences; {A} is the actor, {B} the other person."""
    content = package_yaml(PARAPHRASES_FILE)
    return {kind: tuple(sentences) for kind, sentences in content.items()}


def paraphrase(labels: Labels, rng: np.random.Generator) -> Caption:
    """One sentence, or one per phase joined by "then"; a name means the same person in both."""
    counted, people = _people(rng)
    parts, actors = [], []
    for number, phase in enumerate(phases_of(labels)):
        names = people if counted or number == 0 else ANONYMOUS_THEN
        text, slots = _sentence(paraphrases()[phase.kind], rng, joined=labels.then is not None)
        if slots and phase.actor is not None:
            names = names if phase.actor == 0 or not counted else names[::-1]
            text = text.replace("{A}", names[0]).replace("{B}", names[1])
        parts.append(text)
        actors.append(phase.actor if slots and counted and KINDS[phase.kind].has_actor else None)
    text = parts[0] if len(parts) == 1 else _joined(parts, rng)
    return Caption(_styled(text, rng), "paraphrase", _mention(labels, actors))


def _people(rng: np.random.Generator) -> tuple[bool, tuple[str, str]]:
    """Whether they are counted, and the names of persons 0 and 1 (counted) or of A and B (not)."""
    noun = str(rng.choice(NOUNS))
    if rng.random() < COUNTED_SHARE:
        counts = (f"the first {noun}", f"the second {noun}")
        return True, counts if rng.random() < 0.7 else (f"{noun} one", f"{noun} two")
    one, other = ANONYMOUS[int(rng.integers(len(ANONYMOUS)))]
    return False, (one.format(n=noun), other.format(n=noun))


def _sentence(sentences: Sequence[str], rng: np.random.Generator, joined: bool) -> tuple[str, bool]:
    """A sentence and whether it has slots; joined ones need them, so that the people stay the same."""
    if joined and any(map(_SLOT.search, sentences)):
        sentences = [sentence for sentence in sentences if _SLOT.search(sentence)]
    chosen = sentences[int(rng.integers(len(sentences)))]
    return chosen, _SLOT.search(chosen) is not None


def _joined(parts: Sequence[str], rng: np.random.Generator) -> str:
    join = JOINS[int(rng.integers(len(JOINS)))]
    return parts[0].rstrip(".!") + join + parts[1]


def _mention(labels: Labels, actors: Sequence[int | None]) -> Mention:
    mention = Mention(labels.kind, actors[0], None, None, None, None, None)
    if labels.then is None:
        return mention
    return mention._replace(then_kind=labels.then.kind, then_actor=actors[1])


def _styled(text: str, rng: np.random.Generator) -> str:
    """Half of them as sentences, half as people type."""
    return text[0].upper() + text[1:].rstrip(".") + "." if rng.random() < 0.5 else text
