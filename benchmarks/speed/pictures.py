"""How fast pictures are drawn, and how long a page of many interactions takes to write."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.timing import in_turns, summary
from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.export.pictures.contact_sheet import contact_sheet
from intermask_cli.export.pictures.video import frames_of, write_video
from intermask_cli.export.viewer.gallery import write_gallery
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import matrix_from_axis_angle
from intermask_cli.motion.skeleton import REST_OFFSETS


@dataclass(frozen=True)
class PictureSizes:
    """Frames of the clip that is drawn, pixels across, rounds, and interactions of the page."""

    frames: int = 150
    width: int = 480
    rounds: int = 5
    items: int = 10_000


def swaying_pair(frames: int) -> np.ndarray:
    """Joints (2, frames, 22, 3) of two people who face each other and sway."""
    time_s = np.arange(frames)[:, None, None] / 30
    people = []
    for person in (0, 1):
        waves = np.random.default_rng(person).uniform(0.5, 4, (2, 1, 22, 3))
        local = matrix_from_axis_angle(0.3 * np.sin(time_s * waves[0] + waves[1]))
        local[:, 0] = matrix_from_axis_angle(np.array([0.0, np.pi / 2 - person * np.pi, 0.0]))
        root = np.broadcast_to(np.array([1.2 * person, 0.93, 0.0]), (frames, 3))
        people.append(forward_kinematics(local, root, REST_OFFSETS)[0])
    return np.stack(people).astype(np.float32)


def measure(sizes: PictureSizes) -> dict[str, Any]:
    """Pictures per second and per second of processor time of one pair, and the page of many."""
    pair = swaying_pair(sizes.frames)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        runs: dict[str, Callable[[], object]] = {
            "pictures alone": lambda: sum(1 for _ in frames_of([pair], ["a pair"], sizes.width)),
            "MP4": lambda: write_video([pair], ["a pair"], out / "x.mp4", sizes.width),
            "GIF": lambda: write_video([pair], ["a pair"], out / "x.gif", sizes.width),
            "contact sheet of 6": lambda: contact_sheet([pair] * 6, out / "x.png", ["a pair"] * 6),
        }
        processor: dict[str, list[float]] = {name: [] for name in runs}

        def timed(name: str, run: Callable[[], object]) -> None:
            started = time.process_time()
            run()
            processor[name].append(time.process_time() - started)

        samples = in_turns(
            "pictures",
            {name: lambda name=name, run=run: timed(name, run) for name, run in runs.items()},  # type: ignore[misc]
            sizes.rounds,
        )
        rows = summary(samples)
        pictures = {"pictures alone": sizes.frames, "MP4": sizes.frames, "GIF": sizes.frames // 2}
        for name, count in pictures.items():
            rows[name]["pictures_per_second"] = count / rows[name]["min"]
            rows[name]["pictures_per_processor_second"] = count / min(processor[name])
        source = write_dataset(
            out / "interactions.h5",
            (Interaction(pair, text="a pair", seed=k, id=f"p-{k}") for k in range(sizes.items)),
        )
        started = time.perf_counter()
        written = write_gallery(source, out / "view.html")
        seconds = time.perf_counter() - started
        data = 0 if written.folder is None else sum(f.stat().st_size for f in written.folder.iterdir())
        page = {
            "items": sizes.items,
            "seconds": seconds,
            "page_mb": (out / "view.html").stat().st_size / 1e6,
            "data_mb": data / 1e6,
        }
    return {"frames": sizes.frames, "width": sizes.width, "runs": rows, "page": page}
