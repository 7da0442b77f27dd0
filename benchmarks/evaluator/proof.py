"""What the bundled evaluator can distinguish: `python -m benchmarks.evaluator.proof`.

Retrieval of ground truth, also in pools of one kind only, and which metric detects which corruption. Writes
JSON and pastes the tables into docs/results/evaluator.md and the evaluator's card.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.pasting import paste
from evaluators.data.cache import Cache
from evaluators.data.sets import InteractionSet, duets_test_set, relevance
from evaluators.evaluator import load_evaluator
from evaluators.metrics import pool_ranks
from evaluators.networks.canonical import swap_persons
from evaluators.protocols.evaluation import Scorer
from evaluators.protocols.protocol import protocol_named
from evaluators.protocols.scoring import METRICS
from evaluators.reports.sensitivity import plain_sensitivity, sensitivity_markdown, sensitivity_table
from intermask_cli.console import note
from intermask_cli.files import cache_folder

RESULTS = ROOT / "benchmarks" / "results" / "evaluator-proof.json"
MARKER = "evaluator-proof"
PASTED_INTO = (
    ROOT / "docs" / "results" / "evaluator.md",
    ROOT / "evaluators" / "assets" / "duet-eval" / "README.md",
)


def hard_pools(scorer: Scorer, interactions: InteractionSet, size: int) -> float:
    """Top-1 in pools of `size` clips of one kind only."""
    embedded = scorer.embed(interactions)
    assert interactions.mentions is not None
    kinds = np.array([mention.kind for mention in interactions.mentions])
    hits: list[np.ndarray] = []
    for kind in sorted(set(kinds)):
        members = np.flatnonzero(kinds == kind)
        for start in range(0, len(members) - size + 1, size):
            pool = members[start : start + size]
            relevant = relevance(interactions, pool.tolist())
            hits.append(pool_ranks(embedded.text[pool], embedded.motion[pool], relevant) == 0)
    return float(np.concatenate(hits).mean()) if hits else float("nan")


def role_test(scorer: Scorer, interactions: InteractionSet) -> tuple[float, int]:
    """Share of captions that name who acts and are nearer to their clip than to it with persons exchanged."""
    assert interactions.mentions is not None
    named = [i for i, mention in enumerate(interactions.mentions) if mention.actor is not None]
    some = interactions.take(named, "clips with a named actor")
    exchanged = some.with_motions(
        "persons exchanged",
        [replace(m, joints=swap_persons(m.joints), rotations6d=None) for m in some.motions],
    )
    own, other = scorer.embed(some), scorer.embed(exchanged)
    nearer = np.linalg.norm(own.text - own.motion, axis=1) < np.linalg.norm(own.text - other.motion, axis=1)
    return float(nearer.mean()), len(named)


def markdown(record: dict[str, Any], sensitivity: str) -> str:
    """Both tables."""
    rows = "\n".join(f"| {name} | {value} |" for name, value in record["figures"].items())
    return f"""Ground truth of {record["clips"]} Duets test clips, full captions, `{record["evaluator"]}`
({record["evaluator_sha256"][:12]}), pools of {record["pool_size"]}, {record["repetitions"]} repetitions;
`python -m benchmarks.evaluator.proof`.

| ground truth | value |
| --- | --- |
{rows}

{sensitivity}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--evaluator", default="duet-eval")
    parser.add_argument("--clips", type=int, default=384)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    evaluator = load_evaluator(options.evaluator)
    protocol = protocol_named(evaluator.info.protocol)
    both = duets_test_set(2 * options.clips)
    reference = both.take(range(options.clips), both.name)
    scorer = Scorer(evaluator, protocol, reference, Cache(cache_folder()), seed=3407)
    truth = scorer.row(reference)
    floor = scorer.row(both.take(range(options.clips, 2 * options.clips), "other clips"))
    role, named = role_test(scorer, reference)
    figures = {
        **{name: f"{truth[name].mean:.3f} ± {truth[name].half_width:.3f}" for name in METRICS[:3]},
        "R@1 in pools of 16 clips of one kind": f"{hard_pools(scorer, reference, 16):.3f}",
        f"right person (of {named} captions that name who acts)": f"{role:.3f}",
        "FID of other real clips, as many": f"{floor['FID'].mean:.3f}",
    }
    table = sensitivity_table(scorer)
    record = {
        "evaluator": evaluator.name, "evaluator_sha256": evaluator.sha256, "clips": len(reference),
        "pool_size": protocol.pool_size, "repetitions": protocol.repetitions, "figures": figures,
        "faults": plain_sensitivity(table),
    }  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    block = markdown(record, sensitivity_markdown(table))
    print(block)
    for path in PASTED_INTO:
        if options.out == RESULTS and paste(path, MARKER, block):
            note(f"updated {path}")


if __name__ == "__main__":
    main()
