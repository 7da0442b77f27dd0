"""docs/results/benchmarks.md and its plots, all of it from the JSON files of `benchmarks.speed`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.bounds import ATTENTION, PRODUCTS, REST
from intermask_cli.files import write_text

HEAD = """# Speed

Made by `make benchmark` (`python -m benchmarks.speed`) out of `benchmarks/results/*.json`, which hold every
sample of every timing. What is compared is run in turns, so that a disturbance hits all; ratios are of
minima, medians are in brackets. Networks of the first part have the published full size and random weights,
so figures say nothing about quality. The plain loop is the published arrangement
(`benchmarks/speed/published_loop.py`): two passes per step over all positions, persons apart,
condition vectors computed in every pass, padded to the longest clip. It makes the same tokens.
"""


def write_report(records: Sequence[dict[str, Any]], document: Path) -> None:
    """One part per record; plots are written to images/ next to the document."""
    lines = [HEAD]
    for record in records:
        lines += [f"## {record['name']}", ""]
        for name, section in record["sections"].items():
            lines += _SECTIONS[name](section["figures"])
            lines += ["", _measured_on(section), ""]
            if name in _PLOTS:
                image = Path("images") / f"{record['name']}-{name}.png"
                (document.parent / image).parent.mkdir(parents=True, exist_ok=True)
                _PLOTS[name](section["figures"], document.parent / image)
                lines += [f"![{name}]({image.as_posix()})", ""]
    write_text(document, "\n".join(lines).rstrip() + "\n")


def _measured_on(section: dict[str, Any]) -> str:
    at = section["machine"]
    gpus = f", {', '.join(at['gpus'])}" if at["gpus"] else ""
    changed = " with uncommitted changes" if at["uncommitted_changes"] else ""
    return (
        f"*{at['processor']}, {at['cores']} cores{gpus}, {at['torch_threads']} threads, torch "
        f"{at['versions']['torch']}, commit {at['commit']}{changed}, {at['measured']}, load before "
        f"{at['load_before'][0]}, took {section['took_seconds']:.0f} s.*"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    return lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]


def _both(row: dict[str, Any]) -> str:
    return f"{row['min']:.2f} ({row['median']:.2f})"


def _contest(found: dict[str, Any]) -> list[list[str]]:
    rows = []
    for name, row in found["runs"].items():
        faster = "1"
        if "times_as_fast" in row:
            faster = f"{row['times_as_fast']:.2f}x ({row['times_as_fast_median']:.2f}x)"
        peak = f"{100 * row['share_of_matrix_peak']:.0f} %"
        rows.append([name, faster, f"{_both(row)} s", f"{row['seconds_per_clip']:.2f} s", peak])
    return rows


CONTEST_HEAD = ["", "times as fast", "seconds", "per clip", "of matrix peak"]


def _sampling(figures: dict[str, Any]) -> list[str]:
    peaks = figures["matrix_peak_gflops"]
    lines = ["### The sampling loop, full-size network", ""]
    for name in ("one clip", "a batch", "mixed lengths"):
        row = figures[name]
        frames = sorted(set(row["frames"]))
        of = f"{frames[0]} frames" if len(frames) == 1 else f"{frames[0]} to {frames[-1]} frames"
        lines += [
            f"**{name}**: {row['clips']} x {of}, {row['steps']} steps, guidance {row['guidance']:g}; "
            f"{100 * row['tokens_equal_to_plain']:.2f} % of our float32 tokens equal the plain loop's.",
            "",
            *_table(CONTEST_HEAD, _contest(row)),
            "",
        ]
    lines += [*_bounds(figures), ""]
    lines.append(
        f"Matrix peak: the best square product measured in the same run, {peaks['float32']:.0f} GFLOP/s in "
        f"float32 and {peaks['bf16']:.0f} in bf16. Its share counts the arithmetic of the plain method, "
        "saved or not. The unconditional first pass that ours keeps from call to call is not used here."
    )
    return lines


def _bounds(figures: dict[str, Any]) -> list[str]:
    """What a faster loop could still win, where the profile was taken."""
    rows = []
    for name, parts in figures["shares_of_a_pass"].items():
        faster = figures["one clip"]["runs"][name]["times_as_fast"] / (1 - parts[REST])
        rows.append([name, *(f"{100 * share:.0f} %" for share in parts.values()), f"{faster:.2f}x"])
    plain = next(row for row in figures["one clip"]["runs"].values() if "times_as_fast" not in row)
    return [
        "What bounds it: parts of one pass on the CPU (torch.profiler), and how fast ours would be against "
        "the plain loop if everything but products and attention cost nothing. Their arithmetic is that of "
        f"the plain loop, which at the full matrix peak would be {1 / plain['share_of_matrix_peak']:.2f}x as "
        "fast in float32.",
        "",
        *_table(["", PRODUCTS, ATTENTION, REST, f"without {REST}"], rows),
    ]


def _end_to_end(figures: dict[str, Any]) -> list[str]:
    rows = []
    for name, row in figures["runs"].items():
        faster = f"{row['times_as_fast']:.2f}x" if "times_as_fast" in row else "1"
        rows.append([name, faster, f"{_both(row)} s", f"{row['interactions_per_second']:.2f}"])
    again, start = figures["the same command again"], figures["help"]
    slower = 1 / start["intermask --help"]["times_as_fast"]
    return [
        f"### The bundled model, start to finished file: {figures['prompts']} x {figures['frames']} frames",
        "",
        *_table(["", "times as fast", "seconds", "interactions/s"], rows),
        "",
        f"The same command on the finished run: {again['min']:.2f} s. `intermask --help`: "
        f"{start['intermask --help']['min']:.2f} s, {slower:.2f} times Python with an empty typer command.",
    ]


def _machinery(figures: dict[str, Any]) -> list[str]:
    keys = ("plan_seconds", "load_seconds", "sampling_seconds", "everything_else_seconds", "total_seconds")
    return [
        f"### Where a run of {figures['prompts']} prompts spends its time",
        "",
        *_table(["", "seconds"], [[key.removesuffix("_seconds").replace("_", " "), f"{figures[key]:.2f}"]
                                  for key in keys]),
        "",
        "Sampling includes text, decoding and features. Everything else (plan, writing, merge, gallery) is "
        f"{100 * figures['everything_else_per_sampling']:.1f} % of it.",
    ]  # fmt: skip


def _many(figures: dict[str, Any]) -> list[str]:
    rows = [
        [f"{int(count):,}", *(f"{row[f'{key}_seconds']:.2f}" for key in ("plan", "write", "resume", "merge")),
         f"{row['peak_mib']:.0f}", f"{row['file_mb']:.0f}"]
        for count, row in figures["by_count"].items()
    ]  # fmt: skip
    long = figures["long_clips"]
    return [
        f"### Many interactions, a stand-in for the model, {figures['frames']} frames each",
        "",
        *_table(["interactions", "plan s", "write s", "resume s", "merge s", "peak MiB", "file MB"], rows),
        "",
        f"Peak memory grows by {figures['memory_growth_mib']:.0f} MiB from the first row to the last. Of "
        f"clips with {long['frames']} frames, {long['items']} ({long['file_mb']:.0f} MB) are written in "
        f"{long['write_seconds']:.2f} s and merged in {long['merge_seconds']:.2f} s.",
    ]


VARIED = ("frames", "steps", "batch", "prompts")


def _growth(figures: dict[str, Any]) -> list[str]:
    rows = []
    for name in VARIED:
        series = figures[name]
        cells = ", ".join(f"{n}: {row['min']:.2f} s" for n, row in series["runs"].items())
        rows.append([name, f"{series['exponent']:.2f}", cells])
    usual = figures["usual"]
    return [
        f"### How cost grows, {figures['model']}",
        "",
        f"Otherwise {usual['frames']} frames, {usual['steps']} steps, {usual['clips']} clip; "
        "seconds = a * size^b.",
        "",
        *_table(["varied", "b", "minima"], rows),
    ]


def _gpu(figures: dict[str, Any]) -> list[str]:
    rows = [
        [batch, name, f"{row['clips_per_second']:.2f}", f"{row['frames_per_second']:,.0f}",
         f"{row['tokens_per_second']:,.0f}", f"{100 * row['share_of_matrix_peak']:.0f} %"]
        for batch, found in figures["throughput"].items() for name, row in found.items()
    ]  # fmt: skip
    return [
        f"### {figures['device']}",
        "",
        *_table(CONTEST_HEAD, _contest(figures["latency"])),
        "",
        *_table(["batch", "", "clips/s", "frames/s", "tokens/s", "of matrix peak"], rows),
        "",
        f"Best batch against the plain loop at batch 1: {figures['best_against_plain_batch_1']:.1f}x.",
    ]


def _pictures(figures: dict[str, Any]) -> list[str]:
    rows = []
    for name, row in figures["runs"].items():
        rates = [row.get(key) for key in ("pictures_per_second", "pictures_per_processor_second")]
        rows.append([name, f"{_both(row)} s", *("" if rate is None else f"{rate:.0f}" for rate in rates)])
    page = figures["page"]
    return [
        f"### Pictures of one pair, {figures['frames']} frames, {figures['width']} pixels",
        "",
        *_table(["", "seconds", "pictures/s", "pictures/s of processor time"], rows),
        "",
        f"The viewer page of {page['items']:,} interactions of that length, physics included, is written in "
        f"{page['seconds']:.0f} s: {page['page_mb']:.1f} MB and {page['data_mb']:.0f} MB of data files.",
    ]


def _plot_growth(figures: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(VARIED), figsize=(11, 2.8), layout="constrained")
    for axis, name in zip(axes, VARIED, strict=True):
        runs = figures[name]["runs"]
        sizes = [int(n) for n in runs]
        axis.loglog(sizes, [row["min"] for row in runs.values()], "o-", label="minimum")
        axis.loglog(sizes, [row["median"] for row in runs.values()], ".--", label="median")
        axis.set_xticks(sizes, [str(n) for n in sizes])
        axis.minorticks_off()
        axis.set_title(f"{name}: exponent {figures[name]['exponent']:.2f}", fontsize=9)
    axes[0].set_ylabel("seconds")
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _plot_many(figures: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = figures["by_count"]
    counts = [int(count) for count in rows]
    figure, (memory, cost) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
    memory.plot(counts, [row["peak_mib"] for row in rows.values()], "o-")
    memory.set(ylim=(0, None), xlabel="interactions", ylabel="peak MiB")
    for key in ("write", "resume", "merge"):
        cost.plot(counts, [row[f"{key}_seconds"] for row in rows.values()], "o-", label=key)
    cost.set(xlabel="interactions", ylabel="seconds")
    cost.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


_SECTIONS = {
    "sampling": _sampling, "end to end": _end_to_end, "machinery": _machinery, "many": _many,
    "growth": _growth, "pictures": _pictures, "gpu": _gpu,
}  # fmt: skip
_PLOTS = {"growth": _plot_growth, "many": _plot_many}
