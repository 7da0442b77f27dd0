"""docs/results/benchmarks.md and its plots, all of it from the JSON files of `benchmarks.speed`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed import plots
from benchmarks.speed.attention import FUSED, WRITTEN
from benchmarks.speed.bounds import ATTENTION, PRODUCTS, REST
from benchmarks.speed.goals import reached
from benchmarks.speed.growth import VARIED
from intermask_cli.files import write_text

HEAD = """# Speed

Made by `make benchmark` and `make benchmark-all` (`python -m benchmarks.speed`) out of
`benchmarks/results/*.json`, which hold every sample of every timing, by version. Of each section the newest
version's figures are shown. What is compared is run in turns, so that a disturbance hits all; ratios are of
minima, medians are in brackets. A busy machine is refused unless a run is forced, which is then said below
the figures. Networks of the sampling loop have the published full size and random weights, so figures say
nothing about quality. The plain loop is the published arrangement (`benchmarks/speed/published_loop.py`): two
passes per step over all positions, persons apart, condition vectors computed in every pass, padded to the
longest clip. It makes the same tokens.
"""
#: Share of the processors that other programs may use: more shows in the figures.
MOST_BUSY = 0.15


def write_report(records: Sequence[dict[str, Any]], document: Path) -> None:
    """One part per machine; plots are written to images/ next to the document."""
    lines = [HEAD]
    for name in dict.fromkeys(record["name"] for record in records):
        versions = sorted((r for r in records if r["name"] == name), key=_version)
        newest = {"sections": {key: of for record in versions for key, of in record["sections"].items()}}
        lines += [f"## {name}", "", *_goals(versions, newest)]
        image = _plot(name, "goals", plots.goals, reached(newest), document)
        lines += ["", f"![goals]({image})", ""]
        for section in (key for key in _SECTIONS if key in newest["sections"]):
            found = newest["sections"][section]
            lines += [*_SECTIONS[section](found["figures"]), "", _measured_on(found), ""]
            if section in _PLOTS:
                image = _plot(name, section, _PLOTS[section], found["figures"], document)
                lines += [f"![{section}]({image})", ""]
    write_text(document, "\n".join(lines).rstrip() + "\n")


def _plot(name: str, section: str, draw: Callable[[Any, Path], None], figures: Any, document: Path) -> str:
    """Draw a plot next to the document; its path as the document names it."""
    image = Path("images") / f"{name}-{section}.png"
    (document.parent / image).parent.mkdir(parents=True, exist_ok=True)
    draw(figures, document.parent / image)
    return image.as_posix()


def _version(record: dict[str, Any]) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", record["version"])]


def _goals(versions: Sequence[dict[str, Any]], newest: dict[str, Any]) -> list[str]:
    """Goals, what was reached, and what it was in earlier versions."""
    earlier = {record["version"]: {one.goal.name: one for one in reached(record)} for record in versions}
    rows = []
    for one in reached(newest):
        values = [found.get(one.goal.name) for found in earlier.values()]
        rows.append([*one.cells(), *("" if value is None else f"{value.value:.2f}" for value in values)])
    return _table(["", "measured", "goal", "", *earlier], rows)


def _measured_on(section: dict[str, Any]) -> str:
    at = section["machine"]
    gpus = f", {', '.join(at['gpus'])}" if at["gpus"] else ""
    changed = " with uncommitted changes" if at["uncommitted_changes"] else ""
    busy = at.get("busy_before", 0)
    forced = f" **on a busy machine, {busy:.0%} used by others**" if busy > MOST_BUSY else ""
    return (
        f"*{at['processor']}, {at['cores']} cores{gpus}, {at['torch_threads']} threads, torch "
        f"{at['versions']['torch']}, commit {at['commit']}{changed}, {at['measured']}, load before "
        f"{at['load_before'][0]}{forced}, took {section['took_seconds']:.0f} s.*"
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
    if "attention" in figures:
        lines += [*_attention(figures["attention"]), ""]
    lines.append(
        f"Matrix peak: the best square product measured in the same run, {peaks['float32']:.0f} GFLOP/s in "
        f"float32 and {peaks['bf16']:.0f} in bf16. Its share counts the arithmetic of the plain method, "
        "saved or not. The unconditional first pass that ours keeps from call to call is not used here."
    )
    return lines


def _attention(found: Sequence[dict[str, Any]]) -> list[str]:
    """The kernels of attention in bfloat16, one line for each shape."""
    rows = []
    for row in found:
        times = [f"{1000 * row['runs'][kernel]['min']:.2f}" for kernel in (FUSED, WRITTEN)]
        rows.append([row["name"], f"{row['sequences']} x {row['keys']}", *times, row["chosen"]])
    return [
        "Attention in bfloat16 on the CPU, milliseconds; the choice depends on shape and processor.",
        "",
        *_table(["", "sequences x keys", FUSED, WRITTEN, "chosen"], rows),
    ]


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
    keys = ("plan", "load", "sampling", "bodies", "everything_else", "total")
    seconds = {key: figures.get(f"{key}_seconds") for key in keys}
    return [
        f"### Where a run of {figures['prompts']:,} prompts spends its time",
        "",
        *_table(["", "seconds"], [[key.replace("_", " "), f"{value:.2f}"] for key, value in seconds.items()
                                  if value is not None]),
        "",
        "Sampling includes text, decoding and features; bodies are the solver's. Everything else (plan, "
        f"writing, merge, gallery) is {100 * figures['everything_else_per_sampling']:.1f} % of both.",
    ]  # fmt: skip


def _starts(figures: dict[str, Any]) -> list[str]:
    rows = [
        [name, f"{_both(row)} s", f"{1 / row['times_as_fast']:.2f}x" if "times_as_fast" in row else "1"]
        for name, row in figures["runs"].items()
    ]
    return [
        f"### Starts, one prompt of {figures['frames']} frames",
        "",
        *_table(["", "processor seconds", "of import torch"], rows),
    ]


def _storage(figures: dict[str, Any]) -> list[str]:
    rows = [
        [name, f"{row['bytes_per_pair'] / 1000:.0f} kB", f"{1000 * row['min'] / figures['pairs']:.1f} ms"]
        for name, row in figures["runs"].items()
    ]
    return [
        f"### Storage of {figures['pairs']} pairs of {figures['frames']} frames",
        "",
        *_table(["", "per pair", "writing, per pair"], rows),
        "",
        f"Rounded is {figures['times_smaller']:.2f} times smaller. Joints move by up to "
        f"{figures['joints_moved_mm']:.2f} mm and are up to {figures['off_body_mm']:.2f} mm from forward "
        "kinematics of what is stored.",
    ]


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


def _training(figures: dict[str, Any]) -> list[str]:
    rows = [
        [name, f"{row['times_as_fast']:.2f}x" if "times_as_fast" in row else "1", f"{_both(row)} s",
         f"{row['positions_per_second']:,.0f}"]
        for name, row in figures["runs"].items()
    ]  # fmt: skip
    return [
        f"### Training the transformer of {figures['recipe']}: steps of {figures['batch']} x "
        f"{10 * figures['tokens']} tokens",
        "",
        *_table(["", "times as fast", "seconds of a step", "tokens/s"], rows),
        "",
        f"All on {figures['processes']} cores. The first is how version 0.1.0 trained: one process with a "
        "thread per core, bf16 autocast.",
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


def _earlier(figures: dict[str, Any]) -> list[str]:
    rows = []
    for name, row in figures["runs"].items():
        both = row, figures["processor"][name]
        by_clock, by_processor = (f"{of.get('times_as_fast', 1):.2f}x" for of in both)
        seconds = (f"{of['min']:.1f} s" for of in both)
        rows.append([name, by_clock, f"{figures['prompts'] / row['min']:.2f}", *seconds, by_processor])
    frames = figures["frames"]
    head = ["", "times as fast", "interactions/s", "seconds", "processor seconds", "times as fast in those"]
    return [
        f"### {figures['prompts']} prompts of {min(frames)} to {max(frames)} frames, now and in 0.1.0",
        "",
        *_table(head, rows),
        "",
        "Each version with its own default settings: 0.1.0 in one process with all threads, its bodies as "
        "decoded; now with a worker per core, prompts read, bodies solved and stored rounded.",
    ]


def _corpus(figures: dict[str, Any]) -> list[str]:
    rows = [
        [name, f"{row['times_as_fast']:.2f}x" if "times_as_fast" in row else "1",
         f"{1000 * row['min']:.1f} ms", f"{1 / row['min']:.0f}"]
        for name, row in figures["runs"].items()
    ]  # fmt: skip
    return [
        f"### `intermask data duets`: {figures['clips']} clips, now and in 0.1.0",
        "",
        *_table(["", "times as fast", "processor time of a clip", "clips/s of a core"], rows),
        "",
        "Written to disk, the start of the command left out. 0.1.0 had the 26 kinds of the second row.",
    ]


def _evaluation(figures: dict[str, Any]) -> list[str]:
    rows = [
        [name, f"{row['seconds']:.1f} s", f"{row['processor_seconds']:.1f} s"]
        for name, row in figures["runs"].items()
    ]
    words = " ".join(["intermask evaluate", *figures["options"]])
    return [f"### `{words}`", "", *_table(["", "seconds", "processor seconds"], rows)]


_SECTIONS = {
    "sampling": _sampling, "starts": _starts, "end to end": _end_to_end, "machinery": _machinery,
    "machinery 1,000": _machinery, "storage": _storage, "many": _many, "growth": _growth,
    "pictures": _pictures, "against 0.1.0": _earlier, "duets": _corpus, "evaluate": _evaluation, "gpu": _gpu,
    "training": _training,
}  # fmt: skip
_PLOTS = {"growth": plots.growth, "many": plots.many}
