"""The public Python API: what it lists, what it accepts and refuses, what it saves and reads."""

from __future__ import annotations

import inspect
import pickle
import pydoc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import intermask_cli as im
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import ROOT
from tests.helpers.tiny import CODES, save_tiny

FAST = im.SamplingConfig(steps=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> im.InteractionModel:
    return im.load_model(save_tiny(tmp_path_factory.mktemp("model")), FakeTextEncoder())


@pytest.fixture(scope="module")
def pair(model: im.InteractionModel) -> im.Interaction:
    return model.generate("two people bow", frames=16, seed=3)[0]


@pytest.fixture(scope="module")
def body() -> np.ndarray:
    """Joints (24, 22, 3) of a plausible person, metres, Y up."""
    return fk_person(24, seed=1)[0].astype(np.float32)


# ---------------------------------------------------------------- names


def test_every_public_name_is_listed_and_documented() -> None:
    assert set(im.__all__) <= set(dir(im))
    for name in im.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(im, name)), name
    text = pydoc.plain(pydoc.render_doc(im))
    assert [name for name in im.__all__ if name not in text] in ([], ["__version__"])
    with pytest.raises(AttributeError, match="no attribute 'lead_model'"):
        im.lead_model  # noqa: B018


def test_every_public_name_is_declared_for_type_checkers() -> None:
    """Names come from `__getattr__`; the imports for type checkers must name the same ones."""
    source = inspect.getsource(im)
    declared = source[source.index("if TYPE_CHECKING:") : source.index("__all__")]
    for name in im.__all__:
        assert name == "__version__" or f"{name}" in declared, name
    for package in ("intermask_cli", "evaluators"):
        assert (ROOT / package / "py.typed").is_file()


def test_public_methods_are_typed() -> None:
    methods = [value for name, value in inspect.getmembers(im.InteractionModel, inspect.isfunction)]
    for function in (*methods, im.load_model, im.write_dataset, im.save_interaction):
        signature = inspect.signature(function)
        arguments = [p for p in signature.parameters.values() if p.name != "self"]
        assert all(p.annotation is not p.empty for p in arguments), function
        assert signature.return_annotation is not signature.empty or function.__name__ == "__init__", function


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, intermask_cli as im; im.InputError; dir(im); "
        "heavy = {'torch', 'numpy', 'evaluators'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# ---------------------------------------------------------------- what is accepted


def same(a: im.Interaction, b: im.Interaction) -> bool:
    return a.joints.tobytes() == b.joints.tobytes() and np.array_equal(a.tokens, b.tokens)


def test_what_people_pass_means_the_same(model: im.InteractionModel) -> None:
    texts = ["a bow", "a hug"]
    base = model.generate(texts, frames=[16, 24], seeds=[5, 6], sampling=FAST)
    settings = {**FAST.__dict__, "steps": np.int64(1)}
    for given_texts, frames, seeds in (
        (tuple(texts), np.array([16, 24]), np.array([5, 6], np.uint32)),
        (pd.Series(texts), pd.Series([16, 24]), torch.tensor([5, 6])),
        ((text for text in texts), [16.0, np.int32(24)], range(5, 7)),
        (np.array(texts), (16, 24), [np.int64(5), 6]),
    ):
        for sampling in (FAST, settings):
            again = model.generate(given_texts, frames, seeds=seeds, sampling=sampling)
            assert all(map(same, again, base))
            given_texts = texts  # a generator can be read once
    one = model.generate("a bow", np.int64(16), np.int64(5), sampling={"steps": 1})[0]
    assert same(one, model.generate(["a bow"], 16, 5, sampling={"steps": 1})[0])
    assert type(one.seed) is int and type(one.text) is str


def test_motion_comes_as_array_tensor_list_or_record(model: im.InteractionModel, body: np.ndarray) -> None:
    base = model.react(body, "a hug", sampling=FAST)[0]
    records = (torch.from_numpy(body), body.tolist(), body.astype(np.float64), im.Motion(body[None]))
    for joints in records:
        assert same(model.react(joints, "a hug", sampling=FAST)[0], base)
    for motions in ([body], (im.Motion(body[None]),), [(body, None)], body[None]):
        assert same(model.react_each(motions, "a hug", sampling=FAST)[0], base)
    both = np.stack([body, body + np.float32(1)])
    longer = model.extend(both, "a hug", 8, sampling=FAST)
    assert same(longer, model.extend(im.Interaction(both), "a hug", 8, sampling=FAST))
    edited = model.edit(both, "a hug", persons=1, rows=np.array([2]), sampling=FAST)[0]
    assert same(edited, model.edit(both, "a hug", persons=[1], rows=(2,), sampling=FAST)[0])
    assert same(
        model.reconstruct(base, check_body=False),
        model.reconstruct(base.joints, base.rotations6d, check_body=False),
    )


def test_batch_size_changes_nothing_but_the_batches(
    model: im.InteractionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["a", "b", "c", "d", "e"]
    base = model.generate(texts, 16, sampling=FAST)
    transformer, sizes = model.filler.transformer, []
    forward = transformer.forward

    def counted(ids: torch.Tensor, *rest: object, **options: object) -> torch.Tensor:
        sizes.append(len(ids))
        return forward(ids, *rest, **options)

    monkeypatch.setattr(transformer, "forward", counted)
    assert all(map(same, model.generate(texts, 16, sampling=FAST, batch_size=2), base))
    assert max(sizes) == 2


@pytest.mark.parametrize("device", ["auto", "cpu", torch.device("cpu")])
def test_devices(device: str, tmp_path: Path) -> None:
    loaded = im.load_model(save_tiny(tmp_path / "m"), FakeTextEncoder(), device=device)
    assert repr(loaded).startswith("InteractionModel('tiny-interhuman', interhuman, cpu")


# ---------------------------------------------------------------- what is refused


def refused(call: Callable[[], object], *words: str) -> None:
    with pytest.raises(im.InputError) as error:
        call()
    message = str(error.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_wrong_arguments_are_named(model: im.InteractionModel) -> None:
    generate = model.generate
    for call, words in (
        (lambda: generate(None), ("texts", "None")),
        (lambda: generate(["a", None]), ("texts[1]", "None")),
        (lambda: generate(["a", float("nan")]), ("texts[1]", "nan")),
        (lambda: generate("a", frames="long"), ("frames", "'long'", "whole number")),
        (lambda: generate("a", frames=16.5), ("frames", "16.5")),
        (lambda: generate("a", frames=True), ("frames", "True")),
        (lambda: generate("a", 16, seed=2**64), ("seed", "18446744073709551616")),
        (lambda: generate("a", 16, seeds=[None]), ("seeds", "None")),
        (lambda: generate("a", 16, seeds=7), ("seeds", "7", "one seed per text")),
        (lambda: generate("a", 16, sampling={"step": 1}), ("sampling", "'step'", "'steps'")),
        (lambda: generate("a", 16, sampling={"guidance": float("nan")}), ("guidance", "nan")),
        (lambda: generate("a", 16, sampling=im.SamplingConfig(guidance=float("inf"))), ("guidance", "inf")),
        (lambda: generate("a", 16, sampling=20), ("sampling", "20", "SamplingConfig")),
        (lambda: generate("a", 16, batch_size=0), ("batch_size", "0")),
        (lambda: im.load_model("duet-mini", device="cuda:99"), ("device cuda:99", "CUDA devices")),
        (lambda: im.load_model("duet-mini", device="gpu"), ("device gpu", "auto, cpu, cuda")),
        (lambda: model.decode(np.zeros((2, 4, 3))), ("tokens", "(2, 4, 3)")),
        (lambda: model.decode(np.full((2, 5, 3), CODES)), ("tokens", str(CODES))),
        (lambda: model.decode("abc"), ("tokens", "array of numbers")),
        (lambda: model.logits(np.full((2, 5, 99), -1)), ("tokens", "99", "takes up to 15")),
        (lambda: generate({"a": 1}), ("texts",)),
        (lambda: generate(pd.DataFrame({"text": ["a"]})), ("texts",)),
        (lambda: generate("a \ud800"), ("texts[0]",)),
        (lambda: generate("a", 10**12), ("frames=1000000000000", "1,000,000")),
        (lambda: generate("a", 16, sampling={"steps": 10**9}), ("steps", "1 to 1000")),
        (lambda: generate("a", 16, sampling={"steps": True}), ("steps", "True", "a whole number")),
        (lambda: model.decode(np.full((2, 5, 3), 0.5)), ("tokens", "not whole")),
        (lambda: model.decode(np.zeros((2, 5, 3), complex)), ("tokens", "complex")),
        (lambda: model.logits(np.full((2, 5, 3), -1), guidance="x"), ("guidance", "'x'")),
        (lambda: model.logits(np.full((2, 5, 3), -1), guidance=float("nan")), ("guidance", "nan")),
    ):
        refused(call, *words)


def test_wrong_motion_is_named(
    model: im.InteractionModel, pair: im.Interaction, body: np.ndarray, tmp_path: Path
) -> None:
    for call, words in (
        (lambda: model.react(None, "a"), ("joints",)),
        (lambda: model.react("walk.bvh", "a"), ("joints", "array of numbers")),
        (lambda: model.react(body * np.float32("nan"), "a"), ("joints", "NaN")),
        (lambda: model.react(body, "a", person=2), ("person is 2", "0 or 1")),
        (lambda: model.react(body, "a", rotations6d=np.zeros((24, 22, 6))), ("rotations6d", "(24, 22, 6)")),
        (lambda: model.react_each(None, "a"), ("motions",)),
        (lambda: model.react_each(pair, "a"), ("motions",)),
        (lambda: model.react_each([pair], "a"), ("joints of shape (2,",)),
        (lambda: model.extend(body, "a", 8), ("joints of shape (24,",)),
        (lambda: model.edit(pair, "a", persons="1", check_body=False), ("persons", "'1'")),
        (lambda: model.edit(pair, "a", rows="legs", check_body=False), ("rows", "'legs'")),
        (lambda: im.Motion(None), ("joints",)),
        (lambda: im.Motion(body), ("joints of shape (24, 22, 3)", "persons")),
        (lambda: im.Motion(pair.joints, np.zeros((2, 3, 21, 6))), ("rotations6d", "16 frames")),
        (lambda: im.Interaction("walk.bvh"), ("joints", "array of numbers")),
        (lambda: im.Interaction(pair.joints, text=3), ("text", "3")),
        (lambda: im.Interaction(pair.joints, given=2), ("given is 2", "0 or 1")),
        (lambda: im.write_dataset(tmp_path / "a.h5", [pair.joints]), ("interactions", "ndarray")),
        (lambda: im.write_dataset(tmp_path / "a.h5", 3), ("interactions", "3")),
        (lambda: im.write_dataset(None, [pair]), ("path is None",)),
        (lambda: im.open_dataset(None), ("path is None",)),
        (lambda: im.save_interaction(pair.joints, tmp_path / "a.bvh"), ("interaction", "ndarray")),
        (lambda: im.save_interaction(pair, None), ("path is None",)),
    ):
        refused(call, *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda joints: joints * 100, ("m tall", "joints are in cm", "0.01")),
        (lambda joints: joints * 1000, ("m tall", "joints are in mm", "0.001")),
        (lambda joints: joints[..., [0, 2, 1]], ("stands along Z", "Y up", "check_body=False")),
        (lambda joints: joints[..., [1, 0, 2]], ("stands along X",)),
        (lambda joints: joints * 0, ("0 m tall", "all joints are in one place")),
    ],
)
def test_other_units_and_axes_are_refused_unless_asked_for(
    change: Callable[[np.ndarray], np.ndarray], words: tuple[str, ...],
    model: im.InteractionModel, body: np.ndarray,
) -> None:  # fmt: skip
    changed = change(body)
    both = np.stack([changed, changed + np.float32(1)])
    own = im.Interaction(both, None, None, "", 0)
    refused(lambda: model.react(changed, "a hug"), *words)
    refused(lambda: model.react_each([(changed, None)], "a hug"), *words)
    refused(lambda: model.encode(both), *words)
    refused(lambda: model.edit(both, "a hug"), *words)
    refused(lambda: model.in_between(both, "a hug", 8, 8), *words)
    refused(lambda: model.extend(own, "a hug", 8), *words)
    if np.any(changed):
        assert model.react(changed, "a hug", sampling=FAST, check_body=False)[0].given == 0


# ---------------------------------------------------------------- records


def test_records_print_in_one_line(model: im.InteractionModel, pair: im.Interaction) -> None:
    assert repr(pair) == "Interaction('two people bow', 16 frames, seed 3)"
    assert repr(pair.motion) == "Motion(joints (2, 16, 22, 3), rotations6d)"
    long = im.Interaction(pair.motion, text="a word\n" * 50, given=1, id="x-1")
    assert len(repr(long).splitlines()) == 1 and len(repr(long)) < 130
    assert "id 'x-1'" in repr(long) and "given person 1" in repr(long)


def test_an_interaction_takes_a_motion_or_its_arrays(pair: im.Interaction) -> None:
    arrays = im.Interaction(pair.joints, pair.rotations6d, pair.tokens, "they bow", 7, 0)
    record = im.Interaction(pair.motion, tokens=pair.tokens, text="they bow", seed=7, given=0)
    for one in (arrays, record):
        assert (one.text, one.seed, one.given, one.generated, one.frames) == ("they bow", 7, 0, (1,), 16)
        assert one.joints is pair.joints and one.rotations6d is pair.rotations6d and one.features is None
    assert pair.generated == (0, 1)
    with pytest.raises(im.InputError, match="part of the Motion"):
        im.Interaction(pair.motion, pair.rotations6d)


def test_motion_hashes_depend_on_values_and_shapes(pair: im.Interaction) -> None:
    motion = pair.motion
    assert motion.sha256() == im.Motion(motion.joints.copy(), motion.rotations6d).sha256()
    assert motion.sha256() != im.Motion(motion.joints).sha256()
    flat = im.Motion(motion.joints.reshape(1, 32, 22, 3), motion.rotations6d.reshape(1, 32, 21, 6))
    assert motion.sha256() != flat.sha256() and motion.sha256(shapes=False) == flat.sha256(shapes=False)


# ---------------------------------------------------------------- parts of the model


def test_motion_of_ones_own_can_be_extended(model: im.InteractionModel, body: np.ndarray) -> None:
    both = np.stack([body, body + np.float32(1)])
    longer = model.extend(im.Interaction(both, None, None, "", 0), "a hug", 16, sampling=FAST, overlap=8)
    assert longer.frames == 40 and longer.tokens.shape == (2, 5, 10)
    np.testing.assert_array_equal(longer.joints[:, :16], both[:, :16])
    np.testing.assert_array_equal(longer.tokens[:, :, :6], model.encode(both))


def test_tokens_and_motion(model: im.InteractionModel, pair: im.Interaction) -> None:
    decoded = model.decode(pair.tokens)
    assert decoded.joints.tobytes() == pair.joints.tobytes()
    assert np.array_equal(decoded.tokens, pair.tokens)
    rebuilt = model.reconstruct(pair, check_body=False)
    assert np.array_equal(model.encode(pair, check_body=False), rebuilt.tokens)


def test_tokens_and_features_of_interx(tmp_path: Path) -> None:
    model = im.load_model(save_tiny(tmp_path / "x", "interx"), FakeTextEncoder())
    pair = model.generate("two people bow", 16, sampling=FAST)[0]
    assert np.array_equal(model.decode(pair.tokens).features, pair.features)
    assert model.encode(pair).shape == (2, 5, 4)
    refused(lambda: model.encode(pair.joints), "features of a Motion")


@pytest.mark.slow
def test_text_states_condition_and_logits(model: im.InteractionModel) -> None:
    states = model.text_states(["two people bow", "a hug"])
    assert states.states.shape[:2] == states.mask.shape and len(states.end) == 2
    condition = model.condition(["two people bow", "a hug"])
    assert condition.shape == (2, model.info.transformer.text_width) and condition.dtype == np.float32
    masked = np.full((2, 5, 4), -1)
    with_text, without = model.logits(masked, "a hug"), model.logits(masked)
    assert with_text.shape == (2, 5, 4, CODES) and not np.array_equal(with_text, without)
    guided = model.logits(masked, "a hug", guidance=2.0)
    np.testing.assert_allclose(guided, without + 2 * (with_text - without), atol=1e-5)
    known = masked.copy()
    known[0] = 1
    assert not np.array_equal(model.logits(known, "a hug")[1], with_text[1])
    direct = model.filler.transformer(
        torch.full((1, 40), CODES), model.filler.transformer.condition(model.text_states("a hug"))
    )
    np.testing.assert_allclose(with_text.reshape(40, CODES), direct[0].detach().numpy(), atol=1e-5)


# ---------------------------------------------------------------- files


def test_a_dataset_written_is_read_again(
    model: im.InteractionModel, tmp_path: Path, body: np.ndarray
) -> None:
    made = model.generate(["a bow", "a hug"], [16, 24], sampling=FAST)
    reaction = model.react(body, "a wave", 1, sampling=FAST)[0]
    own = im.Interaction(np.stack([body, body]), text="own", id="own")
    path = im.write_dataset(tmp_path / "set.h5", [*made, reaction, own], {"model_id": model.info.name})
    with im.open_dataset(path) as dataset:
        assert dataset.ids == ["interaction-1", "interaction-2", "interaction-3", "own"]
        assert dataset.attributes["model_id"] == model.info.name and dataset.fps == 30
        back = list(dataset)
        copy = pickle.loads(pickle.dumps(dataset))
    for one, again in zip([*made, reaction], back[:3], strict=True):
        assert same(one, again)
        assert (again.text, again.seed, again.given, again.frames) == (
            one.text, one.seed, one.given, one.frames,
        )  # fmt: skip
    assert back[3].tokens is None and back[3].seed == -1
    assert len(copy) == 4 and copy.read("own").text == copy["own"].text == "own"
    assert copy[np.int64(-1)].id == copy.ids[3] and copy[0].id == copy.ids[0]
    with pytest.raises(IndexError):
        copy[4]
    assert repr(copy) == f"InteractionFile({str(copy.path)!r})"
    copy.close()


def test_datasets_that_cannot_be_written_are_refused(pair: im.Interaction, tmp_path: Path) -> None:
    def named(id: str, seed: int = 0) -> im.Interaction:
        return im.Interaction(pair.motion, text="x", seed=seed, id=id)

    other = im.Interaction(np.zeros((2, 8, 55, 3), np.float32))
    for items, words in (
        ([], ("no interactions",)),
        ([named("a"), named("a")], ("'a'", "twice")),
        ([named("a/b")], ("'a/b'", "slashes")),
        ([named("a", 2**63)], ("seed", str(2**63))),
        ([pair, other], ("22, 55", "joints")),
        ([im.Interaction(np.zeros((2, 8, 24, 3), np.float32))], ("24", "22 or 55")),
    ):
        refused(lambda items=items: im.write_dataset(tmp_path / "set.h5", items), *words)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("bow.bvh", ["bow_person1.bvh", "bow_person2.bvh"]),
        ("bow.npz", ["bow_person1.npz", "bow_person2.npz"]),
        ("bow.glb", ["bow.glb"]),
        ("bow.h5", ["bow.h5"]),
        ("bow.png", ["bow.png"]),
        ("bow.gif", ["bow.gif"]),
    ],
)
def test_one_interaction_is_saved(name: str, written: list[str], body: np.ndarray, tmp_path: Path) -> None:
    pair = im.Interaction(np.stack([body, body + np.float32(1)]), text="two people stand", seed=1)
    paths = im.save_interaction(pair, tmp_path / "new" / name)
    assert [path.name for path in paths] == written
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(written)
    assert all(path.stat().st_size > 500 for path in paths)
    if name.endswith(".bvh"):
        again = im.read_motion(paths[1], units="cm")
        np.testing.assert_allclose(again.joints, pair.joints[1], atol=0.05)


def test_other_suffixes_are_refused(pair: im.Interaction, tmp_path: Path) -> None:
    refused(lambda: im.save_interaction(pair, tmp_path / "bow.max"), ".max", ".bvh", ".glb", ".png")


@pytest.mark.slow
def test_devices_of_evaluators_and_text_encoders_are_checked() -> None:
    refused(lambda: im.load_evaluator(device="cuda:99"), "device cuda:99")
    assert im.load_text_encoder("minilm", "auto").encode(["a bow"]).states.ndim == 3


def test_evaluators_are_reached_from_here() -> None:
    assert im.load_evaluator.__module__ == "evaluators.evaluator"
    assert im.evaluate_interactions.__module__ == "evaluators.api"
