"""Writes a Duets corpus in shards: resumable, the same bytes for any number of processes."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from intermask_cli.console import counter
from intermask_cli.datasets.duets.corpus import (
    FORMAT,
    FORMAT_VERSION,
    SHARD_CLIPS,
    SPLIT_SHARES,
    SPLITS,
    ClipMaker,
    CorpusShard,
    make_corpus_clip,
    maker_of,
    save_shard,
    shard_path,
    split_of,
)
from intermask_cli.datasets.duets.data_card import ClipRow, data_card
from intermask_cli.datasets.duets.labels import CORE, KindSet, Labels
from intermask_cli.errors import InputError, InterruptedRun
from intermask_cli.files import remove_leftovers, write_json, write_text
from intermask_cli.motion.skeleton import FPS
from intermask_cli.version import __version__


class ShardTask(NamedTuple):
    """Everything a worker needs to know about one shard."""

    path: Path
    seed: int
    start: int
    clips: int
    fingerprint: str
    maker: ClipMaker


class ShardSummary(NamedTuple):
    """What manifest and data card need to know about one shard."""

    start: int
    content_sha256: str
    rows: list[ClipRow]


def write_corpus(
    out: str | Path,
    clips: int,
    seed: int,
    processes: int = 1,
    overwrite: bool = False,
    maker: ClipMaker | None = None,
    shard_clips: int = SHARD_CLIPS,
    kinds: KindSet = CORE,
) -> dict[str, Any]:
    """Write `clips` clips, manifest and data card to `out`; finished shards of the same corpus are kept.

    Returns the manifest. Raises InputError if `overwrite` is off and `out` holds a different corpus (other
    seed, kinds, generator or shard size, or more clips), InterruptedRun on Ctrl-C.
    """
    if clips < 1 or processes < 1 or seed < 0:
        raise InputError(f"clips={clips}, processes={processes}, seed={seed}; need at least 1, 1 and 0")
    out, maker = Path(out), maker or maker_of(kinds)
    fingerprint = corpus_fingerprint(seed, shard_clips, maker)
    tasks = [
        ShardTask(shard_path(out, n), seed, first, min(shard_clips, clips - first), fingerprint, maker)
        for n, first in enumerate(range(0, clips, shard_clips))
    ]
    _prepare(out, tasks, overwrite)
    with counter("duets", clips, "clips") as progress:
        summaries = []
        for summary in _run(tasks, processes):
            summaries.append(summary)
            progress.advance(len(summary.rows))
    summaries.sort(key=lambda s: s.start)
    manifest = _manifest(seed, clips, shard_clips, fingerprint, summaries, kinds)
    rows = [row for summary in summaries for row in summary.rows]
    write_text(out / "README.md", data_card(manifest, rows))
    write_json(out / "corpus.json", manifest)
    return manifest


def corpus_fingerprint(seed: int, shard_clips: int, maker: ClipMaker) -> str:
    """Identity of a corpus: format, seed, shard size and the generator's code (its size is left out)."""
    identity = [
        FORMAT_VERSION,
        seed,
        shard_clips,
        generator_sha256(),
        _name_of(maker),
    ]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def _name_of(maker: ClipMaker) -> str:
    if isinstance(maker, partial):
        return f"{_name_of(maker.func)} {maker.keywords}"
    return f"{maker.__module__}.{maker.__qualname__}"


#: Modules of `motion` that decide what is in a corpus.
_MOTION_SOURCES = ("skeleton", "rotation", "kinematics", "curves", "inverse_kinematics")


def generator_sha256() -> str:
    """Hash of the code that decides what is in a corpus."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    motion = package.parents[1] / "motion"
    sources = sorted([*package.rglob("*.py"), *package.rglob("*.yaml")], key=lambda p: p.as_posix())
    for path in [
        *sources,
        *(motion / f"{name}.py" for name in _MOTION_SOURCES),
    ]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _prepare(out: Path, tasks: Sequence[ShardTask], overwrite: bool) -> None:
    """Refuse a folder with a different corpus, or clear it; delete the manifest, which becomes outdated."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; --out needs a folder")
    expected = {task.path: task for task in tasks}
    present = sorted((out / "shards").glob("duets-*.h5"))
    if not overwrite:
        for path in present:
            _refuse_other_corpus(path, expected.get(path), tasks[0])
    for path in present:
        if overwrite:
            path.unlink()
    remove_leftovers(out / "shards")
    (out / "shards").mkdir(parents=True, exist_ok=True)
    (out / "corpus.json").unlink(missing_ok=True)


def _refuse_other_corpus(path: Path, task: ShardTask | None, any_task: ShardTask) -> None:
    shard = CorpusShard(path, any_task.seed)
    with shard.file as file:
        seed, fingerprint = int(file.attrs.get("seed", -1)), file.attrs.get("fingerprint")
    if fingerprint != any_task.fingerprint:
        if seed != any_task.seed:
            what = f"seed {seed}, this command has {any_task.seed}"
        else:
            what = "the same seed, but other kinds, another version of the generator or another shard size"
        raise InputError(
            f"{path} belongs to a different corpus ({what}); choose another --out or use --overwrite"
        )
    if task is None or len(shard.index) > task.clips:
        raise InputError(
            f"{path.parent.parent} already holds a larger corpus; use a larger --clips or --overwrite"
        )


def _run(tasks: Sequence[ShardTask], processes: int) -> Iterator[ShardSummary]:
    """Summaries of shards as they are finished, in any order."""
    try:
        if processes == 1 or len(tasks) == 1:
            yield from map(_write_shard, tasks)
            return
        context = multiprocessing.get_context("spawn")
        workers = min(processes, len(tasks))
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_ignore_interrupt) as pool:
            try:
                yield from _as_done(pool, tasks, workers)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    except KeyboardInterrupt:
        raise InterruptedRun(
            "interrupted; finished shards are kept, the same command continues from there"
        ) from None


def _as_done(pool: ProcessPoolExecutor, tasks: Sequence[ShardTask], workers: int) -> Iterator[ShardSummary]:
    """Keep every worker busy without queueing all shards at once."""
    waiting: set[Future[ShardSummary]] = set()
    for task in tasks:
        waiting.add(pool.submit(_write_shard, task))
        if len(waiting) > 2 * workers:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in done)


def _ignore_interrupt() -> None:
    """Ctrl-C is handled by the parent; workers finish their current shard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _write_shard(task: ShardTask) -> ShardSummary:
    """Make one shard unless it already exists with all its clips."""
    if not task.path.exists() or len(CorpusShard(task.path, task.seed).index) != task.clips:
        clips = [
            make_corpus_clip(task.seed, i, task.maker) for i in range(task.start, task.start + task.clips)
        ]
        attributes = {
            "format": FORMAT, "format_version": FORMAT_VERSION, "fps": FPS, "units": "m", "up_axis": "y",
            "seed": task.seed, "fingerprint": task.fingerprint,
        }  # fmt: skip
        save_shard(task.path, clips, attributes)
    return _summary(task)


def _summary(task: ShardTask) -> ShardSummary:
    shard = CorpusShard(task.path, task.seed)
    with shard.file as file:
        content = str(file.attrs["content_sha256"])
    frames = [int(b - a) for a, b in zip(shard.starts[:-1], shard.starts[1:], strict=True)]
    rows = [
        ClipRow(
            _without_frames(shard.labels[row]),
            split_of(int(shard.index[row])),
            frames[row],
            shard.caption_count(row),
        )
        for row in range(len(frames))
    ]
    return ShardSummary(task.start, content, rows)


def _without_frames(labels: Labels) -> Labels:
    """Labels without frames, which the summary does not need."""
    then = None if labels.then is None else _without_frames(labels.then)
    return replace(labels, contacts=(), events=(), then=then)


def _manifest(
    seed: int,
    clips: int,
    shard_clips: int,
    fingerprint: str,
    summaries: Sequence[ShardSummary],
    kinds: KindSet,
) -> dict[str, Any]:
    rows = [row for summary in summaries for row in summary.rows]
    single = [row for row in rows if row.labels.then is None]
    contents = "".join(summary.content_sha256 for summary in summaries)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "seed": seed,
        "clips": clips,
        "frames": sum(row.frames for row in rows),
        "captions": sum(row.captions for row in rows),
        "fps": FPS,
        "shard_clips": shard_clips,
        "split_rule": {"by": "SHA-256 of the clip index", "shares": SPLIT_SHARES},
        "splits": {split: sum(row.split == split for row in rows) for split in SPLITS},
        "kinds": {
            kind: _kind_row([row for row in single if row.labels.kind == kind]) for kind in kinds.kinds
        },
        "two_phase_share": kinds.two_phase,
        "two_phase": _kind_row([row for row in rows if row.labels.then is not None]),
        "generator": {"version": __version__, "sha256": generator_sha256()},
        "fingerprint": fingerprint,
        "content_sha256": hashlib.sha256(contents.encode()).hexdigest(),
        "shards": [
            {"first": s.start, "clips": len(s.rows), "content_sha256": s.content_sha256} for s in summaries
        ],
    }


def _kind_row(rows: Sequence[ClipRow]) -> dict[str, Any]:
    frames = [row.frames for row in rows]
    return {
        "clips": len(rows),
        **{split: sum(row.split == split for row in rows) for split in SPLITS},
        "frames_min": min(frames, default=0),
        "frames_mean": round(sum(frames) / max(len(frames), 1), 1),
        "frames_max": max(frames, default=0),
    }
