"""One look at all motion of a split before training: what cannot be trained on, and a digest of the content.

The digest is the key of caches and what a resumed training compares. File names and times say too little: a
clip may be replaced in place, and a copy of a data set has other times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from intermask_cli.datasets.check_report import impossible_height
from intermask_cli.datasets.motion_files.pace import Pace
from intermask_cli.errors import InputError

#: Faulty clips that an error lists; the number of all is given with them.
LISTED = 3


class RecordedPerson(NamedTuple):
    """One person of one clip as the data set holds it."""

    place: str  # file or clip, for messages
    motion: np.ndarray  # (T, ...) all that is trained on
    joints: np.ndarray  # (T, 22, 3) metres, Y up


class Inspection:
    """Digest of motion, and faults of single clips and of the whole."""

    def __init__(self, recorded: Iterable[RecordedPerson]):
        digest = hashlib.blake2b(digest_size=8)
        self.faults: list[str] = []
        pace = Pace()
        for person in recorded:
            digest.update(person.place.encode() + str(person.motion.shape).encode())
            digest.update(np.ascontiguousarray(person.motion).data)
            fault = _fault(person)
            if fault is None:
                pace.add(person.joints)
            else:
                self.faults.append(f"{person.place}: {fault}")
        self.digest = digest.hexdigest()
        self.rate_fault = pace.fault()

    def check(self, where: str, advice: str) -> None:
        """Raise InputError if there are faults; `advice` says how to leave single clips out."""
        if self.faults:
            more = f"; and {len(self.faults) - LISTED} more" if len(self.faults) > LISTED else ""
            raise InputError(f"{where}: {'; '.join(self.faults[:LISTED])}{more}; {advice}")
        if self.rate_fault:
            raise InputError(f"{where}: {self.rate_fault}")


def _fault(person: RecordedPerson) -> str | None:
    broken = np.flatnonzero(~np.isfinite(person.motion.reshape(len(person.motion), -1)).all(axis=1))
    if len(broken):
        return f"NaN or infinity in {len(broken)} frames, first {broken[0]}"
    return impossible_height(person.joints)


def pair_of_persons(place: str, joints: np.ndarray, rotations6d: np.ndarray) -> Iterator[RecordedPerson]:
    """Both persons of a clip with joints (2, T, 22, 3) and rotations6d (2, T, 21, 6)."""
    for number, (own_joints, own_rotations) in enumerate(zip(joints, rotations6d, strict=True), 1):
        frames = len(own_joints)
        motion = np.concatenate([own_joints.reshape(frames, -1), own_rotations.reshape(frames, -1)], axis=1)
        yield RecordedPerson(f"{place} person {number}", motion, own_joints)
