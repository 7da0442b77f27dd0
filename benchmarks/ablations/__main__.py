"""Run what is missing and write docs/ablations.md: `python -m benchmarks.ablations`, or `make ablations`.

Every row and seed ends in one JSON file in the work folder; what is there already is not run again, and a
half-finished training is continued. The files of a budget are gathered into benchmarks/results, from where
the document is made.
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

RESULTS, DOCUMENT = ROOT / "benchmarks" / "results", ROOT / "docs" / "ablations.md"
#: row, seed, folder for training files -> figures
Runner = Callable[[Row, int, Path], dict[str, float]]


def jobs(rows: Iterable[Row], budget: Budget, seeds: int | None = None) -> list[tuple[Row, int]]:
    """Rows and seeds in the order they run: every row once before any second seed."""
    rows, seeds = list(rows), seeds or budget.seeds
    return [(row, seed) for seed in range(1, seeds + 1) for row in rows if seed == 1 or row.stage != "real"]


def run(todo: Iterable[tuple[Row, int]], budget: Budget, work: Path, runner: Runner) -> None:
    """Run the jobs that have no record yet; a second process, started later, takes what is not taken."""
    folder, jobs = work / "records", list(todo)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (row, seed) in enumerate(jobs, start=1):
        mark = records.fingerprint(row, budget, seed)
        name = records.record_path(folder, row.name, seed).stem
        with ExitStack() as held:
            try:
                held.enter_context(locked(folder / f".{name}.lock"))
            except InputError:
                continue  # another process is at it
            if records.made(folder, row.name, seed, mark):
                continue
            note(f"== {number} of {len(jobs)}: {row.name}, seed {seed}")
            cpu, clock = time.process_time(), time.monotonic()
            figures = runner(row, seed, work / "runs" / f"{name}-{mark}")
            machine = describe()
            record = records.Record(
                row.name, seed, mark, figures, (time.process_time() - cpu) / 60,
                (time.monotonic() - clock) / 60, _named(machine), machine["commit"], machine["measured"],
            )  # fmt: skip
            records.save(folder, record)


def _named(machine: dict[str, Any]) -> str:
    parts = [machine["processor"], f"{machine['cores']} cores", f"{machine['torch_threads']} threads"]
    return ", ".join([*parts, *machine["gpus"][:1], f"torch {machine['versions']['torch']}"])


def runner_of(work: Path, budget: Budget, device: str) -> Runner:
    """Runs a row of any stage; what rows share is made once."""
    from accelerate import Accelerator

    from benchmarks.ablations import real_rows, sampling_rows, tokenizer_rows, transformer_rows
    from benchmarks.ablations.workplace import Workplace

    if device not in ("auto", "cpu"):
        raise InputError(f"--device {device}: accepted: auto, cpu")
    place = Workplace(work, budget, Accelerator(cpu=device == "cpu"))
    stages = {
        "real": real_rows.run, "tokenizer": tokenizer_rows.run, "transformer": transformer_rows.run,
        "sampling": sampling_rows.run,
    }  # fmt: skip
    return lambda row, seed, folder: stages[row.stage](place, row, seed, folder)


def chosen_rows(rows: dict[str, Row], studies: dict[str, Study], names: list[str] | None) -> list[Row]:
    """Rows of the studies or rows named, all by default, each once."""
    wanted: list[str] = []
    for name in names or list(studies):
        if name in studies:
            wanted += [*studies[name].beside, *studies[name].rows]
        elif name in rows:
            wanted.append(name)
        else:
            raise InputError(f"--only {name}: accepted: {', '.join([*studies, *rows])}")
    return [rows[name] for name in dict.fromkeys(wanted)]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.ablations", description=__doc__.splitlines()[0])
    parser.add_argument("--budget", default="small", help="of configs/budgets.yaml: smoke, small, full")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="studies or rows; default: all")
    parser.add_argument("--seeds", type=int, help="so many seeds instead of the budget's")
    parser.add_argument("--work", type=Path, default=ROOT / "work" / "ablations", help="folder for all files")
    parser.add_argument("--device", default="auto", help="auto (a GPU if there is one) or cpu")
    parser.add_argument("--report", action="store_true", help="run nothing, write the document anew")
    options = parser.parse_args(arguments)
    budgets, rows = load_budgets(), load_rows()
    if options.budget not in budgets:
        raise InputError(f"--budget {options.budget}: accepted: {', '.join(budgets)}")
    budget, studies = budgets[options.budget], load_studies(rows)
    work = options.work / budget.name
    if not options.report:
        todo = jobs(chosen_rows(rows, studies, options.only), budget, options.seeds)
        run(todo, budget, work, runner_of(work, budget, options.device))
    results, document = (RESULTS, DOCUMENT) if budget.publish else (work, work / DOCUMENT.name)
    records.gather(results_file(results, budget), budget, records.load(work / "records"))
    shown = [budget] if not budget.publish else [one for one in budgets.values() if one.publish]
    found = [(one, records.read_results(results_file(results, one))) for one in shown]
    write_document(document, rows, studies, [(one, some) for one, some in found if some])
    note(f"wrote {results_file(results, budget)} and {document}")


def results_file(folder: Path, budget: Budget) -> Path:
    """The gathered records of a budget."""
    return folder / f"ablations-{budget.name}.json"


if __name__ == "__main__":
    main()
