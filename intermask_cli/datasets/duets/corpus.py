"""The Duets corpus: clips with captions, on disk in shards or made in memory, always the same for a seed.

A clip depends only on (seed, index), its split only on the index: any corpus is a prefix of a larger one, and
`test_split` needs no files. A shard that exists is complete; docs: `docs/results/duets.md`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from intermask_cli.datasets.duets.captions import Mention, captions_for
from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.labels import CORE, Contact, DuetClip, KindSet, Labels
from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import replacing
from intermask_cli.motion.motion import Motion

FORMAT = "intermask-duets"
FORMAT_VERSION = 1
SHARD_CLIPS = 250
SPLIT_SHARES = {"test": 0.05, "val": 0.02, "train": 0.93}
SPLITS = ("train", "val", "test")
#: Keeps the random numbers of captions apart from those of the motion.
CAPTION_STREAM = 0xCA9710

#: Seed and index -> clip.
ClipMaker = Callable[[int, int], DuetClip]


@dataclass(frozen=True, eq=False)
class CorpusClip(DuetClip):
    """A clip for training and evaluation; `mentions[i]` is what `captions[i]` states."""

    captions: tuple[str, ...]
    mentions: tuple[Mention, ...]
    held_out_captions: tuple[str, ...] = ()  # in wordings that training never sees; only in the test split
    held_out_mentions: tuple[Mention, ...] = ()

    @property
    def id(self) -> str:
        """The name of the clip, unique over seeds."""
        return f"duet-{self.seed}-{self.index:06d}"


def split_of(index: int) -> str:
    """Split of a clip, from a hash of its index alone (never of its kind, the seed or the corpus size)."""
    point = int.from_bytes(hashlib.sha256(f"duets {index}".encode()).digest()[:8], "big") / 2**64
    for name, share in SPLIT_SHARES.items():
        if point < share:
            return name
        point -= share
    return "train"


def split_indices(split: str, clips: int) -> list[int]:
    """Indices below `clips` that belong to `split`, ascending."""
    if split not in SPLITS:
        raise InputError(f"split {split!r} does not exist; accepted: {', '.join(SPLITS)}")
    return [index for index in range(clips) if split_of(index) == split]


def make_corpus_clip(seed: int, index: int, maker: ClipMaker | None = None) -> CorpusClip:
    """Clip `index` of the corpus with this seed, captions included."""
    clip = (maker or make_clip)(seed, index)
    rng = np.random.default_rng([seed, index, CAPTION_STREAM])
    captions = captions_for(clip.labels, rng)
    held_out = captions_for(clip.labels, rng, held_out=True) if split_of(index) == "test" else []
    return CorpusClip(
        **vars(clip),
        captions=tuple(caption.text for caption in captions),
        mentions=tuple(caption.mention for caption in captions),
        held_out_captions=tuple(caption.text for caption in held_out),
        held_out_mentions=tuple(caption.mention for caption in held_out),
    )


def maker_of(kinds: KindSet) -> ClipMaker:
    """The function that makes the clips of a set of kinds (`labels.kind_set`)."""
    return make_clip if kinds == CORE else partial(make_clip, kinds=kinds)


def test_split(n: int, seed: int, maker: ClipMaker | None = None) -> Iterator[CorpusClip]:
    """The first `n` test clips of the corpus with this seed, in memory; no training clip shares an index."""
    indices = (index for index in itertools.count() if split_of(index) == "test")
    for index in itertools.islice(indices, n):
        yield make_corpus_clip(seed, index, maker)


test_split.__test__ = False  # type: ignore[attr-defined]  # pytest collects it by its name otherwise


def labels_to_json(labels: Labels) -> str:
    """Labels as stored in shards; those of one phase have no "then"."""
    values = asdict(labels)
    if labels.then is None:
        del values["then"]
    else:
        del values["then"]["then"]
    return json.dumps(values, default=int)


def labels_from_json(text: str) -> Labels:
    """The inverse of `labels_to_json`."""
    return _labels(json.loads(text))


def _labels(values: dict[str, Any]) -> Labels:
    values["contacts"] = tuple(Contact(**contact) for contact in values["contacts"])
    values["events"] = tuple((str(name), int(frame)) for name, frame in values["events"])
    then = values.pop("then", None)
    return Labels(**values, then=None if then is None else _labels(then))


def _captions_to_json(clip: CorpusClip) -> str:
    value = {
        "captions": clip.captions,
        "mentions": [_row(mention) for mention in clip.mentions],
        "held_out_captions": clip.held_out_captions,
        "held_out_mentions": [_row(mention) for mention in clip.held_out_mentions],
    }
    return json.dumps(value)


def _row(mention: Mention) -> tuple[Any, ...]:
    """The mention; fields of a second phase only if the clip has one."""
    return mention[: Mention._fields.index("then_kind")] if mention.then_kind is None else mention


def _captions_from_json(text: str) -> dict[str, Any]:
    """Fields of `CorpusClip` that concern captions."""
    return {
        name: tuple(Mention(*item) if name.endswith("mentions") else item for item in items)
        for name, items in json.loads(text).items()
    }


#: Arrays (frames, 2, ...) of a shard: all clips one after the other.
FRAME_ARRAYS = ("joints", "rotations6d", "root_rotation")


def save_shard(path: Path, clips: Sequence[CorpusClip], attributes: dict[str, Any]) -> None:
    """Write one shard atomically; equal clips give equal bytes."""
    frames = np.array([clip.joints.shape[1] for clip in clips], dtype=np.int64)
    arrays: dict[str, np.ndarray] = {
        "index": np.array([clip.index for clip in clips], dtype=np.int64),
        "starts": np.concatenate([[0], np.cumsum(frames)]),
        "offsets": np.stack([clip.offsets for clip in clips]).astype(np.float32),
        "labels": np.array([labels_to_json(clip.labels) for clip in clips], dtype="S"),
        "captions": np.array([_captions_to_json(clip) for clip in clips], dtype="S"),
    }
    for name in FRAME_ARRAYS:
        packed = np.concatenate([np.swapaxes(getattr(clip, name), 0, 1) for clip in clips])
        arrays[name] = np.ascontiguousarray(packed, dtype=np.float32)
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for key, value in attributes.items():
            file.attrs[key] = value
        file.attrs["content_sha256"] = _content_hash(arrays)
        for name, array in arrays.items():
            _create(file, name, array)


def _create(file: h5py.File, name: str, array: np.ndarray) -> None:
    if name in FRAME_ARRAYS:
        chunk = (min(64, len(array)), *array.shape[1:])
        file.create_dataset(name, data=array, chunks=chunk, track_times=False)
    else:
        file.create_dataset(name, data=array, compression="gzip", compression_opts=4, track_times=False)


def _content_hash(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


class CorpusShard:
    """One open shard file."""

    def __init__(self, path: Path, seed: int):
        self.file = _open(path)
        self.seed = seed
        self.index = self.file["index"][()]
        self.starts = self.file["starts"][()]
        self.labels = [labels_from_json(text.decode()) for text in self.file["labels"][()]]
        self._captions = self.file["captions"][()]
        self._offsets = self.file["offsets"][()]

    def caption_count(self, row: int) -> int:
        """Number of captions of a clip, including those in held-out wordings."""
        captions = _captions_from_json(self._captions[row].decode())
        return len(captions["captions"]) + len(captions["held_out_captions"])

    def clip(self, row: int) -> CorpusClip:
        """The clip in a row of the shard."""
        frames = slice(self.starts[row], self.starts[row + 1])
        joints, rotations6d, root_rotation = (
            np.ascontiguousarray(np.swapaxes(self.file[name][frames], 0, 1)) for name in FRAME_ARRAYS
        )
        return CorpusClip(
            motion=Motion(joints, rotations6d),
            root_rotation=root_rotation,
            offsets=self._offsets[row],
            labels=self.labels[row],
            seed=self.seed,
            index=int(self.index[row]),
            **_captions_from_json(self._captions[row].decode()),
        )


def _open(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except FileNotFoundError:
        raise MissingError(
            f"{path} is missing; run `intermask data duets` with the same options again"
        ) from None
    except OSError as error:
        raise InputError(
            f"{path} is not a readable HDF5 file ({error}); delete it and make the corpus again"
        ) from error


class Corpus:
    """A corpus on disk: `Corpus(path).split("train")[0]`."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        manifest = self.path / "corpus.json"
        if not manifest.is_file():
            raise MissingError(
                f"{manifest} is missing; make a corpus with `intermask data duets --out {self.path}`"
            )
        self.manifest = json.loads(manifest.read_text())
        if (self.manifest.get("format"), self.manifest.get("format_version")) != (FORMAT, FORMAT_VERSION):
            seen = f"{self.manifest.get('format')} version {self.manifest.get('format_version')}"
            raise InputError(
                f"{manifest} is {seen}; accepted: {FORMAT} version {FORMAT_VERSION}; make the corpus again"
            )
        self.seed, self.clips = int(self.manifest["seed"]), int(self.manifest["clips"])
        self._shards: dict[int, CorpusShard] = {}
        self._process = os.getpid()

    def split(self, name: str) -> CorpusSplit:
        """The clips of "train", "val" or "test", each read when it is accessed."""
        return CorpusSplit(self, split_indices(name, self.clips))

    def clip(self, index: int) -> CorpusClip:
        """One clip, read from its shard."""
        shard, row = divmod(index, int(self.manifest["shard_clips"]))
        return self._shard(shard).clip(row)

    def labels(self, index: int) -> Labels:
        """Labels of a clip, without reading its motion."""
        shard, row = divmod(index, int(self.manifest["shard_clips"]))
        return self._shard(shard).labels[row]

    def _shard(self, number: int) -> CorpusShard:
        if os.getpid() != self._process:  # HDF5 handles do not survive a fork (data loader workers)
            self._shards, self._process = {}, os.getpid()
        if number not in self._shards:
            shard = CorpusShard(shard_path(self.path, number), self.seed)
            if shard.file.attrs.get("fingerprint") != self.manifest["fingerprint"]:
                raise InputError(
                    f"{shard.file.filename} belongs to a different corpus; make it again with --overwrite"
                )
            self._shards[number] = shard
        return self._shards[number]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_shards": {}}


class CorpusSplit(Sequence[CorpusClip]):
    """A lazy sequence of clips."""

    def __init__(self, corpus: Corpus, indices: Sequence[int]):
        self.corpus, self.indices = corpus, list(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, slice):
            return CorpusSplit(self.corpus, self.indices[item])
        return self.corpus.clip(self.indices[item])


def shard_path(folder: Path, number: int) -> Path:
    """The file of a shard in a corpus folder."""
    return folder / "shards" / f"duets-{number:05d}.h5"
