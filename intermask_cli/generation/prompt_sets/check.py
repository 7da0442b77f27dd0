"""`intermask prompts check`: bad lines, warnings, repeated prompts, and what texts are read as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from intermask_cli.datasets.tables import Rejected
from intermask_cli.errors import EXIT_OK, EXIT_PARTIAL
from intermask_cli.generation.prompt_sets.likeness import duplicates
from intermask_cli.generation.prompt_sets.readings import PromptReadings, read_texts
from intermask_cli.generation.prompts.read import Prompt, PromptSet
from intermask_cli.generation.prompts.text_warnings import summary_line
from intermask_cli.generation.workers.model_source import ModelSource

#: Prompts of a kind that are listed for people.
_SHOWN = 8


@dataclass(frozen=True)
class Place:
    """Where a prompt stands, and what there is to say of it."""

    file: str
    line: int
    text: str
    about: str

    @classmethod
    def of(cls, prompt: Prompt, about: str) -> Place:
        """The place of a prompt."""
        return cls(prompt.file, prompt.line, prompt.text, about)

    def __str__(self) -> str:
        return f"{self.file} line {self.line} {self.about}"


@dataclass(frozen=True)
class PromptCheck:
    """What was found. `misread`: prompts whose column `kind` names another action than was read."""

    prompts: int
    rejected: Sequence[Rejected]
    repeated: Sequence[Place]
    text_warnings: str | None
    warned: Sequence[Place]
    readings: PromptReadings | None
    misread: Sequence[Place]

    @property
    def exit_code(self) -> int:
        return EXIT_PARTIAL if self.rejected else EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        read: dict[str, Any] = {}
        if self.readings is not None:
            read = {
                "kinds": self.readings.kinds(),
                "outside": [
                    {"text": reading.text, "reason": reading.outside} for reading in self.readings.outside
                ],
                "misread": [vars(place) for place in self.misread],
            }
        return {
            "prompts": self.prompts,
            "rejected": [entry.as_json() for entry in self.rejected],
            "repeated": [vars(place) for place in self.repeated],
            "text_warnings": [vars(place) for place in self.warned],
            **read,
        }

    def lines(self) -> list[str]:
        """For people."""
        lines = [
            f"{self.prompts:,} usable prompts; {len(self.rejected):,} lines rejected, {len(self.repeated):,} "
            "repeat an earlier one"
        ]
        lines += _listed(self.repeated)
        lines += [self.text_warnings, *_listed(self.warned)] if self.text_warnings else []
        if self.misread:
            lines.append(f"{len(self.misread):,} prompts are read as another kind than their column says")
            lines += _listed(self.misread)
        return lines + (self.readings.summary(_SHOWN) if self.readings else [])


def _listed(places: Sequence[Place]) -> list[str]:
    more = [f"  and {len(places) - _SHOWN:,} more, which --json lists"] if len(places) > _SHOWN else []
    return [f"  {place}" for place in places[:_SHOWN]] + more


def check_prompts(prompts: PromptSet, source: ModelSource, similar: float | None = None) -> PromptCheck:
    """Look at prompts that were read for a model; `similar` as in `likeness.duplicates`."""
    listed = prompts.prompts
    repeated = [
        Place.of(prompt, f"repeats {listed[earlier].file} line {listed[earlier].line}: {prompt.text}")
        for prompt, earlier in zip(listed, duplicates(listed, similar), strict=True)
        if earlier is not None
    ]
    warning_of = source.text_warning_of(prompt.text for prompt in listed)
    warnings = {text: warning_of(text) for text in dict.fromkeys(prompt.text for prompt in listed)}
    warned = [Place.of(p, f"is {warnings[p.text]}: {p.text}") for p in listed if warnings[p.text]]
    readings = read_texts(warnings, source, strict=False)
    return PromptCheck(
        len(listed), prompts.rejected, repeated, summary_line(warnings.values()), warned, readings,
        _misread(listed, readings) if readings else [],
    )  # fmt: skip


def _misread(prompts: Sequence[Prompt], readings: PromptReadings) -> list[Place]:
    """Prompts with a column `kind` that is not what was read."""
    of_text = {reading.text: reading for reading in readings.readings}
    found = []
    for prompt in prompts:
        asked, reading = prompt.carried.get("kind"), of_text.get(prompt.text)
        if not asked or reading is None:
            continue
        read = "|".join(phase.kind if not phase.outside else "" for phase in reading.phases)
        if read != asked:
            about = f"says {asked} and is read as {reading.read_as}: {prompt.text}"
            found.append(Place.of(prompt, about))
    return found
