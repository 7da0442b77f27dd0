"""The record of a run as JSON and as the Markdown that the model's card shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.bundled_model.figures import HEAD, Figure

TITLES = {
    "tokenizer": "Tokenizer",
    "generation": "Generation",
    "retrieval": "By the bundled evaluator",
    "wordings": "Unseen wordings",
    "phases": "Two phases",
    "reaction": "Reaction",
    "salsa": "Reaction to real salsa",
    "continuation": "Continuation to 30 s",
    "apart": "With the pair decoder, and without it",
}

LISTED = 12  # of the free wordings that were missed; the JSON has all


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
        told = ", ".join(f"{kind} {share:.2f}" for kind, share in kinds.items())
        lines += [f"Share of generated clips whose kind is right: {told}.", ""]
    if missed:
        told = "; ".join(f'"{row["text"]}" ({row["asked"]}) shows {row["shown"]}' for row in missed[:LISTED])
        more = f"; and {len(missed) - LISTED} more" if len(missed) > LISTED else ""
        lines += [f"Free wordings that show another kind: {told}{more}.", ""]
    if worst:
        told = "; ".join(f'"{w["prompt"]}" ({w["mm_distance"]:.1f}, shows {w["shown"]})' for w in worst)
        lines += [f"The ten motions farthest from their captions: {told}.", ""]
    return "\n".join([*lines, footer])
