"""Run missing rows and write docs/results/ablations.md: `python -m benchmarks.ablations`, `make ablations`.

Every row and seed ends in one JSON file in the work folder; a row that has its file is not run again, and an
unfinished training is continued. The files of a budget are gathered into benchmarks/results, from which the
document is made.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.ablations import records
from benchmarks.ablations.document import write_document
from benchmarks.ablations.settings import Budget, Row, Study, load_budgets, load_rows, load_studies
from benchmarks.machine import ROOT, describe
from intermask_cli.console import note
from intermask_cli.errors import InputError
from intermask_cli.files import locked

RESULTS, DOCUMENT = ROOT / "benchmarks" / "results", ROOT / "docs" / "results" / "ablations.md"
#: row, seed, folder for training files -> figures
Runner = Callable[[Row, int, Path], dict[str, float]]


def jobs(rows: Iterable[Row], budget: Budget, seeds: int | None = None) -> list[tuple[Row, int]]:
    """Rows and seeds in the order they run: every row once before any second seed."""
    rows, seeds = list(rows), seeds or budget.seeds
    return [(row, seed) for seed in range(1, seeds + 1) for row in rows if seed == 1 or row.stage != "real"]


def run(todo: Iterable[tuple[Row, int]], budget: Budget, work: Path, runner: Runner) -> None:
    """Run the jobs that have no record yet; a second process skips the job the first one is running."""
    folder, jobs = work / "records", list(todo)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (row, seed) in enumerate(jobs, start=1):
        mark = records.fingerprint(row, budget, seed)
        name = records.record_path(folder, row.name, seed).stem
        with ExitStack() as held:
            try:
                held.enter_context(locked(folder / f".{name}.lock"))
            except InputError:
                continue  # another process runs it
            if records.exists(folder, row.name, seed, mark):
                continue
            note(f"== {number} of {len(jobs)}: {row.name}, seed {seed}")
            cpu, clock = time.process_time(), time.monotonic()
            figures = runner(row, seed, work / "runs" / f"{name}-{mark}")
            machine = describe()
            record = records.RowRecord(
                row=row.name,
                seed=seed,
                fingerprint=mark,
                figures=figures,
                cpu_minutes=(time.process_time() - cpu) / 60,
                minutes=(time.monotonic() - clock) / 60,
                machine=_machine_text(machine),
                commit=machine["commit"],
                measured=machine["measured"],
            )
            records.save(folder, record)


def _machine_text(machine: dict[str, Any]) -> str:
    parts = [machine["processor"], f"{machine['cores']} cores", f"{machine['torch_threads']} threads"]
    return ", ".join([*parts, *machine["gpus"][:1], f"torch {machine['versions']['torch']}"])


def runner_of(work: Path, budget: Budget, device: str) -> Runner:
    """Runs a row of any stage; rows share one workspace."""
    from accelerate import Accelerator

    from benchmarks.ablations.rows import STAGE_RUNNERS
    from benchmarks.ablations.workspace import Workspace

    if device not in ("auto", "cpu"):
        raise InputError(f"--device {device}: accepted: auto, cpu")
    space = Workspace(work, budget, Accelerator(cpu=device == "cpu"))
    return lambda row, seed, folder: STAGE_RUNNERS[row.stage](space, row, seed, folder)


def selected_rows(rows: dict[str, Row], studies: dict[str, Study], names: list[str] | None) -> list[Row]:
    """The rows of the named studies and the named rows, each once; all by default."""
    selected: list[str] = []
    for name in names or list(studies):
        if name in studies:
            selected += [*studies[name].for_comparison, *studies[name].rows]
        elif name in rows:
            selected.append(name)
        else:
            raise InputError(f"--only {name}: accepted: {', '.join([*studies, *rows])}")
    return [rows[name] for name in dict.fromkeys(selected)]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.ablations", description=__doc__.splitlines()[0])
    parser.add_argument("--budget", default="small", help="of configs/budgets.yaml: smoke, small, full")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="studies or rows; default: all")
    parser.add_argument("--seeds", type=int, help="number of seeds instead of the budget's")
    parser.add_argument("--work", type=Path, default=ROOT / "work" / "ablations", help="folder for all files")
    parser.add_argument("--device", default="auto", help="auto (a GPU if there is one) or cpu")
    parser.add_argument("--report", action="store_true", help="run nothing, only write the document")
    options = parser.parse_args(arguments)
    budgets, rows = load_budgets(), load_rows()
    if options.budget not in budgets:
        raise InputError(f"--budget {options.budget}: accepted: {', '.join(budgets)}")
    budget, studies = budgets[options.budget], load_studies(rows)
    work = options.work / budget.name
    if not options.report:
        todo = jobs(selected_rows(rows, studies, options.only), budget, options.seeds)
        run(todo, budget, work, runner_of(work, budget, options.device))
    results, document = (RESULTS, DOCUMENT) if budget.publish else (work, work / DOCUMENT.name)
    records.gather(results_file(results, budget), budget, records.load(work / "records"))
    shown = [one for one in budgets.values() if one.publish] if budget.publish else [budget]
    recorded = [(one, records.read_results(results_file(results, one))) for one in shown]
    write_document(document, rows, studies, [(one, some) for one, some in recorded if some])
    note(f"wrote {results_file(results, budget)} and {document}")


def results_file(folder: Path, budget: Budget) -> Path:
    """The gathered records of a budget."""
    return folder / f"ablations-{budget.name}.json"


if __name__ == "__main__":
    main()
