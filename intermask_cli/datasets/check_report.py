"""The result of checking a dataset on disk: counts, and problems by kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np

from intermask_cli.datasets.motion_files.checks import oddities_of
from intermask_cli.datasets.motion_files.pace import Pace
from intermask_cli.errors import MissingError
from intermask_cli.motion.body_check import BODY_HEIGHT_M, body_height, standing_axis
from intermask_cli.motion.skeleton import FPS

Severity = Literal["error", "note"]
#: Both datasets have three captions per clip.
CAPTIONS_PER_CLIP = 3
#: Ids listed in a message; the number of all is given with them.
_LISTED_IDS = 5
#: Characters of an id that reports show.
_LONGEST_ID = 80
#: The same of a file in the folder of the dataset.
_LONGEST_PLACE = 200


@dataclass(frozen=True)
class Problem:
    """One finding. `error`: this part of the data cannot be used; `note`: it can be used.

    `where` is the file, in the folder of the dataset, or the clip; very long names are cut.
    """

    severity: Severity
    kind: str
    where: str
    detail: str


@dataclass
class DatasetReport:
    """Result of `check_interhuman` or `check_interx`."""

    dataset: str
    root: Path
    counts: dict[str, float] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _pace: Pace = field(default_factory=Pace)

    def error(self, kind: str, where: str, detail: str) -> None:
        """Add a problem that makes data unusable."""
        self.problems.append(Problem("error", kind, where[:_LONGEST_PLACE], detail))

    def note(self, kind: str, where: str, detail: str) -> None:
        """Add a problem that does not make data unusable."""
        self.problems.append(Problem("note", kind, where[:_LONGEST_PLACE], detail))

    def count_frames(self, clips: str, frames: Sequence[int]) -> None:
        """Count clips under the name `clips`, their hours, the shortest and the longest."""
        self.counts[clips] = len(frames)
        self.counts["hours"] = round(sum(frames) / FPS / 3600, 3)
        self.counts["shortest, frames"] = min(frames, default=0)
        self.counts["longest, frames"] = max(frames, default=0)

    def check_repeated(self, what: str, where: str, listed: Sequence[str]) -> None:
        """Note lines of a split file that repeat another."""
        repeated = len(listed) - len(set(listed))
        if repeated:
            self.note(f"repeated {what}", where, f"{repeated} lines repeated")

    def check_overlaps(self, what: str, splits: Mapping[str, set[str]]) -> None:
        """Report clips that are in two splits."""
        for a, b in combinations(splits, 2):
            common = splits[a] & splits[b]
            if common:
                self.error(
                    "split overlap", f"{a} and {b}", f"{len(common)} {what} in both: {first_of(common)}"
                )

    def check_joints(self, where: str, joints: np.ndarray) -> None:
        """Note what is odd about joints (T, 22, 3), metres and Y up; an impossible height is an error."""
        axis = standing_axis(joints)
        self._pace.add(joints)
        if (fault := impossible_height(joints)) is not None:
            self.error("no body", where, fault)
            return
        if axis not in (None, "y"):
            self.note("odd motion", where, f"stands along {str(axis).upper()}; check which axis is up")
        for odd in oddities_of(joints):
            self.note("odd motion", where, odd.finding)

    def check_pace(self) -> None:
        """Report a rate or unit with which most of the people checked so far could not move."""
        if (fault := self._pace.fault()) is not None:
            self.error("wrong rate", "all clips", fault)

    def check_empty_splits(self, sizes: Mapping[str, int]) -> None:
        """Note splits without clips."""
        for split, size in sizes.items():
            if size == 0:
                self.note("empty split", split, "no clips; training needs train and val, evaluation test")

    def check_caption_count(self, where: str, count: int) -> None:
        """Note a clip whose number of captions is not three."""
        if count != CAPTIONS_PER_CLIP:
            self.note("number of captions", where, f"{count} instead of {CAPTIONS_PER_CLIP}")

    @property
    def ok(self) -> bool:
        """No error; notes are allowed."""
        return all(problem.severity == "note" for problem in self.problems)

    def by_kind(self) -> dict[str, list[Problem]]:
        """Problems grouped by kind, in order of first appearance."""
        groups: dict[str, list[Problem]] = {}
        for problem in self.problems:
            groups.setdefault(problem.kind, []).append(problem)
        return groups

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "dataset": self.dataset,
            "root": str(self.root),
            "ok": self.ok,
            "counts": self.counts,
            "problems": [asdict(problem) for problem in self.problems],
        }


def impossible_height(joints: np.ndarray) -> str | None:
    """What is wrong with the height of joints (T, 22, 3), if no person has it in metres."""
    height, (low, high) = body_height(joints), BODY_HEIGHT_M
    if low <= height <= high:
        return None
    return f"{height:.4g} m tall; accepted: {low:g} to {high:g} m; check the unit"


def first_of(ids: Collection[str]) -> str:
    """The first few ids, short ones first, so that numbers are in order; very long ones are cut."""
    first = sorted(ids, key=lambda id: (len(id), id))[:_LISTED_IDS]
    return ", ".join(id[:_LONGEST_ID] for id in first) + (", ..." if len(ids) > len(first) else "")


def check_root(root: Path, place: str) -> None:
    """Raise MissingError unless the folder root/place exists; the message says where it was found instead.

    Archives unpacked into a folder of their own lie one or two folders too deep.
    """
    if (root / place).is_dir():
        return
    for found in (found for depth in ("*", "*/*") for found in sorted(root.glob(f"{depth}/{place}"))):
        right = found.parents[len(Path(place).parts) - 1]
        raise MissingError(
            f"{root}: no {place} in it, but in {right}; give --root {right} if texts and splits are there "
            f"too, else move what is in it to {root}"
        )
    raise MissingError(f"{root}: no {place} in it; give the folder into which the archives were unpacked")
