"""Whether people name the action right from the picture alone.

`python -m benchmarks.naming draw FOLDER` generates motions for the captions of held-out Duets clips, kinds
shuffled, and draws one contact sheet without words for each: `sheets/01.png` and so on. `kinds.txt` lists the
names to choose from, `key.csv` says what was asked for. Readers, who see sheets and names alone, write tables
of `sheet,kind`.
`python -m benchmarks.naming score FOLDER ANSWERS.csv ...` compares them with the key and prints a table.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bundled_model.bench import SEED, ClipCounts, held_out, joints_of
from benchmarks.intervals import wilson
from benchmarks.machine import ROOT
from evaluators.data.cache import Cache
from evaluators.data.sets import DUETS_KINDS, clip_set
from evaluators.protocols.evaluation import item_seeds
from evaluators.protocols.motions import GenerationRequest, MotionGenerator
from intermask_cli import load_model
from intermask_cli.config import DEFAULT_MODEL
from intermask_cli.console import note, track
from intermask_cli.datasets.duets.labels import KINDS, kind_set
from intermask_cli.export.pictures.contact_sheet import contact_sheet

COLUMNS = 10
#: Clips of every kind that are drawn from.
PER_KIND = 2


def draw(folder: Path, clips: int, cache: Path) -> None:
    """Sheets, names and key of `clips` generated clips."""
    sizes = ClipCounts(PER_KIND, 1, 0, 1, 1)
    single = held_out(sizes, kind_set(DUETS_KINDS)).single
    order = np.random.default_rng(SEED).permutation(len(single))[:clips]
    chosen = clip_set([single[i] for i in order], "clips to be named")
    model = load_model(DEFAULT_MODEL)
    generator = MotionGenerator(model, model.info.sampling, Cache(cache))
    motions = joints_of(generator(GenerationRequest(chosen, item_seeds(chosen, SEED, 0))))
    sheets = folder / "sheets"
    sheets.mkdir(parents=True, exist_ok=True)
    names = [f"{number:02d}" for number in range(1, len(motions) + 1)]
    for name, joints in track(zip(names, motions, strict=True), "draw", len(names), "sheets"):
        contact_sheet([joints], sheets / f"{name}.png", [""], COLUMNS)
    kinds = [single[i].labels.kind for i in order]
    key = pd.DataFrame({"sheet": names, "kind": kinds, "prompt": chosen.prompts})
    key.to_csv(folder / "key.csv", index=False)
    (folder / "kinds.txt").write_text("\n".join(KINDS) + "\n", encoding="utf-8")
    note(f"{folder}: {len(motions)} sheets")


def score(folder: Path, answers: list[Path]) -> str:
    """Markdown: the share of right names of every reader, and what was taken for what."""
    key = pd.read_csv(folder / "key.csv", dtype=str).set_index("sheet")["kind"]
    lines = ["| reader | named right (95 %) | clips |", "| --- | --- | --- |"]
    mistaken: Counter[str] = Counter()
    for number, path in enumerate(answers, start=1):
        given = pd.read_csv(path, dtype=str)
        # Spreadsheets write 1 for 01.
        named = given.set_index(given["sheet"].str.zfill(2))["kind"].reindex(key.index)
        right = (named == key).to_numpy()
        low, high = wilson(int(right.sum()), len(right))
        lines.append(f"| {number} | {right.mean():.0%} ({low:.0%} to {high:.0%}) | {len(right)} |")
        mistaken.update(f"{a} as {b}" for a, b in zip(key[~right], named[~right], strict=True))
    listed = ", ".join(f"{what} ({count})" for what, count in mistaken.most_common())
    return "\n".join(
        [*lines, "", f"Named otherwise: {listed or 'none'}.", "", "`python -m benchmarks.naming`."]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw", help="generate clips, draw their sheets")
    drawing.add_argument("folder", type=Path)
    drawing.add_argument("--clips", type=int, default=80)
    drawing.add_argument("--cache", type=Path, default=ROOT / "work", help="folder for generated motions")
    scoring = commands.add_parser("score", help="compare answers with the key")
    scoring.add_argument("folder", type=Path)
    scoring.add_argument("answers", type=Path, nargs="+", help="CSV: sheet,kind")
    options = parser.parse_args()
    if options.command == "draw":
        draw(options.folder, options.clips, options.cache)
        return
    print(score(options.folder, options.answers))


if __name__ == "__main__":
    main()
