"""Evaluator bundles: saving, loading, damage, and import of released files."""

from __future__ import annotations

import json
import os
import stat

import numpy as np
import pytest
import torch

from evaluators.evaluator import DuetEvaluator, InterClipEvaluator, load_evaluator
from evaluators.networks import bundle
from evaluators.networks.bundle import load_network
from evaluators.networks.bundle_info import EvaluatorInfo, evaluator_sha256, read_info
from evaluators.networks.clip_vocabulary import ClipVocabulary
from evaluators.networks.duet import DuetEval, collate, positions_tensor
from evaluators.networks.importing import find_evaluator, import_evaluator
from evaluators.networks.interclip import InterClip
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.motion import Motion
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.tiny_evaluator import SIZES, TINY_INTERCLIP, save_tiny_evaluator

ENCODER = {"id": FakeTextEncoder.id, "sha256": FakeTextEncoder.sha256, "dim": 12}


def motions(frames=(20, 33, 24)):
    rng = np.random.default_rng(0)
    clips = [
        np.cumsum(rng.normal(size=(2, t, 22, 3)) * 0.02, axis=1) + rng.normal(size=(2, 1, 22, 3))
        for t in frames
    ]
    return [Motion(clip.astype(np.float32)) for clip in clips]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_evaluator(tmp_path_factory.mktemp("evaluators") / "tiny", ENCODER)


@pytest.fixture(scope="module")
def evaluator(folder):
    info = read_info(folder)
    network = load_network(folder, info)
    assert isinstance(network, DuetEval)
    return DuetEvaluator(info, evaluator_sha256(folder), network, FakeTextEncoder())


def test_embeddings_do_not_depend_on_the_batch(evaluator):
    together = evaluator.embed_motions(motions())
    for i, motion in enumerate(motions()):
        np.testing.assert_allclose(evaluator.embed_motions([motion])[0], together[i], atol=1e-5)


def test_embeddings_ignore_position_and_heading_but_not_the_order_of_persons(evaluator):
    (motion,) = motions((24,))
    turn = np.array([[0.6, 0, -0.8], [0, 1, 0], [0.8, 0, 0.6]], dtype=np.float32)
    before = evaluator.embed_motions([motion])
    moved = Motion(motion.joints @ turn + np.float32(1.5))
    np.testing.assert_allclose(evaluator.embed_motions([moved]), before, atol=1e-4)
    assert np.abs(evaluator.embed_motions([Motion(motion.joints[::-1])]) - before).max() > 1e-3


def test_texts_are_embedded_once_each(evaluator):
    embedded = evaluator.embed_texts(["two people bow", "a hug", "two people bow"])
    np.testing.assert_array_equal(embedded[0], embedded[2])
    np.testing.assert_allclose(embedded[1], evaluator.embed_texts(["a hug"])[0], atol=1e-5)


def test_padding_continues_a_clip_and_is_masked():
    network = DuetEval(SIZES).eval()
    clips = [positions_tensor(motion.joints) for motion in motions()]
    positions, frames = collate(clips)
    assert positions.shape == (3, 2, 33, 22, 3) and frames.tolist() == [20, 33, 24]
    torch.testing.assert_close(positions[1], clips[1])
    with torch.no_grad():
        before = network.embed_motion(positions, frames)
        positions[0, :, 25:] = 7.0
        torch.testing.assert_close(network.embed_motion(positions, frames), before)


def test_unusable_motions_are_named(evaluator):
    (motion,) = motions((24,))
    with pytest.raises(InputError, match="bad: joints contain NaN"):
        evaluator.embed_motions([Motion(motion.joints * np.float32("nan"))], ["bad"])
    with pytest.raises(InputError, match=r"\(2, T, 22, 3\)"):
        evaluator.embed_motions([Motion(np.zeros((2, 20, 24, 3), np.float32))])


def test_half_precision_is_stored_for_matrices_and_read_as_float32(tmp_path, folder):
    info = read_info(folder)
    network = load_network(folder, info)
    bundle.save_evaluator(tmp_path / "half", info, network, "# card\n", fp16=True)
    loaded = load_network(tmp_path / "half", info)
    for key, value in network.state_dict().items():
        again = loaded.state_dict()[key]
        assert again.dtype == torch.float32
        torch.testing.assert_close(again, value, atol=2e-3, rtol=1e-3)
    sizes = [(f / "weights.safetensors").stat().st_size for f in (tmp_path / "half", folder)]
    assert sizes[0] < 0.8 * sizes[1]


def test_every_damage_is_named(tmp_path, folder):
    with pytest.raises(MissingError, match="neither bundled"):
        load_evaluator("unknown")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingError, match=r"without config\.json"):
        load_evaluator(tmp_path / "empty")
    broken = tmp_path / "broken"
    broken.mkdir()
    values = json.loads((folder / "config.json").read_text())
    (broken / "weights.safetensors").write_bytes((folder / "weights.safetensors").read_bytes())

    def config(**changes):
        (broken / "config.json").write_text(json.dumps({**values, **changes}))
        return read_info(broken)

    with pytest.raises(InputError, match="describes model, not an evaluator"):
        config(kind="model")
    with pytest.raises(InputError, match="architecture is 'resnet'"):
        config(architecture="resnet")
    with pytest.raises(InputError, match="unknown key 'widht'; did you mean 'width'"):
        load_network(broken, config(network={"widht": 3}))
    with pytest.raises(InputError, match=r"config\.json asks for"):
        load_network(broken, config(network={**values["network"], "width": 32}))


class Words:
    """A tokenizer of whole words: start 48, end 49."""

    def __call__(self, text):
        return {"input_ids": [48, *(len(word) for word in text.split()), 49]}


def test_released_interclip_is_imported_and_scores_joints(tmp_path):
    torch.manual_seed(0)
    network = InterClip(TINY_INTERCLIP).eval()
    (tmp_path / "eval_model").mkdir()
    file = tmp_path / "eval_model" / "interclip.ckpt"
    torch.save({"state_dict": {f"model.{k}": v for k, v in network.state_dict().items()}}, file)
    assert find_evaluator(tmp_path) == find_evaluator(file) == file
    info, sha256 = import_evaluator(file, tmp_path / "bundle")
    assert (info.protocol, info.architecture) == ("interhuman", "interclip")
    assert sha256 == evaluator_sha256(tmp_path / "bundle")
    loaded = load_network(tmp_path / "bundle", read_info(tmp_path / "bundle"))
    assert isinstance(loaded, InterClip)
    short = lambda texts: ClipVocabulary(Words())(texts)[:, :9]  # noqa: E731
    evaluator = InterClipEvaluator(info, sha256, loaded, short)
    embedded = evaluator.embed_motions(motions())
    np.testing.assert_allclose(evaluator.embed_motions(motions()[:1])[0], embedded[0], atol=1e-5)
    assert evaluator.embed_texts(["two people bow", "a hug"]).shape == (2, 12)


def test_folders_without_an_evaluator_give_none(tmp_path):
    assert find_evaluator(tmp_path) is None and find_evaluator(tmp_path / "none") is None


def test_clip_ids_are_padded_with_zero_and_cut_before_the_end_token():
    ids = ClipVocabulary(Words())(["two people", "a " * 90])
    assert ids[0].tolist()[:5] == [48, 3, 6, 49, 0] and ids.shape == (2, 77)
    assert ids[1, 0] == 48 and ids[1, -1] == 49 and (ids[1, 1:-1] == 1).all()


def test_a_bundle_needs_a_known_architecture(tmp_path):
    info = EvaluatorInfo("x", "none", {}, "duets", ENCODER)
    bundle.save_evaluator(tmp_path, info, torch.nn.Linear(1, 1), "# card\n")
    with pytest.raises(InputError, match="accepted: duet, interclip, interx"):
        read_info(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o007, 0o660)])
def test_a_bundle_is_readable_as_the_umask_says(umask, mode, tmp_path):
    before = os.umask(umask)
    try:
        folder = save_tiny_evaluator(tmp_path / "b", ENCODER)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {mode}
