"""InterHuman in its published layout (docs/reference/data-and-evaluation.md#interhuman-files).

    <root>/motions_processed/person1/<id>.npy, person2/<id>.npy    (T, 492), Z up, 30 fps
    <root>/annots/<id>.txt                                         captions, one per line
    <root>/split/{train,val,test}.txt                              ids

`policy="published"` repeats the official readers exactly
(docs/reference/data-and-evaluation.md#interhuman-readers). `policy="fixed"` repairs their mistakes, which are
numbered as in docs/reference/data-and-evaluation.md#quirks:

* it keeps the last id of a split without a final newline and uses ignore lists in either place (Q3);
* it mirrors captions word by word (Q11);
* it leaves out clips that are too short for a window (Q12);
* it decodes captions that are not UTF-8.

Both keep what comparable scores depend on: random caption, crop and two exchanges of persons, also in test
(Q2), and separate floors (Q7).
"""

from __future__ import annotations

import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from intermask_cli.datasets.text_files import UTF8, captions_or_reason, decoded, lines, terminated_lines
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.mirror import mirror_caption, mirror_caption_literal, mirror_loaded
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.representation.interhuman import (
    NUM_FEATURES,
    RAW_COLUMNS,
    loaded_from_raw492,
    motion_from_loaded,
    pair_features,
)

Policy = Literal["published", "fixed"]
SPLITS = ("train", "val", "test")
#: Folders of persons 0 and 1.
PERSON_FOLDERS = ("person1", "person2")
#: Raw frames of the shortest clip with text; the published value.
MIN_TEXT_FRAMES = 15
#: Raw frames of the longest crop of a clip with text; the published value.
MAX_RAW_FRAMES = 300
#: Frames to which features of pairs are padded: the published evaluator reads this number.
PADDED_FRAMES = 300
#: Ignore lists: the first is read by the published reader of windows, the second by that of pairs.
IGNORE_LISTS = ("split/ignore_list.txt", "ignore_list.txt")


@dataclass(frozen=True)
class InterHumanClip:
    """One recording: id and raw frames; features have one frame less."""

    id: str
    raw_frames: int


class InterHuman:
    """Motion of one split, read on demand.

    `clips` are in order of their id; the official order is that of the directory, which is undefined.
    `skipped` lists the ids without usable motion, with the reason.

    Raises:
        MissingError: no split file under root.
    """

    def __init__(self, root: Path, split: str, policy: Policy = "fixed"):
        if split not in SPLITS:
            raise InputError(f"split {split!r}; InterHuman has {', '.join(SPLITS)}")
        self.root, self.split, self.policy = Path(root), split, policy
        self.skipped: list[str] = []
        listed = sorted(set(id_lines(self.root / "split" / f"{split}.txt", policy)), key=_numeric)
        self.clips = [clip for id in listed if (clip := self._clip(id)) is not None]

    def _clip(self, id: str) -> InterHumanClip | None:
        """The clip with this id; None, with the reason in `skipped`, if its motion cannot be used."""
        try:
            frames = [raw_shape(motion_path(self.root, person, id))[0] for person in (0, 1)]
        except (MissingError, InputError) as error:
            self.skipped.append(str(error))
            return None
        if frames[0] != frames[1]:
            self.skipped.append(f"{id}: persons of {frames[0]} and {frames[1]} frames")
            return None
        return InterHumanClip(id, frames[0])

    def loaded(self, clip: InterHumanClip, mirrored: bool = False) -> np.ndarray:
        """Body columns of both persons (2, T, 192) float32, Z up."""
        pair = np.stack([read_loaded(motion_path(self.root, person, clip.id)) for person in (0, 1)])
        return np.stack([mirror_loaded(person) for person in pair]) if mirrored else pair

    def without_ignored(self, published_list: str) -> list[InterHumanClip]:
        """Clips not on an ignore list; each published reader looks in one place only (Q3)."""
        names = (published_list,) if self.policy == "published" else IGNORE_LISTS
        paths = [self.root / name for name in names if (self.root / name).is_file()]
        ignored = {id for path in paths for id in id_lines(path, self.policy)}
        return [clip for clip in self.clips if clip.id not in ignored]


def id_lines(path: Path, policy: Policy) -> list[str]:
    """Ids of a split or ignore file; published readers lose a last line without newline (Q3)."""
    return terminated_lines(path) if policy == "published" else lines(path)


def motion_path(root: Path, person: int, id: str) -> Path:
    """The motion file of person 0 or 1."""
    return root / "motions_processed" / PERSON_FOLDERS[person] / f"{id}.npy"


def caption_path(root: Path, id: str) -> Path:
    """The caption file of a clip."""
    return root / "annots" / f"{id}.txt"


def raw_shape(path: Path) -> tuple[int, ...]:
    """Shape (T, 492) of a motion file, from its header; errors as `read_loaded`."""
    return _open(path).shape


def read_loaded(path: Path) -> np.ndarray:
    """Body columns (T, 192) float32 of a motion file.

    Raises:
        MissingError: no such file. InputError: not a float array (T, 492).
    """
    return loaded_from_raw492(_open(path))


def _open(path: Path) -> np.ndarray:
    """A motion file (T, 492), memory-mapped; errors as `read_loaded`."""
    if not path.is_file():
        raise MissingError(f"{path}: no such file")
    try:
        raw: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, TypeError, tokenize.TokenError) as error:
        # NumPy takes what it cannot read for a pickle, and advises to load it.
        reason = "damaged, or another kind of file" if "pickle" in str(error) else error
        raise InputError(f"{path}: not a readable .npy array ({reason})") from error
    if raw.ndim != 2 or raw.shape[1] != RAW_COLUMNS or raw.dtype.kind != "f" or len(raw) < 2:
        raise InputError(f"{path}: {raw.dtype} array of shape {raw.shape}; expected float (T, {RAW_COLUMNS})")
    return raw


def _numeric(id: str) -> tuple[int, str]:
    """Sort key: numbers by value, other ids after them."""
    return (int(id) if id.isdecimal() else 1 << 60, id)


def features_of_pair(loaded: np.ndarray, canonical: int = 0) -> np.ndarray:
    """Body columns (2, T, 192) -> features (2, T - 1, 262), one person canonical, separate floors."""
    first, second = (motion_from_loaded(person) for person in loaded)
    return pair_features(np.stack([first[0], second[0]]), np.stack([first[1], second[1]]), canonical)


# ---------------------------------------------------------------- windows, for the tokenizer


# ---------------------------------------------------------------- pairs with text, generator and evaluation


@dataclass(frozen=True, eq=False)
class InterHumanPair:
    """features (2, T, 262) not normalised; mirrored names end in `_swap`; `canonical` is 0 or 1."""

    name: str
    caption: str
    features: np.ndarray
    canonical: int

    @property
    def frames(self) -> int:
        """T."""
        return int(self.features.shape[1])

    def padded(self, normalizer: Normalizer | None = None) -> np.ndarray:
        """(2, 300, 262): normalised if a normaliser is given, then zeros up to 300 frames."""
        features = self.features if normalizer is None else normalizer.normalize(self.features)
        result = np.zeros((2, PADDED_FRAMES, NUM_FEATURES), dtype=np.float32)
        result[:, : self.frames] = features
        return result


class InterHumanPairs:
    """Pairs with a caption. `pairs.item(i, rng)` draws caption, crop and order of persons at every access.

    Training lists every clip twice, plain and mirrored; validation and test list the plain one only.
    `skipped` lists the clips without usable captions, with the reason.
    """

    def __init__(self, data: InterHuman):
        self.data = data
        self.skipped: list[str] = []
        self._captions: dict[str, list[str]] = {}
        mirrors = (False, True) if data.split == "train" else (False,)
        self.items = [
            (clip, mirrored)
            for clip in data.without_ignored(IGNORE_LISTS[1])
            if clip.raw_frames >= MIN_TEXT_FRAMES and self._has_captions(clip)
            for mirrored in mirrors
        ]

    def _has_captions(self, clip: InterHumanClip) -> bool:
        path = caption_path(self.data.root, clip.id)
        self._captions[clip.id] = captions_or_reason(path, self._read_captions, self.skipped)
        return bool(self._captions[clip.id])

    def _read_captions(self, path: Path) -> list[str]:
        text, encoding = decoded(path)
        if encoding != UTF8 and self.data.policy == "published":
            raise InputError(f"{path}: not UTF-8; published readers drop the clip")
        return [line.strip() for line in text.split("\n") if line.strip()]

    def captions(self, index: int) -> list[str]:
        """Captions of an item; left and right are exchanged for mirrored ones."""
        clip, mirrored = self.items[index]
        swap = mirror_caption_literal if self.data.policy == "published" else mirror_caption
        return [swap(text) if mirrored else text for text in self._captions[clip.id]]

    @property
    def names(self) -> list[str]:
        """Ids of the items, with `_swap` for mirrored ones."""
        return [clip.id + ("_swap" if mirrored else "") for clip, mirrored in self.items]

    @property
    def lengths(self) -> list[int]:
        """Feature frames of every item; at most 299."""
        return [min(clip.raw_frames, MAX_RAW_FRAMES) - 1 for clip, _ in self.items]

    def __len__(self) -> int:
        return len(self.items)

    def item(self, index: int, rng: np.random.Generator) -> InterHumanPair:
        """One draw. Persons are exchanged before processing and again after, each with probability 1/2."""
        clip, mirrored = self.items[index]
        captions = self.captions(index)
        caption = captions[rng.integers(len(captions))]
        loaded = self.data.loaded(clip, mirrored)
        if clip.raw_frames > MAX_RAW_FRAMES:
            start = rng.integers(clip.raw_frames - MAX_RAW_FRAMES)
            loaded = loaded[:, start : start + MAX_RAW_FRAMES]
        exchange_before, exchange_after = rng.random(2) > 0.5
        if exchange_before:
            loaded = loaded[::-1]
        features, canonical = features_of_pair(loaded), 0
        if exchange_after:
            features, canonical = features[::-1], 1
        return InterHumanPair(self.names[index], caption, features, canonical)
