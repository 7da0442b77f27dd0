"""`intermask prompts stats`: what a set of prompts has, and how evenly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from intermask_cli.datasets.tables import Rejected
from intermask_cli.datasets.wording import wording
from intermask_cli.errors import EXIT_OK, EXIT_PARTIAL
from intermask_cli.generation.prompt_sets.forms import BALANCED
from intermask_cli.generation.prompt_sets.likeness import duplicates
from intermask_cli.generation.prompt_sets.readings import PromptReadings
from intermask_cli.generation.prompts.read import Prompt, PromptSet

#: Values of a label that are shown to people.
_SHOWN = 40


@dataclass(frozen=True)
class PromptStatistics:
    """Counts of a set. `labels`: prompts by the values of columns, or of what was read."""

    prompts: int
    rejected: Sequence[Rejected]
    texts: int
    wordings: int
    repeated: int
    vocabulary: int
    words: tuple[int, float, int]  # of a prompt: fewest, median, most
    seconds: tuple[float, float, float]
    no_length: int
    labels: dict[str, dict[str, int]]

    @property
    def exit_code(self) -> int:
        return EXIT_PARTIAL if self.rejected else EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**vars(self), "rejected": len(self.rejected)}

    def lines(self) -> list[str]:
        """For people."""
        few, usual, most = self.words
        short, middle, long = self.seconds
        lines = [
            f"{self.prompts:,} prompts, {self.texts:,} different texts, {self.wordings:,} wordings (persons "
            f"and sides aside), {self.repeated:,} repeated; {len(self.rejected):,} lines rejected",
            f"words: {few} to {most}, median {usual:g}; {self.vocabulary:,} different",
            f"lengths: {short:g} to {long:g} s, median {middle:g}; {self.no_length:,} state none",
        ]
        for name, counts in self.labels.items():
            values = [f"{value or '(open)'} {count:,}" for value, count in list(counts.items())[:_SHOWN]]
            more = [f"{len(counts) - _SHOWN:,} more values"] if len(counts) > _SHOWN else []
            lines.append(f"{name}: {', '.join(values + more)}")
        return lines


def prompt_statistics(
    prompts: PromptSet, default_frames: int, fps: float, readings: PromptReadings | None = None
) -> PromptStatistics:
    """Statistics of prompts; labels of `readings` where given, else those of columns."""
    listed = prompts.prompts
    words = [re.findall(r"\w+", prompt.text.lower()) for prompt in listed]
    counts = [len(of) for of in words]
    seconds = [(prompt.frames or default_frames) / fps for prompt in listed]
    return PromptStatistics(
        prompts=len(listed),
        rejected=prompts.rejected,
        texts=len({prompt.text for prompt in listed}),
        wordings=len({wording(prompt.text) for prompt in listed}),
        repeated=sum(earlier is not None for earlier in duplicates(listed)),
        vocabulary=len({word for of in words for word in of}),
        words=(min(counts), median(counts), max(counts)),
        seconds=(round(min(seconds), 3), round(median(seconds), 3), round(max(seconds), 3)),
        no_length=sum(prompt.frames is None for prompt in listed),
        labels=_of_columns(listed) if readings is None else _of_readings(listed, readings),
    )


def _of_columns(prompts: Sequence[Prompt]) -> dict[str, dict[str, int]]:
    """Counts of the labels that the file has as columns, and of its tags."""
    names = [name for name in BALANCED if any(name in prompt.carried for prompt in prompts)]
    labels = {
        name: dict(Counter(prompt.carried.get(name, "") for prompt in prompts).most_common())
        for name in names
    }
    tags = Counter(
        tag.strip() for p in prompts for tag in p.carried.get("tags", "").split(",") if tag.strip()
    )
    return {**labels, **({"tags": dict(tags.most_common())} if tags else {})}


def _of_readings(prompts: Sequence[Prompt], readings: PromptReadings) -> dict[str, dict[str, int]]:
    """Counts of what was read, phase by phase; "outside" for what the model does not know."""
    of_text = {reading.text: reading for reading in readings.readings}
    phases = [phase for prompt in prompts for phase in of_text[prompt.text].phases]
    inside = [phase for phase in phases if not phase.outside]
    kinds = Counter("outside" if phase.outside else phase.kind for phase in phases)
    actors = Counter("" if phase.actor is None else str(phase.actor + 1) for phase in inside)
    others = {name: Counter(getattr(phase, name) or "" for phase in inside) for name in BALANCED[2:]}
    return {name: dict(of.most_common()) for name, of in {"kind": kinds, "actor": actors, **others}.items()}
