"""Inter-X in its published layout (docs/reference/data-and-evaluation.md#inter-x-files, #inter-x-readers).

    <root>/splits/{train,val,test}.txt             names GgggTtttAaaaRrrr
    <root>/motions/{train,val,test}.h5             one dataset (T, 56, 6) per name, 30 fps
    <root>/texts_processed/<name>.txt              three lines `caption#tokens#0.0#0.0`
    <root>/glove/hhi_vab_{data.npy,words.pkl,idx.pkl}

There is one policy. Published scores depend on two oddities of the published reader, which are kept: it crops
to 150 frames, not a multiple of four, and capitalised words are unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from intermask_cli.config import LONGEST_FRAMES
from intermask_cli.datasets.hdf5_arrays import local_item, unreadable
from intermask_cli.datasets.interx.word_vectors import OTHER, UNKNOWN, WordVectors
from intermask_cli.datasets.text_files import captions_or_reason, decoded, lines
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.representation.interx import (
    FEATURE_ROWS,
    pair_features,
)

SPLITS = ("train", "val", "test")
#: Frames of clips with text: at least the first, fewer than the second.
MIN_FRAMES, END_FRAMES = 24, 1000
#: Frames to which pairs are cropped and padded; the published value.
PADDED_FRAMES = 150
#: Crops have a multiple of this number of frames; the published value.
UNIT = 4
#: Longest caption in tokens; the published value.
MAX_TOKENS = 35
#: Start token, at most 35 tokens, end token.
PADDED_TOKENS = MAX_TOKENS + 2


@dataclass(frozen=True)
class InterXClip:
    """One sequence and its frames."""

    name: str
    frames: int


@dataclass(frozen=True)
class InterXCaption:
    """A caption and its tokens `word/TAG`."""

    text: str
    tokens: tuple[str, ...]


class InterX:
    """Motion of one split; `clips` in the order of the split file, `skipped` with the reasons.

    Raises:
        MissingError: no split file or no h5 file. InputError: the h5 file cannot be read.
    """

    def __init__(self, root: Path, split: str):
        if split not in SPLITS:
            raise InputError(f"split {split!r}; Inter-X has {', '.join(SPLITS)}")
        self.root, self.split = Path(root), split
        self.skipped: list[str] = []
        names = dict.fromkeys(lines(split_path(self.root, split)))
        with open_motions(self.root, split) as file:
            self.clips = [clip for name in names if (clip := self._clip(file, name)) is not None]

    def _clip(self, file: h5py.File, name: str) -> InterXClip | None:
        """The clip with this name; None, with the reason in `skipped`, if its motion cannot be used."""
        array = local_item(file, name)
        shape = getattr(array, "shape", None)
        if shape is None or len(shape) != 3 or shape[1:] != (FEATURE_ROWS, 6):
            problem = "missing" if shape is None else f"shape {shape}, expected (T, {FEATURE_ROWS}, 6)"
            self.skipped.append(f"{name}: {problem} in {self.split}.h5")
            return None
        refused = "too long" if shape[0] > LONGEST_FRAMES else unreadable(array)
        if refused is not None:
            self.skipped.append(f"{name}: {refused} in {self.split}.h5")
            return None
        return InterXClip(name, int(shape[0]))

    def processed(self, clip: InterXClip) -> np.ndarray:
        """The clip as on disk, (T, 56, 6) float32."""
        with open_motions(self.root, self.split) as file:
            return np.asarray(file[clip.name][...], dtype=np.float32)


def split_path(root: Path, split: str) -> Path:
    """The file that lists the names of a split."""
    return root / "splits" / f"{split}.txt"


def motions_path(root: Path, split: str) -> Path:
    """The h5 file with the motions of a split."""
    return root / "motions" / f"{split}.h5"


def caption_path(root: Path, name: str) -> Path:
    """The caption file of a clip."""
    return root / "texts_processed" / f"{name}.txt"


def open_motions(root: Path, split: str) -> h5py.File:
    """The h5 file of a split, for reading.

    Raises:
        MissingError: no such file. InputError: not HDF5.
    """
    path = motions_path(root, split)
    if not path.is_file():
        raise MissingError(f"{path}: no such file; is {root} the root of Inter-X?")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: not a readable HDF5 file ({str(error).splitlines()[0]})") from error


def read_captions(path: Path) -> list[InterXCaption]:
    """Captions of a text file.

    Raises:
        MissingError: no such file. InputError: a line is not `caption#tokens#start#end`.
    """
    captions = []
    for number, line in enumerate(decoded(path)[0].split("\n"), start=1):
        if not line.strip():
            continue
        parts = line.strip().split("#")
        if len(parts) != 4 or not all("/" in token for token in parts[1].split()):
            raise InputError(f"{path} line {number}: {line[:60]!r}; expected caption#word/TAG ...#start#end")
        captions.append(InterXCaption(parts[0], tuple(parts[1].split())))
    return captions


def framed_tokens(tokens: Sequence[str]) -> tuple[list[str], int]:
    """Tokens -> 37 of them: sos, at most 35, eos, then padding; and how many are not padding."""
    framed = [f"sos/{OTHER}", *tokens[:MAX_TOKENS], f"eos/{OTHER}"]
    return framed + [f"{UNKNOWN}/{OTHER}"] * (PADDED_TOKENS - len(framed)), len(framed)


# ---------------------------------------------------------------- windows, for the tokenizer


# ---------------------------------------------------------------- pairs with text


@dataclass(frozen=True, eq=False)
class InterXPair:
    """One item of the text reader.

    motion (150, 56, 12), zero beyond `frames`; words (37, D) and classes (37, 15), of which
    `caption_length` rows are caption; tokens: the 37 joined by "_"; words_and_tags: the caption's own.
    """

    name: str
    caption: str
    tokens: str
    words: np.ndarray
    classes: np.ndarray
    caption_length: int
    motion: np.ndarray
    frames: int
    words_and_tags: tuple[str, ...]


class InterXPairs:
    """Pairs with a caption, sorted by frames. `pairs.item(i, rng)` draws caption, length and crop."""

    def __init__(self, data: InterX, words: WordVectors):
        self.data, self.words = data, words
        self.skipped: list[str] = []
        self._captions: dict[str, list[InterXCaption]] = {}
        kept = [clip for clip in data.clips if MIN_FRAMES <= clip.frames < END_FRAMES]
        self.clips = sorted(filter(self._has_captions, kept), key=lambda clip: clip.frames)

    def _has_captions(self, clip: InterXClip) -> bool:
        path = caption_path(self.data.root, clip.name)
        self._captions[clip.name] = captions_or_reason(path, read_captions, self.skipped)
        return bool(self._captions[clip.name])

    @property
    def names(self) -> list[str]:
        """Names of the items."""
        return [clip.name for clip in self.clips]

    def captions(self, index: int) -> list[InterXCaption]:
        """Captions of an item."""
        return self._captions[self.clips[index].name]

    def __len__(self) -> int:
        return len(self.clips)

    def possible_frames(self, index: int) -> list[int]:
        """Lengths an item can have."""
        frames = self.clips[index].frames
        return sorted({min(length, PADDED_FRAMES) for length in _crop_lengths(frames)})

    def item(self, index: int, rng: np.random.Generator) -> InterXPair:
        """One draw: the longest multiple of four with probability 2/3, four frames less with 1/3."""
        clip = self.clips[index]
        captions = self._captions[clip.name]
        caption = captions[rng.integers(len(captions))]
        longest, shorter = _crop_lengths(clip.frames)
        length = longest if rng.random() < 2 / 3 else shorter
        start = rng.integers(clip.frames - length + 1)
        features = pair_features(self.data.processed(clip)[start : start + length])[:PADDED_FRAMES]
        motion = np.zeros((PADDED_FRAMES, *features.shape[1:]), dtype=np.float32)
        motion[: len(features)] = features
        tokens, caption_length = framed_tokens(caption.tokens)
        words, classes = self.words.encode(tokens)
        return InterXPair(
            clip.name, caption.text, "_".join(tokens), words, classes, caption_length, motion, len(features),
            caption.tokens,
        )  # fmt: skip


def _crop_lengths(frames: int) -> tuple[int, int]:
    """The two lengths to which a clip may be cropped: the longest multiple of four, and four frames less."""
    longest = frames // UNIT * UNIT
    return longest, longest - UNIT
