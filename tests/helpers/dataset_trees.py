"""Small InterHuman and Inter-X folders in the published layout, with synthetic motion."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np

from intermask_cli.motion.rotation import sixd_columns_from_matrix
from tests.helpers.motion_samples import fk_person

CAPTIONS = ("first caption left", "second caption", "third caption")


def interhuman_raw(frames: int, seed: int) -> np.ndarray:
    """(T, 492): body columns from forward kinematics in Z up, the rest noise that no reader should use."""
    positions, local, _ = fk_person(frames, seed)
    raw = np.random.default_rng(seed).normal(size=(frames, 492)).astype(np.float32)
    z_up = np.stack([positions[..., 0], -positions[..., 2], positions[..., 1]], axis=-1)
    raw[:, :66] = z_up.reshape(frames, 66)
    raw[:, 186:312] = sixd_columns_from_matrix(local[:, 1:]).reshape(frames, 126)
    return raw


def interhuman_tree(
    root: Path,
    raw_lengths: dict[str, int],
    splits: dict[str, list[str]] | None = None,
    newline_at_end: dict[str, bool] | None = None,
    captions: tuple[str, ...] = CAPTIONS,
) -> Path:
    """Write a dataset; without `splits` every split has every id, files end with a newline by default."""
    for folder in ("motions_processed/person1", "motions_processed/person2", "annots", "split"):
        (root / folder).mkdir(parents=True)
    for number, (id, frames) in enumerate(raw_lengths.items()):
        for person in (1, 2):
            np.save(
                root / f"motions_processed/person{person}/{id}.npy",
                interhuman_raw(frames, 2 * number + person),
            )
        (root / f"annots/{id}.txt").write_text("\n".join(captions) + "\n")
    for split in ("train", "val", "test"):
        ids = list(raw_lengths) if splits is None else splits.get(split, [])
        end = "\n" if (newline_at_end or {}).get(split, True) and ids else ""
        (root / f"split/{split}.txt").write_text("\n".join(ids) + end)
    return root


def interx_clip(frames: int, seed: int) -> np.ndarray:
    """(T, 56, 6) float32 as in the h5 files: two standing people who tremble; jaw and eyes are zero."""
    clip = np.random.default_rng(seed).uniform(-0.04, 0.04, (frames, 56, 6)).astype(np.float32)
    clip[:, 22:25] = 0
    clip[:, 55] = 0.1 * clip[:, 55] + np.float32([0, 1.3, 0, 1, 1.3, 0])
    return clip


WORDS = ("sos", "eos", "unk", "the", "first", "person", "wave", "quickly", "left", "hand")
LINE = "The first person waves quickly.#the/DET first/ADJ person/NOUN wave/VERB quickly/ADV#0.0#0.0"


def interx_tree(root: Path, lengths: dict[str, dict[str, int]], line: str = LINE, width: int = 20) -> Path:
    """Write a dataset; lengths: split -> name -> frames, `width` of the word vectors."""
    for folder in ("splits", "motions", "texts_processed", "glove"):
        (root / folder).mkdir(parents=True)
    for split, clips in lengths.items():
        (root / f"splits/{split}.txt").write_text("".join(f"{name}\n" for name in clips))
        with h5py.File(root / f"motions/{split}.h5", "w") as file:
            for seed, (name, frames) in enumerate(clips.items()):
                file[name] = interx_clip(frames, seed)
        for name in clips:
            (root / f"texts_processed/{name}.txt").write_text(f"{line}\n" * 3)
    write_glove(root / "glove", WORDS, np.random.default_rng(0).normal(size=(len(WORDS), width)))
    return root


def write_glove(folder: Path, words, vectors: np.ndarray) -> None:
    np.save(folder / "hhi_vab_data.npy", vectors)
    (folder / "hhi_vab_words.pkl").write_bytes(pickle.dumps(list(words)))
    (folder / "hhi_vab_idx.pkl").write_bytes(pickle.dumps({word: row for row, word in enumerate(words)}))
