"""InterHuman and Inter-X as training sources.

The tokenizer trains on every person of every clip, the transformer on pairs with captions; one source serves
both. Training clips of InterHuman are read twice, plain and mirrored, as published. The training stages draw
the canonical person, crops and captions.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from intermask_cli.console import note, track
from intermask_cli.datasets.interhuman import reader as interhuman
from intermask_cli.datasets.interx import reader as interx
from intermask_cli.datasets.interx.check import joints_of_clip
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.representation import INTERHUMAN, INTERX, Representation
from intermask_cli.motion.representation.interhuman import motion_from_loaded
from intermask_cli.motion.representation.interx import person_features, persons_from_processed
from intermask_cli.training.sources.inspection import Inspection, RecordedPerson
from intermask_cli.training.sources.source import ClipCaption, ClipText

INTERHUMAN_FOLDER, INTERX_FOLDER = "motions_processed", "motions"
#: Files of the published statistics in the data folder; without them those of the training split are used.
STATISTICS = ("global_mean.npy", "global_std.npy")


class InterHumanSource:
    """One split of InterHuman with captions, without the faults of the published reader."""

    representation: Representation = INTERHUMAN

    def __init__(self, root: Path, split: str):
        self._data = interhuman.InterHuman(root, split)
        self._pairs = interhuman.InterHumanPairs(self._data)
        mean, std = (root / name for name in STATISTICS)
        self.normalizer = Normalizer.load(mean, std) if mean.is_file() and std.is_file() else None
        self._skipped = [*self._data.skipped, *self._pairs.skipped]
        _report_skipped(root, self._skipped, len(self._pairs))

    @cached_property
    def _inspection(self) -> Inspection:
        return Inspection(self._recorded())

    def _recorded(self) -> Iterator[RecordedPerson]:
        clips = [clip for clip, mirrored in self._pairs.items if not mirrored]
        for clip in track(clips, "checking clips", len(clips), "clips"):
            for folder, loaded in zip(interhuman.PERSON_FOLDERS, self._data.loaded(clip), strict=True):
                place = f"{INTERHUMAN_FOLDER}/{folder}/{clip.id}.npy"
                yield RecordedPerson(place, loaded, motion_from_loaded(loaded)[0])

    @property
    def digest(self) -> str:
        """Changes when the motion does."""
        return self._inspection.digest

    def check(self) -> None:
        """Raise InputError without clips, or with clips that cannot be trained on."""
        split, root = self._data.split, self._data.root
        if not len(self._pairs):
            raise InputError(_nothing_to_use(root / "split" / f"{split}.txt", self._skipped))
        self._inspection.check(
            str(root), f"mend the files, or leave the clips out with their ids in {root / 'ignore_list.txt'}"
        )

    def __len__(self) -> int:
        return len(self._pairs)

    def frames(self, index: int) -> int:
        """Feature frames: one less than on disk, the last frame has no velocity."""
        return self._pairs.items[index][0].raw_frames - 1

    def features(self, index: int, canonical: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """(2, stop - start, 262), person order kept."""
        clip, mirrored = self._pairs.items[index]
        # One more raw frame than features: a velocity is the difference of two frames.
        loaded = self._data.loaded(clip, mirrored)[:, start : None if stop is None else stop + 1]
        return interhuman.features_of_pair(loaded, canonical)

    def text(self, index: int) -> ClipText:
        """The clip's captions; InterHuman has no labels."""
        return ClipText(tuple(ClipCaption(text) for text in self._pairs.captions(index)))


class InterXSource:
    """One split of Inter-X with captions. Motion is neither moved into a person's frame nor normalised."""

    representation: Representation = INTERX

    def __init__(self, root: Path, split: str):
        self._data = interx.InterX(root, split)
        self._captions: dict[str, list[str]] = {}
        skipped = list(self._data.skipped)
        for clip in self._data.clips:
            try:
                captions = interx.read_captions(interx.caption_path(root, clip.name))
            except MissingError as error:
                skipped.append(str(error))
                continue
            if captions and clip.frames >= interx.MIN_FRAMES:
                self._captions[clip.name] = [caption.text for caption in captions]
        self._clips = [clip for clip in self._data.clips if clip.name in self._captions]
        self._skipped = skipped
        _report_skipped(root, skipped, len(self._clips))
        size = INTERX.num_features
        self.normalizer: Normalizer | None = Normalizer(np.zeros(size), np.ones(size))

    @cached_property
    def _inspection(self) -> Inspection:
        return Inspection(self._recorded())

    def _recorded(self) -> Iterator[RecordedPerson]:
        for clip in track(self._clips, "checking clips", len(self._clips), "clips"):
            processed = self._data.processed(clip)
            place = f"{INTERX_FOLDER}/{self._data.split}.h5 {clip.name}"
            for number, joints in enumerate(joints_of_clip(processed), 1):
                # The arrays of the two persons are not apart in the file.
                motion = processed if number == 1 else processed[:, :0]
                yield RecordedPerson(f"{place} person {number}", motion, joints)

    @property
    def digest(self) -> str:
        """Changes when the motion does."""
        return self._inspection.digest

    def check(self) -> None:
        """Raise InputError without clips, or with clips that cannot be trained on."""
        split, root = self._data.split, self._data.root
        if not self._clips:
            raise InputError(_nothing_to_use(root / "splits" / f"{split}.txt", self._skipped))
        self._inspection.check(
            str(root), f"mend the clips, or take their names out of {root / 'splits' / split}.txt"
        )

    def __len__(self) -> int:
        return len(self._clips)

    def frames(self, index: int) -> int:
        """T of a clip."""
        return self._clips[index].frames

    def features(self, index: int, canonical: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """(2, stop - start, 56, 6); `canonical` has no effect."""
        processed = self._data.processed(self._clips[index])[start:stop]
        return np.stack([person_features(person) for person in persons_from_processed(processed)])

    def text(self, index: int) -> ClipText:
        """The clip's captions."""
        return ClipText(tuple(ClipCaption(text) for text in self._captions[self._clips[index].name]))


def _report_skipped(root: Path, skipped: list[str], used: int) -> None:
    if skipped:
        note(f"{root}: {used} clips, {len(skipped)} left out (first: {skipped[0]})")


def _nothing_to_use(split: Path, skipped: list[str]) -> str:
    """Why a split has no clips, and what to do."""
    other = "train" if split.stem == "val" else "val"
    reason = f"none of its clips can be used (first: {skipped[0]})" if skipped else "no clips"
    return (
        f"{split}: {reason}; training needs clips in train and val; move ids here from {other}.txt, "
        "or give a column `split` to `intermask data pairs`"
    )
