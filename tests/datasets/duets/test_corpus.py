"""The corpus on disk: same bytes however it is made, resumable, splits that never leak, clear refusals."""

import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from intermask_cli.commands.data import app
from intermask_cli.datasets.duets.corpus import (
    Corpus,
    labels_from_json,
    labels_to_json,
    make_corpus_clip,
    maker_of,
    split_indices,
    split_of,
    test_split,
)
from intermask_cli.datasets.duets.corpus_writer import write_corpus
from intermask_cli.datasets.duets.data_card import KNOWN_UNNATURAL
from intermask_cli.datasets.duets.labels import (
    CORE_KINDS,
    KINDS,
    Contact,
    DuetClip,
    Labels,
    kind_set,
    phases_of,
)
from intermask_cli.errors import EXIT_SIGINT, InputError, InterruptedRun, MissingError
from intermask_cli.motion.motion import Motion


def fake_clip(seed: int, index: int) -> DuetClip:
    """A tiny clip that depends on seed and index like a real one."""
    rng = np.random.default_rng([seed, index])
    frames = int(rng.integers(4, 9))
    contacts = (Contact(1, 3, 20, 21),)
    labels = Labels("wave", index % 2, "left", "slow", "small", 2, "near", contacts, (("action", 2),))
    return DuetClip(
        motion=Motion(
            rng.normal(size=(2, frames, 22, 3)).astype(np.float32),
            rng.normal(size=(2, frames, 21, 6)).astype(np.float32),
        ),
        root_rotation=rng.normal(size=(2, frames, 3, 3)).astype(np.float32),
        offsets=rng.normal(size=(2, 22, 3)).astype(np.float32),
        labels=labels,
        seed=seed,
        index=index,
    )


def interrupted_at_seven(seed: int, index: int) -> DuetClip:
    if index == 7:
        raise KeyboardInterrupt
    return fake_clip(seed, index)


def write(out: Path, clips: int, seed: int = 1, processes: int = 1, **options) -> dict:
    return write_corpus(out, clips, seed, processes, maker=fake_clip, shard_clips=5, **options)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def same_clip(one, two) -> bool:
    arrays = ("joints", "rotations6d", "root_rotation", "offsets")
    rest = ("id", "index", "labels", "captions", "mentions", "held_out_captions", "held_out_mentions")
    return all(np.array_equal(getattr(one, a), getattr(two, a)) for a in arrays) and all(
        getattr(one, name) == getattr(two, name) for name in rest
    )


def test_reading_gives_back_what_was_made(tmp_path):
    write(tmp_path, 13)
    corpus = Corpus(tmp_path)
    for index in range(13):
        assert same_clip(corpus.clip(index), make_corpus_clip(1, index, fake_clip))
    clip = corpus.clip(3)
    assert clip.joints.shape == (2, clip.joints.shape[1], 22, 3) and clip.joints.dtype == np.float32
    assert len(clip.captions) == len(clip.mentions) >= 4


@pytest.mark.slow
def test_bytes_do_not_depend_on_processes(tmp_path):
    for processes in (1, 2, 3):
        write(tmp_path / str(processes), 17, processes=processes)
    first = files(tmp_path / "1")
    assert len(first) == 6
    assert first == files(tmp_path / "2") == files(tmp_path / "3")


def test_another_seed_is_another_corpus(tmp_path):
    assert write(tmp_path / "a", 6)["content_sha256"] != write(tmp_path / "b", 6, seed=2)["content_sha256"]


def test_a_corpus_grows_without_changing_its_clips(tmp_path):
    write(tmp_path / "grown", 7)
    kept = tmp_path / "grown/shards/duets-00000.h5"
    before = kept.stat().st_mtime_ns
    write(tmp_path / "grown", 12)
    write(tmp_path / "fresh", 12)
    assert kept.stat().st_mtime_ns == before
    assert files(tmp_path / "grown") == files(tmp_path / "fresh")


def test_a_lost_shard_is_made_again_and_only_that(tmp_path):
    write(tmp_path, 15)
    before = files(tmp_path)
    lost, kept = (tmp_path / f"shards/duets-0000{n}.h5" for n in (1, 2))
    lost.unlink()
    (tmp_path / "shards/.tmp-99-duets-00001.h5").write_bytes(b"half")
    stamp = kept.stat().st_mtime_ns
    write(tmp_path, 15)
    assert files(tmp_path) == before and kept.stat().st_mtime_ns == stamp


def test_an_interrupted_run_keeps_finished_shards_and_resumes(tmp_path, monkeypatch):
    name = f"{fake_clip.__module__}.{fake_clip.__qualname__}"
    monkeypatch.setattr(interrupted_at_seven, "__qualname__", name.split(".")[-1])
    with pytest.raises(InterruptedRun) as caught:
        write_corpus(tmp_path / "a", 12, 1, maker=interrupted_at_seven, shard_clips=5)
    assert caught.value.exit_code == EXIT_SIGINT
    assert sorted(files(tmp_path / "a")) == ["shards/duets-00000.h5"]
    with pytest.raises(MissingError, match=r"intermask data duets"):
        Corpus(tmp_path / "a")
    write(tmp_path / "a", 12)
    write(tmp_path / "b", 12)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_a_folder_with_another_corpus_is_refused(tmp_path):
    write(tmp_path, 12)
    before = files(tmp_path)
    with pytest.raises(InputError, match=r"seed 1, this command has 2.*--overwrite"):
        write(tmp_path, 12, seed=2)
    with pytest.raises(InputError, match=r"larger corpus"):
        write(tmp_path, 6)
    with pytest.raises(InputError, match=r"another version of the generator or another shard size"):
        write_corpus(tmp_path, 12, 1, maker=fake_clip, shard_clips=4)
    assert files(tmp_path) == before
    write(tmp_path, 6, seed=2, overwrite=True)
    assert len(files(tmp_path)) == 4 and Corpus(tmp_path).seed == 2


@pytest.mark.parametrize("clips, seed, processes", [(0, 1, 1), (5, -1, 1), (5, 1, 0)])
def test_senseless_numbers_are_refused(tmp_path, clips, seed, processes):
    with pytest.raises(InputError, match="need at least"):
        write(tmp_path, clips, seed, processes)


def test_splits_are_disjoint_complete_and_of_the_stated_size():
    parts = [split_indices(name, 8000) for name in ("train", "val", "test")]
    assert sorted(i for part in parts for i in part) == list(range(8000))
    assert len(parts[2]) >= 384 and 100 < len(parts[1]) < 240
    assert split_indices("test", 4000) == [i for i in parts[2] if i < 4000]
    gaps = np.diff(parts[2])
    assert len(set(gaps.tolist())) > 30, "test clips must not come in a regular rhythm"
    with pytest.raises(InputError, match="accepted: train, val, test"):
        split_indices("dev", 10)


def test_the_test_split_needs_no_files_and_equals_the_corpus(tmp_path):
    write(tmp_path, 80)
    stored = list(Corpus(tmp_path).split("test"))
    made = list(test_split(len(stored), 1, fake_clip))
    assert len(stored) >= 2
    assert all(same_clip(one, two) for one, two in zip(stored, made, strict=True))
    assert not {c.id for c in made} & {c.id for c in Corpus(tmp_path).split("train")}


def test_only_test_clips_have_held_out_captions(tmp_path):
    write(tmp_path, 60)
    corpus = Corpus(tmp_path)
    for index in range(60):
        clip = corpus.clip(index)
        assert bool(clip.held_out_captions) == bool(clip.held_out_mentions) == (split_of(index) == "test")


def test_splits_are_lazy_sequences(tmp_path):
    write(tmp_path, 20)
    train = Corpus(tmp_path).split("train")
    assert len(train) + len(train.corpus.split("val")) + len(train.corpus.split("test")) == 20
    assert [c.id for c in train[2:5]] == [train[i].id for i in (2, 3, 4)]
    assert same_clip(pickle.loads(pickle.dumps(train))[0], train[0])
    assert train[-1].index == train.indices[-1]
    assert Corpus(tmp_path).labels(4) == train.corpus.clip(4).labels


def test_labels_survive_json():
    labels = fake_clip(1, 1).labels
    assert labels_from_json(labels_to_json(labels)) == labels


def test_shards_of_core_clips_say_nothing_of_second_phases(tmp_path):
    write(tmp_path, 3)
    with h5py.File(tmp_path / "shards/duets-00000.h5") as file:
        assert "then" not in json.loads(file["labels"][0])
        assert all(len(mention) == 7 for mention in json.loads(file["captions"][0])["mentions"])


@pytest.mark.slow
def test_a_corpus_of_all_kinds_can_be_read_and_has_a_card(tmp_path):
    command = ["duets", "--out", str(tmp_path), "--clips", "40", "--seed", "6", "--kinds", "all"]
    result = CliRunner().invoke(app, [*command, "--two-phase", "0.4", "--json"])
    assert result.exit_code == 0, result.output
    manifest = json.loads(result.stdout)
    assert set(manifest["kinds"]) == set(KINDS)
    joined = manifest["two_phase"]["clips"]
    assert joined > 5 and joined + sum(row["clips"] for row in manifest["kinds"].values()) == 40
    corpus, kinds = Corpus(tmp_path), kind_set("all", 0.4)
    for index in range(40):
        assert same_clip(corpus.clip(index), make_corpus_clip(6, index, maker_of(kinds)))
    card = (tmp_path / "README.md").read_text()
    assert all(
        f"| {info.family} | {kind} | {manifest['kinds'][kind]['clips']} |" in card
        for kind, info in KINDS.items()
    )
    assert f"{joined} more clips join two kinds" in card and all(fault in card for fault in KNOWN_UNNATURAL)
    bows = [p for i in range(40) for p in phases_of(corpus.labels(i)) if p.kind == "bow"]
    first = sum(bow.actor == 0 for bow in bows)
    assert f"| bow | {len(bows)} | {f'person 1 {first}' if first else ''}" in card
    with pytest.raises(InputError, match="the same seed, but other kinds"):
        write_corpus(tmp_path, 40, 6)


def test_unknown_kinds_stop_the_command(tmp_path):
    result = CliRunner().invoke(app, ["duets", "--out", str(tmp_path / "x"), "--kinds", "wave,juggling"])
    assert isinstance(result.exception, InputError) and "juggling" in str(result.exception)
    assert not (tmp_path / "x").exists()


def test_shards_are_plain_hdf5(tmp_path):
    write(tmp_path, 5)
    with h5py.File(tmp_path / "shards/duets-00000.h5") as file:
        starts = file["starts"][()]
        assert file["joints"].shape == (starts[-1], 2, 22, 3)
        assert np.array_equal(file["joints"][starts[1] : starts[2], 1], fake_clip(1, 1).joints[1])
        assert json.loads(file["captions"][0])["captions"]
        assert file.attrs["fps"] == 30 and file.attrs["units"] == "m"


def test_damage_is_named(tmp_path):
    write(tmp_path, 10)
    shard = tmp_path / "shards/duets-00001.h5"
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"duets-00001\.h5 is not a readable HDF5 file.*delete it"):
        Corpus(tmp_path).clip(7)
    with pytest.raises(InputError, match=r"duets-00001\.h5 is not a readable"):
        write(tmp_path, 10)
    shard.unlink()
    with pytest.raises(MissingError, match=r"duets-00001\.h5 is missing"):
        Corpus(tmp_path).clip(7)
    manifest = json.loads((tmp_path / "corpus.json").read_text())
    (tmp_path / "corpus.json").write_text(json.dumps(manifest | {"format_version": 99}))
    with pytest.raises(InputError, match=r"version 99; accepted: intermask-duets version 1"):
        Corpus(tmp_path)


def test_a_shard_of_another_corpus_is_noticed(tmp_path):
    write(tmp_path / "a", 10)
    write(tmp_path / "b", 10, seed=2)
    target = tmp_path / "a/shards/duets-00001.h5"
    target.write_bytes((tmp_path / "b/shards/duets-00001.h5").read_bytes())
    with pytest.raises(InputError, match="belongs to a different corpus"):
        Corpus(tmp_path / "a").clip(7)


@pytest.mark.slow
def test_the_command_makes_a_real_corpus(tmp_path):
    out = tmp_path / "duets"
    result = CliRunner().invoke(
        app, ["duets", "--out", str(out), "--clips", "30", "--seed", "4", "--kinds", "core", "--json"]
    )
    assert result.exit_code == 0, result.output
    manifest = json.loads(result.stdout)
    assert manifest["clips"] == 30 == sum(row["clips"] for row in manifest["kinds"].values())
    assert tuple(manifest["kinds"]) == CORE_KINDS and manifest["two_phase"]["clips"] == 0
    again = CliRunner().invoke(
        app, ["duets", "--out", str(out), "--clips", "30", "--seed", "4", "--kinds", "core"]
    )
    assert again.exit_code == 0 and "handshake" in again.stdout and "clips/s" in again.stderr
    assert same_clip(Corpus(out).clip(11), make_corpus_clip(4, 11))
