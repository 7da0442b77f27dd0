"""The page docs/results/factory.md, from the figures of one measurement."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

_HEAD = """# The dataset factory

Made by `python -m benchmarks.factory` out of `benchmarks/results/factory.json`: from templates to a table to
train on, every command in a process of its own, with one worker. The model is tiny (the tokenizer of
`duet-mini` and a transformer of one layer with random weights), so that what is not the model shows; the
motion is noise. `model` is the time in `InteractionModel.generate` (texts, sampling, decoding); everything
else, loading included, is outside, and so are the clips of `plan`, which it makes in another process.

"""


def document(result: Mapping[str, Any]) -> str:
    """Markdown of a result."""
    stages, machine = result["stages"], result["machine"]
    total = sum(row["seconds"] for row in stages.values())
    model = sum(row["model_seconds"] for row in stages.values())
    generated = stages["generate"]["printed"]
    planned = stages["plan"]["printed"]
    lines = [
        _wrapped(
            f"{result['prompts']:,} prompts on {machine['processor']}, {machine['cores']} cores, torch "
            f"threads {machine['torch_threads']}, load of the machine {machine['load_before'][0]}, commit "
            f"{machine['commit']}, {machine['measured']}."
        ),
        "",
        "| stage | seconds | of it model | outside the model | peak memory |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, row in stages.items():
        outside = row["seconds"] - row["model_seconds"]
        lines.append(
            f"| {name} | {row['seconds']:.1f} | {row['model_seconds']:.1f} | {outside:.1f} s, "
            f"{outside / total:.1%} of all | {row['peak_bytes'] / 1e6:,.0f} MB |"
        )
    lines += [
        f"| all | {total:.1f} | {model:.1f} | {total - model:.1f} s, {(total - model) / total:.1%} | |",
        "",
        _wrapped(
            f'`--accept "{result["accept"]}" --tries {result["tries"]}`: {generated["accepted"]:,} of '
            f"{generated['done']:,} interactions are accepted, after {generated['tries']:,} tries. The "
            f"dataset has {result['dataset_bytes'] / 1e6:,.1f} MB, the Parquet files "
            f"{result['parquet_bytes'] / 1e6:,.1f} MB."
        ),
        "",
        _wrapped(_plan_line(planned, stages["generate"]["seconds"], result["dataset_bytes"])),
        "",
    ]
    return _HEAD + "\n".join(lines)


def _plan_line(planned: Mapping[str, Any], seconds: float, size: int) -> str:
    """The plan next to what came of it."""
    cost = planned["cost"]
    if cost is None:
        return f"The plan measured nothing ({planned['not_measured']})."
    low, likely, high = (cost["seconds"][name] for name in ("low", "likely", "high"))
    return (
        f"The plan said {likely:.0f} s ({low:.0f} to {high:.0f}) and "
        f"{planned['estimated_bytes'] / 1e6:,.1f} MB; generating took {seconds:.0f} s with the start of the "
        f"process and the merge, and gave {size / 1e6:,.1f} MB."
    )


def _wrapped(sentences: str) -> str:
    """Lines of prose, as pages have them."""
    return textwrap.fill(sentences, 110, break_on_hyphens=False)
