"""Word vectors and word classes of the Inter-X evaluator.

Described in docs/reference/data-and-evaluation.md#word-vectors.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import InputError, MissingError

POS_CLASSES = (
    "VERB", "NOUN", "DET", "ADP", "NUM", "AUX", "PRON", "ADJ", "ADV",
    "Loc_VIP", "Body_VIP", "Obj_VIP", "Act_VIP", "Desc_VIP", "OTHER",
)  # fmt: skip
OTHER = "OTHER"
#: Words whose class overrides their tag; the first list that has the word wins.
VIP_WORDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "Loc_VIP": (
            "left right clockwise counterclockwise anticlockwise forward back backward up down straight curve"
        ),
        "Body_VIP": "arm chin foot feet face hand mouth leg waist eye knee shoulder thigh",
        "Obj_VIP": "stair dumbbell chair window floor car ball handrail baseball basketball",
        "Act_VIP": (
            "walk run swing pick bring kick put squat throw hop dance jump turn stumble stop sit lift lower "
            "raise wash stand kneel stroll rub bend balance flap jog shuffle lean rotate spin spread climb"
        ),
        "Desc_VIP": "slowly carefully fast careful slow quickly happy angry sad happily angrily sadly",
    }.items()
}
#: The word whose vector all unknown words get.
UNKNOWN = "unk"
#: Bytes of the largest word table that is read; Inter-X's have less than a megabyte.
_LARGEST_TABLE = 64_000_000


class WordVectors:
    """Vector (D,) and class one-hot (15,) of `word/TAG` tokens.

    Lookup is case-sensitive in a lower-case table, so the capitalised first word of a sentence is unknown, as
    published. Unknown words get the vector of `unk` and class OTHER.
    """

    def __init__(self, vectors: np.ndarray, rows: Mapping[str, int]):
        if vectors.ndim != 2 or not all(0 <= row < len(vectors) for row in rows.values()):
            raise InputError(f"word vectors of shape {vectors.shape} do not fit {len(rows)} words")
        if UNKNOWN not in rows:
            raise InputError(f"the word table has no {UNKNOWN!r}")
        self.vectors, self.rows = vectors, dict(rows)

    @classmethod
    def load(cls, folder: Path) -> WordVectors:
        """Read `hhi_vab_data.npy`, `hhi_vab_words.pkl` and `hhi_vab_idx.pkl`.

        Raises:
            MissingError: no such file. InputError: damaged files, or tables that do not fit.
        """
        folder = Path(folder)
        try:
            # Mapped: a file that claims more than it has is refused, and nothing but a file is read.
            vectors = np.array(np.load(folder / "hhi_vab_data.npy", allow_pickle=False, mmap_mode="r"))
        except FileNotFoundError as error:
            raise MissingError(
                f"{error.filename}: no such file; it comes with Inter-X's text features"
            ) from error
        except Exception as error:  # a damaged header is parsed as Python and can raise almost anything
            raise InputError(f"{folder / 'hhi_vab_data.npy'}: not a readable array ({error})") from error
        words, rows = (_plain_pickle(folder / f"hhi_vab_{name}.pkl") for name in ("words", "idx"))
        if not isinstance(rows, dict) or not all(isinstance(row, int) for row in rows.values()):
            raise InputError(f"{folder / 'hhi_vab_idx.pkl'}: not a dictionary from word to row")
        if not isinstance(words, list) or not set(words) <= set(rows):
            raise InputError(f"{folder / 'hhi_vab_words.pkl'}: not a list of words that all have a row")
        return cls(vectors, {word: rows[word] for word in words})

    @cached_property
    def sha256(self) -> str:
        """Over words, rows and vectors."""
        digest = hashlib.sha256(json.dumps(sorted(self.rows.items())).encode())
        digest.update(np.ascontiguousarray(self.vectors).tobytes())
        return digest.hexdigest()

    def __contains__(self, word: str) -> bool:
        return word in self.rows

    def encode(self, tokens: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Tokens `word/TAG` (N) -> vectors (N, D), one-hot classes (N, 15)."""
        words, tags = zip(*(token.rsplit("/", 1) for token in tokens), strict=True)
        vectors = np.stack([self.vectors[self.rows.get(word, self.rows[UNKNOWN])] for word in words])
        classes = np.zeros((len(tokens), len(POS_CLASSES)))
        for row, (word, tag) in enumerate(zip(words, tags, strict=True)):
            classes[row, POS_CLASSES.index(self._word_class(word, tag))] = 1
        return vectors, classes

    def _word_class(self, word: str, tag: str) -> str:
        if word not in self.rows:
            return OTHER
        vip = next((name for name, words in VIP_WORDS.items() if word in words), None)
        return vip or (tag if tag in POS_CLASSES else OTHER)


class _PlainUnpickler(pickle.Unpickler):
    """Lists, dictionaries, strings and numbers only: any class or function in the file is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, only plain values are accepted")


def _plain_pickle(path: Path) -> Any:
    """A table that the dataset ships as a pickle, read without running any code."""
    if path.exists() and (not path.is_file() or path.stat().st_size > _LARGEST_TABLE):
        raise InputError(f"{path}: not a file of at most {_LARGEST_TABLE:,} bytes, which a word table is")
    try:
        return _PlainUnpickler(io.BytesIO(path.read_bytes())).load()
    except FileNotFoundError as error:
        raise MissingError(f"{path}: no such file; it comes with Inter-X's text features") from error
    except Exception as error:
        # Damaged pickles can raise almost anything: IndexError, KeyError, UnicodeDecodeError, MemoryError.
        raise InputError(
            f"{path}: not a plain table ({str(error).splitlines()[0] if str(error) else error!r})"
        ) from error
