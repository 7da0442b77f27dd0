"""`intermask prompts dedupe`: a prompt file without repeated prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intermask_cli.datasets.tables import Rejected
from intermask_cli.errors import EXIT_OK, EXIT_PARTIAL
from intermask_cli.generation.prompt_sets.likeness import duplicates
from intermask_cli.generation.prompt_sets.table import write_prompts
from intermask_cli.generation.prompts.read import PromptSet


@dataclass(frozen=True)
class Deduped:
    """What was written; `dropped` are pairs (text, text of the earlier prompt that it repeats)."""

    path: Path
    kept: int
    dropped: Sequence[tuple[str, str]]
    rejected: Sequence[Rejected]

    @property
    def exit_code(self) -> int:
        return EXIT_PARTIAL if self.rejected else EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        pairs = [{"text": text, "repeats": earlier} for text, earlier in self.dropped]
        return {"path": str(self.path), "kept": self.kept, "dropped": pairs, "rejected": len(self.rejected)}

    def lines(self) -> list[str]:
        """For people."""
        shown = [f"dropped '{text}', which repeats '{earlier}'" for text, earlier in self.dropped[:5]]
        more = [f"{len(self.dropped) - 5:,} more, which --json lists"] if len(self.dropped) > 5 else []
        return [*shown, *more, f"{self.kept:,} prompts in {self.path}, {len(self.dropped):,} dropped"]


def dedupe_prompts(prompts: PromptSet, out: Path, similar: float | None = None) -> Deduped:
    """Write the prompts that repeat no earlier one; `similar` as in `likeness.duplicates`."""
    listed = prompts.prompts
    earlier = duplicates(listed, similar)
    kept = [prompt for prompt, of in zip(listed, earlier, strict=True) if of is None]
    write_prompts(out, kept)
    pairs = [(p.text, listed[of].text) for p, of in zip(listed, earlier, strict=True) if of is not None]
    return Deduped(out, len(kept), pairs, prompts.rejected)
