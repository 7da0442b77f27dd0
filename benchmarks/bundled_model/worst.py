"""Failures, shown: the generated motions farthest from their captions, as a list and as a picture."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.bundled_model.bench import Bench, joints_of
from benchmarks.bundled_model.retrieval import distances
from intermask_cli.export.pictures.contact_sheet import contact_sheet

COUNT = 10
COLUMNS = 8
WIDTH = 1200
COLOURS = 48


def worst(bench: Bench) -> list[dict[str, Any]]:
    """The ten with the largest distance to their caption (`mm_distance` of per_prompt.csv), worst first."""
    far = distances(bench)
    seen = bench.reader(joints_of(bench.made)).kind
    return [
        {
            "id": bench.made.ids[i], "prompt": bench.made.prompts[i], "mm_distance": float(far[i]),
            "kind": bench.clips.single[i].labels.kind, "shown": seen[i], "item": int(i),
        }
        for i in np.argsort(-far)[:COUNT]
    ]  # fmt: skip


def draw(bench: Bench, chosen: list[dict[str, Any]], path: Path) -> None:
    """A contact sheet with few colours, so that the file stays small; needs the `viz` extra."""
    titles = [f"{row['prompt']}  [{row['mm_distance']:.1f}; looks like {row['shown']}]" for row in chosen]
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "sheet.png"
        contact_sheet(joints_of(bench.made, [row["item"] for row in chosen]), full, titles, COLUMNS)
        picture = Image.open(full).convert("RGB")
    size = (WIDTH, round(WIDTH * picture.height / picture.width))
    small = picture.resize(size, Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
