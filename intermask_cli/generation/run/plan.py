"""The plan: every sample to make, in a fixed order, cut into parts of similar length.

It depends on the prompts and the options that change results, never on workers or batch size, so that
any number of processes, shards or restarts makes the same dataset.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from types import MappingProxyType

from intermask_cli.config import FRAMES_PER_TOKEN
from intermask_cli.errors import InputError
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.prompts.seeds import explicit_seed, next_seed, sample_seed

#: Items of a part in small runs: little work is lost by an interruption, and several workers get parts.
SMALLEST_PART = 8
#: Items of a part in large runs, which limits the number of files.
LARGEST_PART = 128


@dataclass(frozen=True)
class WorkItem:
    """One sample to make; `position` is its row in the dataset.

    `file` and `line` are where its prompt is, `source_id` is its id as the user wrote it, `carried` the
    columns of the prompt file that are copied. `attempt` counts the tries before this one (`--accept`).
    """

    position: int
    id: str
    text: str
    frames: int
    seed: int
    sample: int
    file: str
    line: int
    source_id: str = ""
    carried: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 0

    def again(self) -> WorkItem:
        """The item with the seed of its next try."""
        return replace(self, seed=next_seed(self.seed), attempt=self.attempt + 1)

    @property
    def tokens(self) -> int:
        """Tokens per body row."""
        return self.frames // FRAMES_PER_TOKEN


@dataclass(frozen=True)
class Part:
    """The unit of writing and resuming: items of similar length.

    `first` is the position of its first item in the plan, ordered by length; it gives the file its name.
    """

    first: int
    items: Sequence[WorkItem]

    @property
    def name(self) -> str:
        return f"part-{self.first:08d}-{self.first + len(self.items) - 1:08d}.h5"

    def by_length(self) -> Iterator[list[WorkItem]]:
        """Items of equal token length together, so that nothing is padded."""
        for _, group in groupby(self.items, key=lambda item: item.tokens):
            yield list(group)


@dataclass(frozen=True)
class Shard:
    """Slice `index` of `count` (1-based, as written: 3/16)."""

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str | None) -> Shard:
        if text is None:
            return cls()
        try:
            index, count = (int(part) for part in text.split("/"))
        except ValueError:
            raise InputError(f"--shard {text}: expected i/n such as 3/16") from None
        if not 1 <= index <= count:
            raise InputError(
                f"--shard {text}: i runs from 1 to n, so {_nearest_shard(index, count)}; n is the same for "
                "all shards of a run, also when a few are run again (docs/guides/scale.md)"
            )
        return cls(index, count)

    def deal(self, parts: Sequence[Part]) -> list[Part]:
        """Every count-th part: long and short ones are spread evenly."""
        return list(parts[self.index - 1 :: self.count])


def _nearest_shard(index: int, count: int) -> str:
    """For a message: what a shard that does not exist may have meant."""
    if index < 1:
        return f"1/{max(count, 1)} is the first"
    return f"{count}/{count} is the last (SLURM_ARRAY_TASK_COUNT counts the tasks of this submission only)"


@dataclass(frozen=True)
class Plan:
    """All items in dataset order and the same items as parts."""

    items: list[WorkItem]
    parts: list[Part]

    @property
    def frames(self) -> int:
        return sum(item.frames for item in self.items)

    def fingerprint(self) -> str:
        """SHA-256 of the ids, texts, lengths, seeds, samples, carried columns and given ids of all items."""
        digest = hashlib.sha256()
        for item in self.items:
            carried = sorted(item.carried.items())
            row = [item.id, item.text, item.frames, item.seed, item.sample, carried, item.source_id]
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()


def make_plan(
    prompts: Sequence[Prompt],
    run_seed: int,
    samples: int,
    default_frames: int,
    limit: int | None = None,
    unit: int = FRAMES_PER_TOKEN,
    earlier: Mapping[tuple[str, str], int] = MappingProxyType({}),
) -> Plan:
    """The plan for some prompts. Values of a prompt take precedence over `samples` and `default_frames`.

    `limit` keeps the first prompts only. Frames are rounded down to a multiple of `unit`. `earlier` has the
    occurrences of prompts that were planned before, by id and text.
    """
    items: list[WorkItem] = []
    occurrences = Counter(text for _, text in earlier)
    for prompt in prompts[:limit]:
        occurrence = earlier.get((prompt.id, prompt.text))
        if occurrence is None:
            occurrence = occurrences[prompt.text]
            if prompt.seed is None:  # lines with their own seed do not count, so they shift no other line
                occurrences[prompt.text] += 1
        frames = prompt.frames or default_frames
        for item in samples_of(prompt, run_seed, samples, occurrence, frames - frames % unit):
            items.append(replace(item, position=len(items)))
    return Plan(items, cut_into_parts(items))


def samples_of(prompt: Prompt, run_seed: int, samples: int, occurrence: int, frames: int) -> list[WorkItem]:
    """The samples of one prompt, which is the `occurrence`-th of its text; all at position 0."""
    items = []
    own = prompt.sample
    for sample in range(prompt.samples or samples) if own is None else (own,):
        if own is not None and prompt.seed is not None:
            seed = prompt.seed
        elif prompt.seed is None:
            seed = sample_seed(run_seed, prompt.text, occurrence, sample)
        else:
            seed = explicit_seed(prompt.seed, sample)
        items.append(
            WorkItem(
                position=0,
                id=f"{prompt.id}-s{sample}" if own is None else prompt.id,
                text=prompt.text,
                frames=frames,
                seed=seed,
                sample=sample,
                file=prompt.file,
                line=prompt.line,
                source_id=prompt.source_id,
                carried=prompt.carried,
            )
        )
    return items


def cut_into_parts(items: Sequence[WorkItem]) -> list[Part]:
    """Cut items into parts, longest items first, so that workers end at about the same time.

    The size grows with the number of items, from `SMALLEST_PART` to `LARGEST_PART`. Sizes differ by one at
    most: two workers with 8 and 4 items end later than two with 6 each.
    """
    ordered = sorted(items, key=lambda item: (-item.tokens, item.position))
    count = -(-len(items) // min(LARGEST_PART, max(SMALLEST_PART, len(items) // 32)))
    edges = [len(items) * i // count for i in range(count + 1)] if count else []
    return [Part(start, ordered[start:stop]) for start, stop in pairwise(edges)]
