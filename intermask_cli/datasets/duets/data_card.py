"""The data card of a generated corpus (its README.md): kinds, families, label statistics, shortcomings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from intermask_cli.datasets.duets.labels import KINDS, Labels, phases_of
from intermask_cli.motion.skeleton import FPS

KNOWN_UNNATURAL = (
    "Hands are palms without fingers, also as fists; feet are stiff except for the toes; faces do not exist.",
    "People never hesitate, err or improvise, and the other person always does what the kind prescribes.",
    "Tempo scales the timing of the whole clip; slow punches and kicks are stage fighting.",
    "Objects (handed over, carried, drunk from, fought with, sat on) are not modelled; games have no voices.",
    "Turns on the spot are small steps on the balls; there is no pivot and no run.",
    "A person who is pulled up from the floor squats on flat feet; people sit on "
    "nothing, and never kneel or lie.",
    "A limp is a dip and a lean at an even pace, not an uneven step.",
    "Between two phases both pause and step to the distance the second one needs.",
    "The two never differ in skill, age or mood; style differs only in posture, reaction and amplitude.",
    "Captions come from templates: without the vagueness, errors and detail of human descriptions.",
    "Floors are flat and empty; there is no furniture and no music for the dances.",
)


class ClipRow(NamedTuple):
    """What data card and manifest contain about a clip; the labels are without contacts and events."""

    labels: Labels
    split: str
    frames: int
    captions: int


def data_card(manifest: dict[str, Any], rows: Sequence[ClipRow]) -> str:
    """The card as Markdown; the same rows give the same text."""
    kinds = ",".join(manifest["kinds"])
    seconds = manifest["frames"] / FPS
    lines = [
        "# Duets 2 corpus",
        "",
        "Two-person interactions made by rules (`intermask data duets`), without any capture data.",
        "",
        f"{manifest['clips']:,} clips, {manifest['frames']:,} frames ({seconds / 3600:.2f} hours at {FPS} "
        f"fps), {manifest['captions']:,} captions, seed {manifest['seed']}. "
        f"Splits: {_counts(manifest['splits'])}.",
        f"Made by: `intermask data duets --clips {manifest['clips']} --seed {manifest['seed']} "
        f"--kinds {kinds} --two-phase {manifest['two_phase_share']:g}` with generator "
        f"`{manifest['generator']['sha256'][:16]}`.",
        "",
        "## Kinds",
        "",
        "| family | kind | clips | seconds (shortest, mean, longest) | what happens |",
        "| --- | --- | --- | --- | --- |",
        *(_kind_line(kind, row) for kind, row in _by_family(manifest["kinds"])),
        "",
        *_two_phase(manifest["two_phase"], rows),
        "## Labels",
        "",
        "Phases of two-phase clips are counted with their own kinds. Actor and side are those of the labels: "
        "`actor` is the acting person or, in kinds without one, the person who walks up.",
        "",
        "| kind | phases | actor | side | tempo | manner | repeats | approach |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *_label_lines(manifest["kinds"], [phase for row in rows for phase in phases_of(row.labels)]),
        "",
        "## Known to be unnatural",
        "",
        *(f"* {fault}" for fault in KNOWN_UNNATURAL),
    ]
    return "\n".join(lines) + "\n"


def _by_family(kinds: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    families = list(dict.fromkeys(info.family for info in KINDS.values()))
    return sorted(kinds.items(), key=lambda item: families.index(KINDS[item[0]].family))


def _kind_line(kind: str, row: dict[str, Any]) -> str:
    info = KINDS[kind]
    return f"| {info.family} | {kind} | {row['clips']:,} | {_seconds(row)} | {info.description} |"


def _seconds(row: dict[str, Any]) -> str:
    return ", ".join(f"{row[f'frames_{which}'] / FPS:.1f}" for which in ("min", "mean", "max"))


def _two_phase(row: dict[str, Any], rows: Sequence[ClipRow]) -> list[str]:
    pairs = {(r.labels.kind, r.labels.then.kind) for r in rows if r.labels.then is not None}
    if not pairs:
        return []
    text = (
        f'{row["clips"]:,} more clips join two kinds by "then", {len(pairs)} different pairs of them; '
        f"seconds: {_seconds(row)}."
    )
    return [text, ""]


def _label_lines(kinds: Iterable[str], phases: Sequence[Labels]) -> Iterable[str]:
    for kind in kinds:
        own = [phase for phase in phases if phase.kind == kind]
        actors = Counter(None if phase.actor is None else f"person {phase.actor + 1}" for phase in own)
        columns = [_counts(actors)] + [
            _counts(Counter(getattr(phase, name) for phase in own))
            for name in ("side", "tempo", "manner", "repeats", "approach")
        ]
        yield f"| {kind} | {len(own):,} | {' | '.join(columns)} |"


def _counts(counts: dict[Any, int] | Counter[Hashable]) -> str:
    """ "left 12, right 9"; empty if all values are None."""
    if not set(counts) - {None}:
        return ""
    order = sorted(counts.items(), key=lambda item: (item[0] is None, str(item[0])))
    return ", ".join(f"{'none' if value is None else value} {count:,}" for value, count in order)
