"""Embeddings and generated motions on disk, so that a second evaluation only reads them.

A file's name is a hash of everything its content depends on. So no file can be out of date, and the folder
may be deleted at any time. Files are complete or absent.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.data.sets import InteractionSet
from evaluators.evaluator import Evaluator
from intermask_cli.console import counter, warn
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.files import cache_folder, check_writable, replacing
from intermask_cli.motion.motion import Motion

GENERATED = "generated"


def usable_cache(folder: Path | None = None, shared: bool = False) -> Path:
    """The folder of a cache that can be written, checked before any work.

    None is the user's cache folder. Where that cannot be written a temporary one serves, which the process
    removes at its end; one that is named, or `shared` by several processes, must be writable.

    Raises:
        InputError: a named or shared folder cannot be written.
    """
    named = folder is not None or "INTERMASK_CACHE" in os.environ
    folder = folder or cache_folder()
    try:
        check_writable(folder)
    except IntermaskError as error:
        advice = "--cache DIR or INTERMASK_CACHE names another folder"
        if named or shared:
            raise InputError(f"cache: {error}; {advice}") from error
        warn(f"no cache, so the next evaluation computes all again: {error}; {advice}")
        temporary = tempfile.mkdtemp(prefix="intermask-cache-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return Path(temporary)
    return folder


class Cache:
    """Arrays in npz files under a folder; a cache without a folder stores nothing."""

    def __init__(self, folder: Path | None):
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where files are kept."""
        assert self._folder is not None, "only a cache with a folder holds files"
        return self._folder

    def motion_embeddings(self, evaluator: Evaluator, interactions: InteractionSet) -> np.ndarray:
        """(N, D) float32 of a set's motions."""

        def make() -> dict[str, np.ndarray]:
            with counter(f"embed {interactions.name}", len(interactions), "motions") as progress:
                rows = evaluator.embed_motions(interactions.motions, interactions.ids, progress.advance)
            return {"embeddings": rows}

        return self.arrays("motions", [evaluator.key, *interactions.hashes], make)["embeddings"]

    def text_embeddings(self, evaluator: Evaluator, texts: Sequence[str]) -> np.ndarray:
        """(N, D) float32 of texts."""
        make = lambda: {"embeddings": evaluator.embed_texts(texts)}  # noqa: E731
        return self.arrays("texts", [evaluator.key, *texts], make)["embeddings"]

    def motions(self, key: Sequence[str], make: Callable[[], list[Motion]]) -> list[Motion]:
        """Motions with rotations for this key; `make` computes them if they are not kept."""

        def arrays() -> dict[str, np.ndarray]:
            motions = make()
            return {
                "frames": np.array([motion.frames for motion in motions]),
                "joints": np.concatenate([motion.joints for motion in motions], axis=1),
                "rotations6d": np.concatenate([motion.rotations6d for motion in motions], axis=1),
            }

        return _unpacked(self.arrays(GENERATED, key, arrays))

    def kept_motions(self, key: Sequence[str]) -> list[Motion] | None:
        """Motions kept for this key; None if there are none, or they cannot be read."""
        stored = self._read(self._path(GENERATED, key))
        return None if stored is None else _unpacked(stored)

    def arrays(
        self, kind: str, key: Sequence[str], make: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Named arrays for this key, kept in the folder `kind`; `make` computes them if they are not kept."""
        if self._folder is None:
            return make()
        path = self._path(kind, key)
        stored = self._read(path)
        if stored is not None:
            return stored
        arrays: dict[str, Any] = make()
        with replacing(path) as temporary:
            np.savez(temporary, **arrays)
        return arrays

    def _path(self, kind: str, key: Sequence[str]) -> Path:
        name = hashlib.sha256(json.dumps(list(key)).encode()).hexdigest()[:24]
        return self.folder / kind / f"{name}.npz"

    def _read(self, path: Path) -> dict[str, np.ndarray] | None:
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {array: archive[array] for array in archive.files}
        except (OSError, ValueError, KeyError, EOFError) as error:
            warn(f"{path} is damaged ({type(error).__name__}); recomputing")
            return None


def _unpacked(stored: dict[str, np.ndarray]) -> list[Motion]:
    ends = np.cumsum(stored["frames"])[:-1]
    parts = (np.split(stored[name], ends, axis=1) for name in ("joints", "rotations6d"))
    return [Motion(joints, rotations) for joints, rotations in zip(*parts, strict=True)]
