"""Word vectors of the Inter-X evaluator: unknown words, classes, and damaged or hostile tables."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from intermask_cli.datasets.interx.word_vectors import POS_CLASSES, WordVectors
from intermask_cli.errors import InputError, MissingError
from tests.helpers.dataset_trees import WORDS, write_glove


@pytest.fixture
def glove(tmp_path):
    """A folder with the tables of ten words, vectors of width 20."""
    folder = tmp_path / "glove"
    folder.mkdir()
    write_glove(folder, WORDS, np.random.default_rng(0).normal(size=(len(WORDS), 20)))
    return folder


def test_capitals_and_foreign_words_are_unknown(glove):
    words = WordVectors.load(glove)
    vectors, classes = words.encode(
        ["The/DET", "zebra/NOUN", "the/DET", "hand/NOUN", "left/XYZ", "person/XYZ"]
    )
    unknown = words.vectors[WORDS.index("unk")]
    assert_array_equal(vectors[:2], [unknown, unknown])
    assert [POS_CLASSES[k] for k in classes.argmax(axis=1)] == [
        "OTHER", "OTHER", "DET", "Body_VIP", "Loc_VIP", "OTHER",
    ]  # fmt: skip


def test_word_table_pickles_cannot_run_code(glove, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'executed')!r}, 'w')",))

    for content in (pickle.dumps([Bomb()]), b"\x80\x04", b"", pickle.dumps({"a": 1})):
        (glove / "hhi_vab_words.pkl").write_bytes(content)
        with pytest.raises(InputError, match=r"hhi_vab_words\.pkl"):
            WordVectors.load(glove)
    assert not (tmp_path / "executed").exists()


def test_word_tables_that_do_not_fit(tmp_path):
    with pytest.raises(MissingError, match=r"hhi_vab_data\.npy"):
        WordVectors.load(tmp_path)
    write_glove(tmp_path, WORDS, np.ones((3, 20)))
    with pytest.raises(InputError, match=r"\(3, 20\) do not fit 10 words"):
        WordVectors.load(tmp_path)
    with pytest.raises(InputError, match="no 'unk'"):
        WordVectors(np.ones((2, 5)), {"a": 0})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["hhi_vab_data.npy", "hhi_vab_words.pkl", "hhi_vab_idx.pkl"]))
def test_damaged_word_tables_are_read_or_refused(data, name, tmp_path):
    folder = tmp_path / "glove"
    if not folder.is_dir():
        folder.mkdir()
        write_glove(folder, WORDS, np.ones((len(WORDS), 4)))
    whole = (folder / name).read_bytes()
    kind = data.draw(st.sampled_from(["random", "cut", "changed"]))
    damaged = bytearray(whole)
    if kind == "random":
        damaged = bytearray(data.draw(st.binary(max_size=60)))
    elif kind == "cut":
        del damaged[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (folder / name).write_bytes(bytes(damaged))
    try:
        words = WordVectors.load(folder)
        assert words.vectors.ndim == 2
    except InputError as error:
        assert "\n" not in str(error)
    finally:
        (folder / name).write_bytes(whole)
