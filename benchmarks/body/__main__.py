"""Solve rigid and decoded bodies, print what changed, and write it into `docs/results/body-solver.md`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.body import clips, meeting, picture, report
from benchmarks.machine import ROOT, describe
from benchmarks.pasting import paste
from intermask_cli.motion.body.solver import SolvedBodies, solve_clips
from intermask_cli.motion.motion import Motion

DOCUMENT = ROOT / "docs" / "results" / "body-solver.md"
PICTURE = ROOT / "docs" / "results" / "images" / "body-solver.png"
#: What is measured: the name on the command line, and of the block in the document.
BODIES, CONTACTS = "body-solver", "body-contacts"
SEEDS = (0, 1, 2)
#: Clips solved together, as generation does.
BATCH = 8
_TIMED_FRAMES, _ROUNDS = 150, 9


def main() -> None:
    """The command `python -m benchmarks.body`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.body", description=__doc__)
    parser.add_argument("--captures", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--limit", type=int, help="first N prompts, a clip per kind; writes nothing")
    parser.add_argument("--only", choices=(BODIES, CONTACTS), help="one part  [default: both]")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.only != CONTACTS:
        measure_bodies(options.captures, options.limit)
    if options.only != BODIES:
        block = f"{meeting.table(options.limit)}\n\n{_machine(describe())}"
        _show(CONTACTS, block, options.limit)


def measure_bodies(captures: Path, limit: int | None) -> None:
    """Bodies that were decoded for prompts, and bodies that are rigid already."""
    machine = describe()
    motions = clips.decoded(SEEDS, limit)
    solved = _solved(motions)
    parts = [
        "### Decoded by the bundled model\n",
        f"{len(motions)} clips: run seeds {', '.join(map(str, SEEDS))} of each prompt.\n",
        _no_bodies(solved),
        "Of the others:\n",
        report.table([*report.generated(*_bodies(motions, solved)), _time_row(motions)]),
        "",
    ]
    for name, joints in clips.rigid(captures).items():
        after = solve_clips(joints)
        alone = solve_clips(joints, plant=False, repair=False)
        rows = report.rigid(joints, after, alone)
        parts += [f"### Rigid already: {name} ({len(joints)} clips)\n", report.table(rows), ""]
    _show(BODIES, "\n".join([*parts, _machine(machine)]), limit)
    if limit is None:
        shown = [len(SEEDS) * (number - 1) for number in picture.SHOWN]
        picture.draw([motions[i].joints for i in shown], [solved[i].joints for i in shown], PICTURE)


def _show(part: str, block: str, limit: int | None) -> None:
    """Print a block, and paste it into the document unless it is of a few clips."""
    print(block)
    if limit is None:
        paste(DOCUMENT, part, block)


def _machine(machine: dict[str, Any]) -> str:
    """Where and when a block was measured."""
    return (
        f"*{machine['processor']}, {machine['cores']} cores, one thread, numpy {np.__version__}, "
        f"torch {machine['versions']['torch']}, commit {machine['commit']}, {machine['measured']}, "
        f"load before {machine['load_before'][0]}.*"
    )


def _solved(motions: list[Motion]) -> list[SolvedBodies]:
    """Every motion solved, in batches."""
    solved: list[SolvedBodies] = []
    for start in range(0, len(motions), BATCH):
        some = motions[start : start + BATCH]
        solved += solve_clips([m.joints for m in some], [m.rotations6d for m in some])
    return solved


def _bodies(
    motions: list[Motion], solved: list[SolvedBodies]
) -> tuple[tuple[Motion, ...], tuple[SolvedBodies, ...]]:
    """Those that can be bodies."""
    before, after = zip(*((m, s) for m, s in zip(motions, solved, strict=True) if s.is_body), strict=True)
    return before, after


def _time_row(motions: list[Motion]) -> report.Row:
    """Processor time of a pair of five seconds in a batch, least of some rounds."""
    long = [m.part(0, _TIMED_FRAMES) for m in motions if m.frames >= _TIMED_FRAMES][:BATCH]
    times = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        _solved(long)
        times.append(1000 * (time.process_time() - started) / len(long))
    shown = f"{min(times):.1f} ({np.median(times):.1f})"
    return report.Row("processor time per five-second pair, least (median), ms", shown, min(times), 15.0)


def _no_bodies(solved: list[SolvedBodies]) -> str:
    """The clips that cannot be a body, as a sentence each."""
    reasons = [reason for bodies in solved for reason in bodies.reasons if reason]
    named = "".join(f"\n* {reason}" for reason in reasons)
    marked = sum(not bodies.is_body for bodies in solved)
    return f"Marked as impossible bodies: {marked} of {len(solved)} clips.\n{named}\n"


if __name__ == "__main__":
    main()
