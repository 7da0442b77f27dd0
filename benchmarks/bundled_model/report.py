"""What the model's card shows: the Markdown of a run, and a picture of its worst motions."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.bundled_model.bench import ModelBench, joints_of
from benchmarks.bundled_model.figures import HEAD, Figure
from benchmarks.bundled_model.retrieval import distances
from intermask_cli.export.pictures.contact_sheet import contact_sheet

TITLES = {
    "tokenizer": "Tokenizer",
    "generation": "Generation",
    "retrieval": "By the bundled evaluator",
    "wordings": "Unseen wordings",
    "fresh": "Prompts never used for tuning",
    "phases": "Two phases",
    "reaction": "Reaction",
    "salsa": "Reaction to real salsa",
    "continuation": "Continuation to 30 s",
    "walking": "Nine seconds of walking",
    "apart": "With the pair decoder, and without it",
}

#: How many of the missed wordings are listed; the JSON has all.
LISTED = 12


def markdown(
    parts: Mapping[str, Sequence[Figure]], kinds: Mapping[str, float], worst: Sequence[Mapping[str, Any]],
    missed: Sequence[Mapping[str, str]], footer: str,
) -> str:  # fmt: skip
    """One table over all parts, then kinds, failures and how it was measured."""
    lines = [HEAD]
    for part, figures in parts.items():
        if figures:
            lines.append(f"| **{TITLES[part]}** |" + " |" * 6)
        lines += [figure.row() for figure in figures]
    judged = [figure.met for figures in parts.values() for figure in figures if figure.met is not None]
    lines += ["", f"{sum(judged)} of {len(judged)} goals met.", ""]
    if kinds:
        listed = ", ".join(f"{kind} {share:.2f}" for kind, share in kinds.items())
        lines += [f"Share of generated clips whose kind is right: {listed}.", ""]
    if missed:
        listed = "; ".join(
            f'"{row["text"]}" ({row["asked"]}) shows {row["shown"]}' for row in missed[:LISTED]
        )
        more = f"; and {len(missed) - LISTED} more" if len(missed) > LISTED else ""
        lines += [f"Fresh wordings that show another kind: {listed}{more}.", ""]
    if worst:
        listed = "; ".join(f'"{w["prompt"]}" ({w["mm_distance"]:.1f}, shows {w["shown"]})' for w in worst)
        lines += [f"The ten motions farthest from their captions: {listed}.", ""]
    return "\n".join([*lines, footer])


#: The contact sheet of the worst motions: frames per motion, pixels, and colours of the palette.
COLUMNS = 8
WIDTH = 1200
COLOURS = 48


def worst(bench: ModelBench) -> list[dict[str, Any]]:
    """The ten with the largest distance to their caption (`mm_distance` of per_prompt.csv), worst first."""
    far = distances(bench)
    shown = bench.reader(joints_of(bench.generated)).kind
    return [
        {
            "id": bench.generated.ids[i], "prompt": bench.generated.prompts[i], "mm_distance": float(far[i]),
            "kind": bench.clips.single[i].labels.kind, "shown": shown[i], "item": int(i),
        }
        for i in np.argsort(-far)[:10]
    ]  # fmt: skip


def draw(bench: ModelBench, chosen: list[dict[str, Any]], path: Path) -> None:
    """A contact sheet with few colours, so that the file stays small; needs the `viz` extra."""
    titles = [f"{row['prompt']}  [{row['mm_distance']:.1f}; looks like {row['shown']}]" for row in chosen]
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "sheet.png"
        contact_sheet(joints_of(bench.generated, [row["item"] for row in chosen]), full, titles, COLUMNS)
        picture = Image.open(full).convert("RGB")
    size = (WIDTH, round(WIDTH * picture.height / picture.width))
    small = picture.resize(size, Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
