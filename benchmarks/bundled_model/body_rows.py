"""Which joints each body row of the token map moves: `python -m benchmarks.bundled_model.body_rows`.

Clips are generated; one row of one person's tokens is exchanged for that of another clip, and the result
decoded. Printed is how far the pelvis moves on average, in millimetres, and how far the joints move as seen
from it, by the row that they belong to in `config.ROW_JOINTS`. Rows mix, as the table shows.
"""

from __future__ import annotations

import argparse

import numpy as np

from intermask_cli.config import BODY_ROWS, DEFAULT_MODEL, FRAMES_PER_TOKEN, ROW_JOINTS
from intermask_cli.inference.model import InteractionModel, load_model

#: Actions of different parts of the body.
TEXTS = (
    "two people bow to each other",
    "two people shake hands",
    "the first person kicks, the second person dodges",
    "two people hug",
    "two people walk side by side",
    "the first person waves at the second person",
)


def moved_mm(model: InteractionModel, frames: int, seed: int) -> np.ndarray:
    """(5, 6): for each exchanged row, how far the pelvis and the joints of each row move, millimetres."""
    made = model.generate(TEXTS, frames, seed=seed, body="decoded")
    tokens = [np.asarray(one.tokens, dtype=np.int64) for one in made]
    moved = np.zeros((BODY_ROWS, 1 + BODY_ROWS))
    for index, own in enumerate(tokens):
        plain = model.decode(own).joints[1]  # (T, 22, 3)
        for row in range(BODY_ROWS):
            mixed = own.copy()
            mixed[1, row] = tokens[(index + 1) % len(tokens)][1, row]
            apart = model.decode(mixed).joints[1] - plain
            pelvis = 1000 * np.linalg.norm(apart[:, 0], axis=-1).mean()
            seen = 1000 * np.linalg.norm(apart - apart[:, :1], axis=-1).mean(axis=0)  # (22,)
            moved[row] += [pelvis, *(seen[list(joints)].mean() for joints in ROW_JOINTS)]
    return moved / len(tokens)


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    frames = options.frames - options.frames % FRAMES_PER_TOKEN
    table = moved_mm(load_model(options.model), frames, options.seed)
    print("| exchanged | pelvis | " + " | ".join(f"row {row}" for row in range(BODY_ROWS)) + " |")
    print("| --- " * (BODY_ROWS + 2) + "|")
    for row, values in enumerate(table):
        print(f"| row {row} | " + " | ".join(f"{value:.0f}" for value in values) + " |")


if __name__ == "__main__":
    main()
