"""The bundled model's benchmark: its figures and goals, what every part reads, and what it pastes."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest

from benchmarks.bundled_model import (
    contacts,
    continuation,
    pair_decoder,
    phases,
    reaction,
    report,
    retrieval,
    salsa,
)
from benchmarks.bundled_model.__main__ import PARTS, measured, sizes_for
from benchmarks.bundled_model.bench import ClipCounts, ModelBench, held_out
from benchmarks.bundled_model.figures import Figure, Goal, mean, share
from benchmarks.bundled_model.report import markdown
from benchmarks.bundled_model.wordings import FREE_WORDINGS
from benchmarks.intervals import wilson
from benchmarks.judges.label_hits import label_hits
from benchmarks.judges.label_reader import LabelClassifier, LabelNetwork, Recognised
from benchmarks.pasting import markers, paste
from evaluators.data.cache import Cache
from evaluators.evaluator import DuetEvaluator
from evaluators.networks.bundle import load_network
from evaluators.networks.bundle_info import read_info
from intermask_cli.datasets.duets.corpus import split_of
from intermask_cli.datasets.duets.labels import DUETS_1_KINDS, KindSet
from intermask_cli.datasets.duets.wordings import wordings
from intermask_cli.inference.model import InteractionModel
from intermask_cli.models.bundle import load_bundle
from intermask_cli.reading.phases import split_phases
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.tiny import ENCODER, save_tiny, save_tiny_with_pair_decoder
from tests.helpers.tiny_evaluator import TINY, save_tiny_evaluator

FEW = KindSet(("handshake", "wave", "circle_hands"), 0.3)
SIZES = ClipCounts(per_kind=2, further=1, two_phase=2, lasting=1, free=1)


@pytest.fixture(scope="module")
def clips():
    return held_out(SIZES, FEW)


@pytest.fixture(scope="module")
def bench(tmp_path_factory, clips):
    folder = tmp_path_factory.mktemp("bench")
    model = InteractionModel(load_bundle(save_tiny(folder / "tiny")), FakeTextEncoder())
    path = save_tiny_evaluator(folder / "eval", ENCODER)
    info = read_info(path)
    evaluator = DuetEvaluator(info, "0" * 64, load_network(path, info), FakeTextEncoder())
    reader = LabelClassifier(LabelNetwork(8))
    return ModelBench(model, reader, evaluator, clips, SIZES, model.info.sampling, Cache(folder / "cache"))


def reader_of_truth(clips):
    """A reader that always answers with the clips' own labels."""
    kinds = tuple(clip.labels.kind for clip in clips)
    actors = np.array([clip.labels.actor or 0 for clip in clips])
    sides = tuple(clip.labels.side or "left" for clip in clips)
    ones = np.ones(len(clips))
    return lambda motions: Recognised(kinds, actors, sides, ones, ones, ones)


def test_goals_are_bounds_or_multiples_of_the_reference():
    assert Goal(25.0).met(24.9, math.nan) and not Goal(25.0).met(25.1, math.nan)
    assert Goal(1.3, relative=True).met(12.9, 10.0) and not Goal(1.3, relative=True).met(13.1, 10.0)
    assert Goal(0.9, at_least=True, relative=True).met(0.91, 1.0)
    assert Goal(0.9, at_least=True).met(math.nan, 1.0) is None
    row = Figure("jerk", 12.0, 11.0, 14.0, "m/s³", 10.0, goal=Goal(1.3, relative=True), count=5).row()
    assert (
        row == "| jerk | ≤ 1.3x ground truth | 12 m/s³ (11 to 14) | 10 m/s³, ground truth | 1.20 | 5 | met |"
    )
    missed = share("kind", [True, False], [True, True], Goal(0.8, at_least=True)).row()
    assert "≥ 80 %" in missed and "50 % (9 to 91)" in missed and "**missed**" in missed
    nothing = mean("R@1", [math.nan] * 3, goal=Goal(0.9, at_least=True))
    assert nothing.met is None and "not measured" in nothing.row() and nothing.to_dict()["value"] is None


def test_intervals():
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)  # Wilson's formula by hand
    assert wilson(20, 20)[1] == pytest.approx(1.0)
    values = np.random.default_rng(1).normal(5.0, 1.0, 400)
    figure = mean("some", values)
    half = 1.96 / 20  # standard error of a mean of 400
    assert figure.value == pytest.approx(values.mean())
    assert figure.high - figure.low == pytest.approx(2 * half, rel=0.15)


def test_held_out_clips_fill_every_kind_and_share_none(clips):
    for group in (clips.single, clips.others):
        assert Counter(clip.labels.kind for clip in group) == dict.fromkeys(FEW.kinds, 2)
    assert len(clips.two_phase) == 2 and all(clip.labels.then for clip in clips.two_phase)
    everything = [*clips.single, *clips.others, *clips.two_phase]
    assert len({clip.index for clip in everything}) == len(everything)
    assert all(split_of(clip.index) == "test" for clip in everything)
    assert all(clip.joints.shape[1] % 12 == 0 for clip in everything)
    assert [clips.single[i].labels.kind for i in clips.first(1)] == list(FEW.kinds)


def test_a_corpus_without_clips_of_two_phases_has_none_held_out():
    clips = held_out(SIZES, KindSet(("bow", "hug")))
    assert clips.two_phase == () and clips.kinds == ("bow", "hug") and len(clips.single) == 4


def test_free_wordings_ask_for_every_kind_in_words_of_their_own():
    with FREE_WORDINGS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["kind"] for row in rows) == dict.fromkeys(DUETS_1_KINDS, 4)
    assert len({row["id"] for row in rows}) == len({row["text"].lower() for row in rows}) == len(rows)
    known = wordings().kinds.values()
    sentences = {
        s for words in known for s in (*words.full, *words.short, *words.held_full, *words.held_short)
    }
    assert not sentences & {row["text"] for row in rows}


def test_labels_of_the_truth_are_all_right_and_those_of_other_clips_are_not(clips):
    some = list(clips.single)
    truth = [clip.joints for clip in some]
    labels = [clip.labels for clip in some]
    hits = label_hits(truth, labels, reader_of_truth(some))
    assert all(values.all() for values in asdict(hits).values()) and len(hits.role) == 2
    assert not label_hits(truth, labels, reader_of_truth(some[::-1])).kind.all()


def test_joined_hands_of_the_truth_meet_and_of_people_moved_apart_do_not(clips):
    some = [clip for clip in clips.single if contacts.contacts_of(clip, hands_only=True)]
    assert {clip.labels.kind for clip in some} == {"handshake", "circle_hands"}
    apart = [clip.joints + np.array([0.0, 0.3])[:, None, None, None] for clip in some]
    assert contacts.limbs_meet([clip.joints for clip in some], some).all()
    assert not contacts.limbs_meet(apart, some).any()
    for clip, moved in zip(some, apart, strict=True):
        assert contacts.joined_hand_gaps(clip.joints, clip).max() < 0.03
        assert contacts.joined_hand_gaps(moved, clip).min() > 0.3


def test_phases_are_cut_where_both_parts_are_pure():
    joints = np.zeros((2, 200, 22, 3))
    joints[:, 87:] = 1.0

    def reader(parts):
        share_of_ones = np.array([part.mean() for part in parts])
        kinds = tuple("bow" if s < 0.5 else "hug" for s in share_of_ones)
        return Recognised(kinds, None, (), np.maximum(share_of_ones, 1 - share_of_ones), None, None)

    assert phases.phases_seen(joints, reader) == ("bow", "hug")
    assert phases.phases_seen(joints[:, ::-1], reader) == ("hug", "bow")
    assert phases.phases_seen(joints[:, 100:150], reader) == ("hug", "hug")


def test_a_clip_of_two_phases_as_two_texts(clips):
    labels = [clip.labels for clip in clips.two_phase]
    texts = phases.as_phases(labels)
    assert texts == phases.as_phases(labels) and len(set(texts)) == len(labels) > 0
    for text, one in zip(texts, labels, strict=True):
        first, second = split_phases(text)
        assert first != second
        alone = phases.as_phases([one.then])
        assert len(split_phases(alone[0])) == 1


def test_salsa_figures():
    rng = np.random.default_rng(0)
    joints = np.zeros((2, 90, 22, 3))
    joints[1, :, 0] = (3.0, 1.0, 4.0)
    assert salsa.pelvis_distance(joints) == pytest.approx(5.0)
    joints[:, :, salsa.FEET] = np.cumsum(rng.normal(size=(90, 2, 3)) ** 2, axis=0)
    assert salsa.step_correlation(joints, 0) == pytest.approx(1.0)
    joints[1, :, salsa.FEET] = np.cumsum(rng.normal(size=(90, 2, 3)) ** 2, axis=0).swapaxes(0, 1)
    assert abs(salsa.step_correlation(joints, 0)) < 0.5


def test_drift_is_seen(bench, monkeypatch):
    calm = np.zeros((2, 900, 22, 3), dtype=np.float32) + 0.02
    sinking = calm.copy()
    sinking[..., 1] -= np.linspace(0, 0.3, 900, dtype=np.float32)[None, :, None]
    for joints, met in ((calm, True), (sinking, False)):
        monkeypatch.setattr(continuation, "half_minutes", lambda _, joints=joints: ([joints], [[]]))
        height = {figure.name: figure for figure in continuation.measure(bench)}
        assert height["30 s, last 10 s: height of the lowest joint"].met is met


@pytest.mark.slow
@pytest.mark.long
def test_every_part_is_measured_with_a_tiny_model(bench, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(continuation, "LASTING", ("circle_hands",))
    monkeypatch.setattr(continuation, "SECONDS", 4)
    monkeypatch.setattr(continuation, "PART", 40)
    figures, minutes = measured(bench, list(PARTS))
    assert list(figures) == list(minutes) == list(PARTS)
    assert figures["salsa"] == [] and "salsa figures skipped" in capsys.readouterr().err
    by_name = {figure.name: figure for rows in figures.values() for figure in rows}
    assert by_name["joint error, unaligned"].value > 0 and by_name["joint error, unaligned"].count == 6
    assert by_name["generation: kind right"].reference <= 1 and by_name["R@1 of generation"].met is None
    assert by_name["30 s: jerk at seams"].count >= 1
    assert by_name["free wordings: kind right"].count == len(FEW.kinds)
    assert by_name["wordings of these situations: marked"].count == 21
    assert by_name["30 s: change of a bone's length"].met is False  # decoded bodies are not rigid
    far = report.worst(bench)
    assert len(far) == 6 and far[0]["mm_distance"] >= far[-1]["mm_distance"]
    assert json.loads(json.dumps([figure.to_dict() for rows in figures.values() for figure in rows]))
    text = markdown(figures, {"bow": 1.0}, far, [], "`tiny`")
    assert text.count("| **") - text.count("**missed**") == 8 and "goals met" in text
    report.draw(bench, far[:2], tmp_path / "worst.png")
    assert (tmp_path / "worst.png").stat().st_size > 1000


def test_retrieval_of_the_truth_itself_is_the_truths(bench):
    same = replace(bench)
    same.generated = same.truth
    figures = {figure.name: figure for figure in retrieval.measure(same, TINY)}
    assert figures["R@1 of generation"].ratio == pytest.approx(1.0) and figures["R@1 of generation"].met
    assert figures["FID of generation"].value == pytest.approx(0.0, abs=1e-6)
    assert figures["R@1 of reactions"].goal is not None


def test_a_reaction_that_is_the_truth_meets_its_goals(bench):
    same = replace(bench)
    some = same.truth.take(same.few, "truth")
    same.reactions = replace(some, generated_persons=((1,),) * len(some))
    figures = {figure.name: figure for figure in reaction.measure(same)}
    assert figures["reaction: joined hands meet (10 cm)"].met
    assert figures["reaction: jerk"].ratio == pytest.approx(1.0)


def test_sizes_follow_from_clips_per_kind():
    assert sizes_for(5) == ClipCounts()
    assert sizes_for(1) == ClipCounts(1, 1, 6, 1, 1)


def test_the_table_replaces_what_is_between_the_markers_only(tmp_path):
    path = tmp_path / "card.md"
    begin, end = markers("figures")
    path.write_text(f"# card\n{begin}\nold\n{end}\nafter\n")
    assert paste(path, "figures", "new table")
    assert path.read_text() == f"# card\n{begin}\nnew table\n{end}\nafter\n"
    path.write_text("no markers\n")
    assert not paste(path, "figures", "new table") and path.read_text() == "no markers\n"


@pytest.mark.slow
@pytest.mark.long
def test_the_pair_decoder_is_measured_against_the_same_tokens_without_it(tmp_path, bench) -> None:
    assert pair_decoder.measure(bench) == []  # a model without one
    folder = save_tiny_with_pair_decoder(tmp_path / "paired")
    paired = replace(bench, model=InteractionModel(load_bundle(folder), FakeTextEncoder()))
    figures = {figure.name: figure for figure in pair_decoder.measure(paired)}
    # The same random weights otherwise, so without it the model is the plain one.
    clips = [bench.clips.single[i] for i in bench.few]
    rebuilt = [bench.model.reconstruct(c.joints, c.rotations6d).joints for c in clips]
    errors = [
        1000 * np.linalg.norm(r - c.joints, axis=-1).mean() for r, c in zip(rebuilt, clips, strict=True)
    ]
    joint_error = figures["tokenizer: joint error"]
    assert joint_error.reference == pytest.approx(np.mean(errors), rel=1e-4)
    assert joint_error.value != pytest.approx(joint_error.reference, rel=1e-3)
    skate = figures["generation: foot skate"]
    assert skate.reference_name == "without it" and skate.value != pytest.approx(skate.reference, rel=1e-3)
