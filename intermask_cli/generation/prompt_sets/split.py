"""`intermask prompts split`: train, val and test with no wording in two of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intermask_cli.datasets.split_table import SPLITS
from intermask_cli.datasets.wording import Shares, assign, joined_groups, wording
from intermask_cli.errors import EXIT_OK, InputError
from intermask_cli.generation.prompt_sets.table import SUFFIXES, write_prompts
from intermask_cli.generation.prompts.read import Prompt


@dataclass(frozen=True)
class PromptSplit:
    """What was written: prompts and groups of wordings in each split."""

    paths: Sequence[Path]
    prompts: dict[str, int]
    groups: dict[str, int]

    exit_code = EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"paths": [str(path) for path in self.paths], "prompts": self.prompts, "groups": self.groups}

    def lines(self) -> list[str]:
        """For people."""
        counts = (f"{name} {self.prompts[name]:,} ({self.groups[name]:,} wordings)" for name in SPLITS)
        return [f"{', '.join(counts)} in {', '.join(map(str, self.paths))}"]


def split_prompts(prompts: Sequence[Prompt], shares: Shares, seed: int, out: Path) -> PromptSplit:
    """Write prompts with a column `split`: one file, or a folder of train.csv, val.csv and test.csv.

    Prompts stay together that differ only in who acts, in sides and in small words, and those of one
    `template`, where the file has such a column (`intermask prompts make` writes it).

    Raises InputError where there are fewer wordings than splits.
    """
    texts = [prompt.text for prompt in prompts]
    # Twice: a group may not be parted by its wording, nor by its template.
    by_wording = joined_groups(texts, [wording(text) for text in texts])
    keys = [
        p.carried.get("template") or f"wording {group}" for p, group in zip(prompts, by_wording, strict=True)
    ]
    groups = joined_groups([str(group) for group in by_wording], keys)
    chosen = assign(groups, shares, seed)
    asked = sum(share > 0 for share in shares.all)
    if len(set(chosen)) < asked:
        raise InputError(f"{len(set(groups)):,} different wordings do not fill {asked} splits; ask for fewer")
    paths = [out]
    if out.suffix.lower() in SUFFIXES:
        write_prompts(out, prompts, split=chosen)
    else:
        names = [name for name in SPLITS if name in chosen]
        paths = [out / f"{name}.csv" for name in names]
        for name, path in zip(names, paths, strict=True):
            part = [prompt for prompt, of in zip(prompts, chosen, strict=True) if of == name]
            write_prompts(path, part, split=[name] * len(part))
    of_group = dict(zip(groups, chosen, strict=True))
    return PromptSplit(
        paths,
        {name: Counter(chosen)[name] for name in SPLITS},
        {name: Counter(of_group.values())[name] for name in SPLITS},
    )
