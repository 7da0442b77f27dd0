"""Interactions for training in PyTorch: one or many runs as a `torch.utils.data.Dataset`.

    import intermask_cli as im
    from torch.utils.data import DataLoader

    data = im.InteractionDataset(["runs/a", "runs/b"], frames=120, mirror=True, split="train")
    loader = DataLoader(data, batch_size=16, shuffle=True, num_workers=4, collate_fn=data.collate)

`docs/guides/choose.md` has a complete training loop.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.split_table import SPLIT_TABLE, SPLITS, read_split_table
from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.mirror import mirror_caption, mirror_positions, mirror_rotations6d
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.representation.interhuman import pair_features
from intermask_cli.motion.skeleton import NUM_JOINTS

#: What an item has: joints in the world, or the features of InterHuman in person 1's frame.
REPRESENTATIONS = ("joints", "interhuman")


class InteractionDataset(Dataset[dict[str, Any]]):
    """Interactions of runs, read when they are asked for.

    An item is a dict: `joints` (2, T, J, 3) or `features` (2, T, 262) float32, `frames` (T before padding),
    `text`, `id` and `run` (its path). Files are opened on first use, again in each worker process. Paths may
    be URLs (`s3://bucket/run`), of which fsspec fetches what an item needs.

    Crops, mirroring and the choice of a caption are drawn from PyTorch's global random state, which a
    `DataLoader` seeds for each of its workers.
    """

    def __init__(
        self,
        runs: str | Path | Sequence[str | Path],
        *,
        representation: str = "joints",
        frames: int | None = None,
        mirror: bool = False,
        split: str | None = None,
        captions: Sequence[str] = ("prompt",),
    ):
        """Args:
            runs: run directories or .h5 files, on this machine or behind URLs.
            representation: `joints`, or `interhuman` features in the frame of person 1, which need the
                rotations that InterHuman models and rigid bodies have.
            frames: longest T; a random part of longer interactions is taken.
            mirror: half of the items are reflected, left and right in their texts exchanged.
            split: `train`, `val` or `test` of the `splits.csv` of `intermask split` next to each file.
            captions: columns with texts; one of those an item has is drawn each time.

        Raises:
            InputError: no such file or column, no split table, or nothing left.
        """
        if representation not in REPRESENTATIONS:
            raise InputError(f"representation is {representation!r}; accepted: {', '.join(REPRESENTATIONS)}")
        if frames is not None and frames < 2:
            raise InputError(f"frames is {frames}; accepted: 2 or more, or None")
        if split is not None and split not in SPLITS:
            raise InputError(f"split is {split!r}; accepted: {', '.join(SPLITS)}, or None")
        self.representation, self.frames, self.mirror = representation, frames, mirror
        paths = [runs] if isinstance(runs, str | Path) else list(runs)
        self._files: list[InteractionFile | None] = [None] * len(paths)
        self._opened_by = os.getpid()
        self._paths: list[str | Path] = []
        self._items: list[tuple[int, str, tuple[str, ...]]] = []  # (file, id, texts)
        for number, path in enumerate(paths):
            with InteractionFile(path) as dataset:
                self._paths.append(dataset.path if isinstance(dataset.path, Path) else str(dataset.path))
                self._items += [(number, *item) for item in _listed(dataset, split, captions)]
        if not self._items:
            raise InputError(
                f"{', '.join(map(str, paths))}: no interactions{f' in {split}' if split else ''}"
            )

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        number, id, texts = self._items[index]
        item = self._file(number).read(id)
        motion, text = item.motion, texts[int(torch.randint(len(texts), ()))]
        if self.frames is not None and motion.frames > self.frames:
            start = int(torch.randint(motion.frames - self.frames + 1, ()))
            motion = motion.part(start, start + self.frames)
        mirrored = self.mirror and bool(torch.rand(()) < 0.5)
        if mirrored:
            text = mirror_caption(text)
        arrays = self._arrays(motion, mirrored, item)
        return {
            **{name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()},
            "frames": motion.frames,
            "text": text,
            "id": id,
            "run": str(self._paths[number]),
        }

    def _arrays(self, motion: Motion, mirrored: bool, item: Interaction) -> dict[str, np.ndarray]:
        joints, rotations = motion.joints, motion.rotations6d
        if (mirrored or self.representation != "joints") and joints.shape[2] != NUM_JOINTS:
            raise InputError(
                f"{item.id}: bodies of {joints.shape[2]} joints; mirroring and features are for {NUM_JOINTS}"
            )
        if mirrored:
            joints = mirror_positions(joints)
        if self.representation == "joints":
            return {"joints": np.asarray(joints, np.float32)}
        if rotations is None:
            raise InputError(
                f"{item.id}: has no rotations; features need them, representation joints does not"
            )
        if mirrored:
            rotations = mirror_rotations6d(rotations)
        return {"features": pair_features(joints, rotations, keep_last=True)}

    def _file(self, number: int) -> InteractionFile:
        if self._opened_by != os.getpid():  # a fork: files and connections belong to the other process
            self._files, self._opened_by = [None] * len(self._files), os.getpid()
        file = self._files[number]
        if file is None:
            file = self._files[number] = InteractionFile(self._paths[number])
        return file

    def __getstate__(self) -> dict[str, Any]:
        """Without open files: a worker process opens its own."""
        return {**self.__dict__, "_files": [None] * len(self._files)}

    @staticmethod
    def collate(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Items as one batch: arrays padded with their last frame to the longest, and `mask` (B, T) bool."""
        frames = torch.tensor([item["frames"] for item in items])
        longest = int(frames.max())
        batch: dict[str, Any] = {"frames": frames, "mask": torch.arange(longest) < frames[:, None]}
        for name in ("joints", "features"):
            if name in items[0]:
                batch[name] = torch.stack([_padded(item[name], longest) for item in items])
        return batch | {name: [item[name] for item in items] for name in ("text", "id", "run")}


def _padded(array: Tensor, frames: int) -> Tensor:
    """(2, T, ...) -> (2, frames, ...), its last frame repeated."""
    last = array[:, -1:].expand(-1, frames - array.shape[1], *[-1] * (array.ndim - 2))
    return torch.cat((array, last), 1)


def _listed(
    dataset: InteractionFile, split: str | None, captions: Sequence[str]
) -> list[tuple[str, tuple[str, ...]]]:
    """Id and texts of each interaction of a file that is in the split."""
    ids = dataset.ids
    for name in captions:
        if name not in dataset.columns:
            raise InputError(f"{dataset.path}: no column '{name}'; it has {', '.join(dataset.columns)}")
    columns = [map(str, dataset.column(name)) for name in captions]
    texts = [tuple(text for text in row if text) or ("",) for row in zip(*columns, strict=True)]
    chosen = [True] * len(ids)
    if split is not None:
        table = dataset.path.parent / SPLIT_TABLE
        if not table.is_file():
            raise InputError(f"{table}: no such table; intermask split {dataset.path.parent} makes it")
        chosen = [name == split for name in read_split_table(table, ids)]
    return [(id, text) for id, text, keep in zip(ids, texts, chosen, strict=True) if keep]
