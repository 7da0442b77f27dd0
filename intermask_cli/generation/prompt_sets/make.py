"""`intermask prompts make`: a balanced set of prompts from forms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from intermask_cli.errors import EXIT_OK, InputError
from intermask_cli.generation.prompt_sets.balance import deal, in_turn
from intermask_cli.generation.prompt_sets.forms import BALANCED, Form, own_forms
from intermask_cli.generation.prompt_sets.spec import read_spec
from intermask_cli.generation.prompt_sets.table import Row, check_suffix, write_rows
from intermask_cli.models.bundle_info import READER_TABLES, read_info, resolve_bundle
from intermask_cli.reading.label_tables import KindTable, LabelTables
from intermask_cli.reading.readers import LABELS


@dataclass(frozen=True)
class Drawn:
    """A text of a form, or of two forms."""

    text: str
    template: str
    labels: Mapping[str, str]
    seconds: Sequence[float]
    phases: int = 1

    def then(self, other: Drawn) -> Drawn:
        """This and then another one, its length that of both."""
        labels = {
            name: f"{self.labels.get(name, '')}|{other.labels.get(name, '')}"
            for name in {**self.labels, **other.labels}
        }
        both = bool(self.seconds and other.seconds)
        seconds = (round(self.seconds[0] + other.seconds[0], 2),) if both else ()
        text = f"{self.text.rstrip('.')} | {other.text}"
        return Drawn(text, f"{self.template}+{other.template}", labels, seconds, 2)


@dataclass(frozen=True)
class MadeSet:
    """The file that was written, and how many prompts, or phases, have each value of each label."""

    path: Path
    prompts: int
    labels: dict[str, dict[str, int]]

    exit_code = EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"path": str(self.path), "prompts": self.prompts, "labels": self.labels}

    def lines(self) -> list[str]:
        """For people."""
        lines = [f"{self.prompts:,} prompts in {self.path}"]
        for name, counts in self.labels.items():
            values = ", ".join(f"{value or '(open)'} {count:,}" for value, count in list(counts.items())[:40])
            lines.append(f"{name}: {values}")
        return lines


def forms_of(spec: Path | None, model: str, kinds: str | None) -> tuple[list[Form], tuple[float, ...]]:
    """The forms of a file, or those of a model's own kinds; and the lengths that the file gives.

    kinds: only these, separated by commas.

    Raises:
        InputError: a kind that there is not, or a model without captions of its own. MissingError: no such
            model.
    """
    if spec is not None:
        forms, lengths = read_spec(spec)
        known = dict.fromkeys(form.labels["kind"] for form in forms if "kind" in form.labels)
    else:
        forms, lengths = own_forms(_tables(model)), ()
        known = dict.fromkeys(form.labels["kind"] for form in forms)
    if kinds is None:
        return forms, lengths
    wanted = [name.strip() for name in kinds.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise InputError(f"--kinds: no kind '{name}'; there are: {', '.join(known) or 'none'}")
    return [form for form in forms if form.labels.get("kind") in wanted], lengths


def _tables(model: str) -> Mapping[str, KindTable]:
    folder = resolve_bundle(model)
    info = read_info(folder)
    if info.reading != LABELS:
        raise InputError(f"'{info.name}' has no captions of its own kinds; give templates with --spec")
    return LabelTables.load(folder / READER_TABLES).tables


def parse_seconds(text: str) -> tuple[float, ...]:
    """The value of --seconds: lengths separated by commas."""
    try:
        lengths = tuple(float(part) for part in text.split(","))
    except ValueError:
        lengths = (0.0,)
    if not all(0 < length < math.inf for length in lengths):
        raise InputError(f"--seconds {text}: accepted are lengths above 0, such as 3,4.5,6")
    return lengths


def make_prompts(
    forms: Sequence[Form],
    count: int,
    seconds: Sequence[float],
    seed: int,
    out: Path,
    two_phase: float = 0.0,
) -> MadeSet:
    """Write `count` different prompts, balanced over kinds, then actors, sides, manners, tempi, then lengths.

    Args:
        seconds: lengths, each equally often; () for those of the forms, and none where a form has none.
        two_phase: share of prompts that join two forms of different kinds by "|".

    Raises:
        InputError: fewer texts than `count`, or another suffix than .csv, .tsv or .jsonl.
    """
    check_suffix(out)
    rng = Random(seed)
    settled = [one for form in forms for one in form.settled()]
    pairs = round(count * two_phase)
    chosen = _chosen(settled, count - pairs, rng) + _pairs(settled, pairs, rng)
    rows = _rows(chosen, seconds, rng)
    rng.shuffle(rows)
    names = [name for name in dict.fromkeys(n for row in rows for n in row) if any(r.get(name) for r in rows)]
    digits = len(str(count))
    numbered = [{"id": f"{out.stem}-{number:0{digits}d}", **row} for number, row in enumerate(rows, 1)]
    write_rows(out, ("id", *names), numbered)
    columns = [name for name in (*BALANCED, "seconds") if name in names]
    values = {name: Counter(of for row in rows for of in row.get(name, "").split("|")) for name in columns}
    counts = {name: dict(of.most_common()) for name, of in values.items()}
    return MadeSet(out, len(rows), counts)


def _chosen(forms: Sequence[Form], count: int, rng: Random) -> list[Drawn]:
    """Texts of forms, none twice; forms that give the same texts are dealt the missing ones again."""
    used: list[set[int]] = [set() for _ in forms]
    chosen: dict[str, Form] = {}
    while len(chosen) < count:
        left = [form.count - len(of) for form, of in zip(forms, used, strict=True)]
        missing = count - len(chosen)
        if sum(left) < missing:
            raise InputError(
                f"--count {count:,}: there are {len(chosen) + sum(left):,} different texts; give more "
                "templates or choices, prompts of two actions (--two-phase), or several --samples of each"
            )
        for index, number in enumerate(deal(forms, BALANCED, missing, rng, left)):
            for place in _unused(forms[index].count, used[index], number, rng):
                used[index].add(place)
                chosen.setdefault(forms[index].text(place), forms[index])
    return [Drawn(text, form.name, form.labels, form.seconds) for text, form in chosen.items()]


def _unused(count: int, used: set[int], number: int, rng: Random) -> list[int]:
    """`number` numbers below `count` that are not used."""
    if 2 * (len(used) + number) > count:
        return rng.sample([i for i in range(count) if i not in used], number)
    drawn: dict[int, None] = {}
    while len(drawn) < number:
        place = rng.randrange(count)
        if place not in used:
            drawn[place] = None
    return list(drawn)


def _pairs(forms: Sequence[Form], count: int, rng: Random) -> list[Drawn]:
    """Texts of two phases of different kinds, every kind equally often the first."""
    kinds: dict[str, list[Form]] = {}
    for form in forms:
        kinds.setdefault(form.labels.get("kind", ""), []).append(form)
    if count and len(kinds) < 2:
        raise InputError("--two-phase joins actions of different kinds; the forms have one kind")
    names = sorted(kinds)
    rng.shuffle(names)
    pairs: dict[str, Drawn] = {}
    tries = 0
    while len(pairs) < count:
        first = names[len(pairs) % len(names)]
        second = rng.choice([name for name in names if name != first])
        one, other = (rng.choice(kinds[name]) for name in (first, second))
        pair = _drawn(one, rng).then(_drawn(other, rng))
        pairs.setdefault(pair.text, pair)
        tries += 1
        if tries > 20 * count + 100:
            raise InputError(
                f"--two-phase: too few texts for {count:,} different pairs; give a smaller share"
            )
    return list(pairs.values())


def _drawn(form: Form, rng: Random) -> Drawn:
    return Drawn(form.text(rng.randrange(form.count)), form.name, form.labels, form.seconds)


def _rows(drawn: Sequence[Drawn], seconds: Sequence[float], rng: Random) -> list[Row]:
    """Rows of the table; lengths in turn within each kind."""
    by_kind = Counter(one.labels.get("kind", "") for one in drawn)
    turns = in_turn(seconds, by_kind, rng) if seconds else {}
    rows: list[Row] = []
    for one in drawn:
        length: float | None = rng.choice(one.seconds) if one.seconds else None
        if turns:
            length = turns[one.labels.get("kind", "")].pop() * one.phases
        row = {"text": one.text, "seconds": "" if length is None else f"{length:g}"}
        rows.append({**row, **one.labels, "template": one.template})
    return rows
