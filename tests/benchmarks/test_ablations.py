"""The harness of `make ablations`: variants, paired windows, resume, intervals, verdicts, document."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from benchmarks.ablations import __main__ as command
from benchmarks.ablations import document, records
from benchmarks.ablations.judge import hand_gap_mm
from benchmarks.ablations.metrics import METRICS
from benchmarks.ablations.settings import Claim, Row, load_budgets, load_rows, load_studies, recipe_of
from benchmarks.ablations.token_layouts import LAYOUTS, PairTokenizer, paired
from benchmarks.ablations.transformer_variants import (
    VARIANTS,
    OneAfterTheOther,
    OnePersonStage,
    SentenceVector,
)
from benchmarks.ablations.verdicts import HOLDS, INCONCLUSIVE, NOT_RUN, OPPOSITE, judge, recommended
from benchmarks.intervals import over_seeds, paired_difference
from intermask_cli.config import SamplingConfig, TokenizerConfig
from intermask_cli.datasets.duets.labels import Contact
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.sampling import tasks
from intermask_cli.training.config import MaskingConfig, Recipe
from intermask_cli.training.sources.source import build_windows, source_normalizer
from intermask_cli.training.stages import parameter_count
from intermask_cli.training.transformer.masking import IGNORED
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.tiny import CODES, tiny_info, tiny_parts
from tests.helpers.training_samples import SmoothSource

ROWS, BUDGETS = load_rows(), load_budgets()


# ---- settings


@pytest.mark.slow
@pytest.mark.parametrize("budget", BUDGETS.values(), ids=lambda budget: budget.name)
def test_every_row_has_a_recipe_and_a_variant(budget) -> None:
    for row in ROWS.values():
        recipe = recipe_of(row, budget, 7, TokenizerConfig(codebook_size=40, code_dim=12))
        assert recipe.tokenizer_training.seed == recipe.transformer_training.seed == 7
        if row.stage == "tokenizer":
            width = {**budget.recipe["tokenizer"], **row.recipe.get("tokenizer", {})}["width"]
            assert row.variant in LAYOUTS and recipe.tokenizer.width == width
        if row.stage == "transformer":
            assert row.variant in VARIANTS and recipe.tokenizer.codebook_size == 40
        if row.stage == "sampling":
            SamplingConfig(**row.sampling)


def test_studies_name_figures_that_exist_and_rows_of_one_budget() -> None:
    for study in load_studies(ROWS).values():
        assert set(study.metrics) <= set(METRICS)
        for claim in study.claims:
            assert set(claim.metrics) <= set(METRICS) and claim.better != claim.worse
            assert {claim.better, claim.worse} <= set(study.rows)


# ---- tokens

SMALL = TokenizerConfig(stem="conv", width=32, code_dim=16, codebook_size=20, dropout=0.0)
TOKENS_OF_A_PAIR = {"": 10, "time": 2, "time-five": 10, "pair-rows": 11, "pair-channels": 5}


def tokenizer_of(layout: str, config: TokenizerConfig = SMALL):
    torch.manual_seed(0)
    model = LAYOUTS[layout](config).eval()
    model.quantizer.first.adopt(torch.randn(config.codebook_size, config.code_dim))
    return model


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_take_and_return_motion(layout: str) -> None:
    model, motion = tokenizer_of(layout), torch.randn(4, 24, 262)
    ids = model.encode(motion)
    assert ids.shape[-1] == 6 and ids[..., 0].numel() == 2 * TOKENS_OF_A_PAIR[layout]
    decoded = model.decode(ids)
    assert decoded.shape == motion.shape
    output = model(motion, temperature=0.0)
    assert torch.equal(output.ids, ids)
    assert torch.allclose(output.reconstruction, decoded, atol=1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_only_pair_layouts_read_the_partner(layout: str) -> None:
    model, motion = tokenizer_of(layout), torch.randn(2, 16, 262)
    other = motion.clone()
    other[1] += 1
    latents, changed = model.latents(motion), model.latents(other)
    if isinstance(model, PairTokenizer):
        assert len(latents) == 1
        decoded = model.decode_latents(latents) - model.decode_latents(changed)
        assert decoded[0].abs().max() > 1e-4
    else:
        assert torch.allclose(latents[0], changed[0], atol=1e-5)
        assert (latents[1] - changed[1]).abs().max() > 1e-3


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name.startswith("pair")])
def test_the_plane_of_a_pair_loses_nothing_but_what_the_core_drops(layout: str) -> None:
    model, motion = tokenizer_of(layout), torch.randn(6, 8, 262)
    plain = tokenizer_of("")
    back = model._unpack(model.pack(motion))
    assert torch.equal(back, plain._unpack(plain.pack(motion)))


@pytest.mark.parametrize("width", [64, 96])
def test_layouts_have_about_as_many_parameters(width: int) -> None:
    config = dataclasses.replace(SMALL, width=width, code_dim=64)
    base = parameter_count(LAYOUTS[""](config))
    for layout in ("time", "pair-rows", "pair-channels"):
        assert parameter_count(LAYOUTS[layout](config)) == pytest.approx(base, rel=0.1), layout
    assert parameter_count(LAYOUTS["time-five"](config)) == pytest.approx(base, rel=0.25)


def test_paired_windows_are_both_persons_at_one_time() -> None:
    source = SmoothSource(4, lengths=(20, 9, 27))  # the second is shorter than a window
    normalizer = source_normalizer(source)
    windows = paired(build_windows(source, normalizer, 12, 3, alternate=True), source, 3)
    tracks = {i: normalizer.normalize(source.features(i, i % 2)) for i in range(4)}
    expected = {
        (i, first): torch.from_numpy(tracks[i][:, first : first + 12])
        for i in (0, 2, 3)
        for first in range(0, source.frames(i) - 11, 3)
    }
    both = windows.take(torch.arange(len(windows))).unflatten(0, (-1, 2))
    assert len(both) == 2 * len(expected)  # every moment once from either person
    for pair in both:
        assert sum(torch.equal(pair, one) for one in expected.values()) == 1
    assert len(windows.take(windows.random(8, 0.5))) == 8


# ---- transformer variants


def tiny_transformer() -> InteractionTransformer:
    return tiny_parts(tiny_info())[1]


@pytest.mark.parametrize(
    ("variant", "branch"), [("without-cross", "interaction_attention"), ("without-self", "attention")]
)
def test_a_skipped_branch_adds_nothing(variant: str, branch: str) -> None:
    ids, text = torch.randint(CODES, (2, 40)), torch.randn(2, 16)
    silent = tiny_transformer()
    for block in silent.Transformer.blocks:
        part = block.self_attn if branch == "attention" else block.local_inter_attn
        output = getattr(part, branch).out_proj
        torch.nn.init.zeros_(output.weight)
        torch.nn.init.zeros_(output.bias)
    skipped = VARIANTS[variant].change(tiny_transformer())
    with torch.no_grad():
        assert torch.allclose(skipped(ids, text), silent(ids, text), atol=1e-5)
        assert not torch.allclose(skipped(ids, text), tiny_transformer()(ids, text), atol=1e-2)


def test_every_variant_has_another_output_and_fewer_parameters() -> None:
    ids, text, full = torch.randint(CODES, (1, 40)), torch.randn(1, 16), tiny_transformer()
    outputs = [full(ids, text)]
    for name, variant in VARIANTS.items():
        if variant.skipped:
            model = variant.change(tiny_transformer())
            assert parameter_count(model) < parameter_count(full), name
            outputs.append(model(ids, text))
    for i, one in enumerate(outputs):
        assert not any(torch.allclose(one, other, atol=1e-2) for other in outputs[:i])


def test_the_sentence_vector_is_the_mean_of_the_words() -> None:
    words, sentence = FakeTextEncoder(12), SentenceVector(FakeTextEncoder(12))
    together = sentence.encode(["two people bow", "two people bow and wave"])
    assert together.states.shape == (2, 1, 12) and bool(together.mask.all())
    for row, text in enumerate(["two people bow", "two people bow and wave"]):
        states = words.encode([text])
        assert torch.allclose(together.states[row, 0], states.states[0, states.mask[0]].mean(0), atol=1e-6)
    assert sentence.sha256 != words.sha256


def fillers() -> tuple[TokenFiller, TokenFiller]:
    model, encoder = tiny_transformer(), FakeTextEncoder(12)
    device = torch.device("cpu")
    return tuple(kind(model, encoder, device, lambda n: 4) for kind in (TokenFiller, OneAfterTheOther))


def fill(filler: TokenFiller, known: torch.Tensor) -> torch.Tensor:
    sampling = SamplingConfig(steps=3, filter=0.5)
    return filler.fill(["two people bow"], [known], [torch.Generator().manual_seed(3)], sampling, 3)[0]


def test_one_after_the_other_makes_person_1_without_person_2() -> None:
    plain, one_by_one = fillers()
    made = fill(one_by_one, tasks.generate(4))
    assert bool(((made >= 0) & (made < CODES)).all())
    absent = tasks.generate(4)
    absent[1] = plain.transformer.mask_id
    assert torch.equal(made[0], fill(plain, absent)[0])
    assert not torch.equal(made[0], fill(plain, tasks.generate(4))[0])


def test_one_after_the_other_reacts_as_usual() -> None:
    plain, one_by_one = fillers()
    known = tasks.react(torch.randint(CODES, (5, 4)), 1)
    assert torch.equal(fill(plain, known), fill(one_by_one, known))


def test_one_person_batches_never_show_two_half_known_persons(tmp_path) -> None:
    stage = one_person_stage(tmp_path)
    alone = 0
    for step in range(12):
        torch.manual_seed(step)
        hidden = stage.batch(step).hidden
        counted = (hidden.labels != IGNORED).unflatten(1, (2, -1))
        masked = (hidden.ids == stage.model.mask_id).unflatten(1, (2, -1))
        valid = hidden.valid.unflatten(1, (2, -1))
        for row in range(len(hidden.ids)):
            person = int(counted[row, 1].any())
            assert counted[row, person].any() and not counted[row, 1 - person].any()
            other_masked, other_valid = masked[row, 1 - person], valid[row, 1 - person]
            assert not other_masked.any() or torch.equal(other_masked, other_valid)
            if other_masked.any():
                assert person == 0
                alone += 1
    assert 0 < alone < 36


def one_person_stage(tmp_path) -> OnePersonStage:
    from accelerate import Accelerator

    from intermask_cli.training.tokenizer.stage import TokenizerStage
    from intermask_cli.training.transformer.stage import TransformerData, new_transformer
    from tests.helpers.training_samples import WordStates, tiny_recipe

    recipe = tiny_recipe(masking={"interaction": 1.0, "interaction_partial": 1.0, "full": 0.0})
    train, accelerator = SmoothSource(12), Accelerator(cpu=True)
    normalizer = source_normalizer(train)
    tokenizer = TokenizerStage(recipe, train, train, normalizer, accelerator).model
    tokenizer.quantizer.first.adopt(torch.randn(16, 8))
    data = TransformerData(recipe, train, train, tokenizer, normalizer, WordStates(), tmp_path, accelerator)
    model = new_transformer(recipe, tokenizer.quantizer.first.codebook)
    return OnePersonStage(recipe, data, model, accelerator)


# ---- figures


def test_hand_gaps_are_measured_where_hands_touch() -> None:
    joints = np.zeros((2, 10, 22, 3))
    joints[1, :, 21, 0] = 0.1
    labels = dataclasses.make_dataclass("L", ["contacts"])((Contact(2, 6, 20, 21), Contact(0, 9, 20, 5)))
    clip = dataclasses.make_dataclass("C", ["joints", "labels"])(joints, labels)
    made = joints.copy()
    made[1, 4:, 21, 0] = 0.25  # two of the four frames, 15 cm too far; the elbow contact does not count
    assert hand_gap_mm(made, clip) == pytest.approx([0, 0, 150, 150])


def test_intervals_are_students() -> None:
    value = over_seeds([1.0, 2.0, 3.0])
    assert (value.mean, value.half_width) == (2.0, pytest.approx(4.303 / np.sqrt(3)))
    assert np.isnan(over_seeds([1.0]).half_width)


def test_differences_are_taken_seed_by_seed() -> None:
    difference = paired_difference({1: 1.0, 2: 5.0, 3: 9.0}, {1: 2.0, 2: 6.0, 4: 0.0})
    assert difference is not None and (difference.mean, difference.half_width) == (1.0, 0.0)
    assert paired_difference({1: 1.0}, {2: 1.0}) is None


def of_seeds(**values: list[float]) -> dict[int, dict[str, float]]:
    return {
        seed: {name: some[seed] for name, some in values.items()}
        for seed in range(len(next(iter(values.values()))))
    }


@pytest.mark.parametrize(
    ("better", "worse", "word"),
    [
        ([1.0, 1.1, 0.9], [2.0, 2.1, 1.9], HOLDS),  # lower is better
        ([2.0, 2.1, 1.9], [1.0, 1.1, 0.9], OPPOSITE),
        ([1.0, 2.0, 3.0], [3.0, 2.1, 1.0], INCONCLUSIVE),
        ([1.0], [9.0], INCONCLUSIVE),  # one seed has no interval
    ],
)
def test_verdicts(better: list[float], worse: list[float], word: str) -> None:
    claim = Claim("a is better", "a", "b", ("fid",), "")
    assert judge(claim, {"a": of_seeds(fid=better), "b": of_seeds(fid=worse)}).word == word


def test_the_first_figure_decides() -> None:
    steady, noisy = [1.0, 1.1, 0.9], [0.0, 1.0, 5.0]
    half = [value / 2 for value in steady]
    figures = {
        "a": of_seeds(fid=half, r1=half, kind=noisy),
        "b": of_seeds(fid=steady, r1=steady, kind=noisy[::-1]),
    }
    verdict = judge(Claim("a is better", "a", "b", ("fid", "r1", "kind", "role"), ""), figures)
    assert [finding.word for finding in verdict.findings] == [HOLDS, OPPOSITE, INCONCLUSIVE, NOT_RUN]
    assert verdict.word == HOLDS
    assert judge(Claim("a is better", "a", "b", ("r1", "fid"), ""), figures).word == OPPOSITE
    assert judge(Claim("a is better", "a", "b", ("r1", "fid"), ""), {}).word == NOT_RUN


def test_the_recommended_setting_is_cheap_and_as_good() -> None:
    start = {"r1": 0.5, "kind": 0.9, "fid": 4.0, "passes": 39}
    means = {
        "start": start,
        "steps 12": {**start, "passes": 23, "r1": 0.495},
        "steps 4": {**start, "passes": 7, "fid": 5.0},
        "guidance 3": {**start, "r1": 0.6},
    }
    choice = recommended(means, "start")
    assert (choice.best, choice.cheapest) == ("guidance 3", "steps 12")


# ---- records and document


def fake_runner(calls: list[tuple[str, int]]):
    def runner(row: Row, seed: int, folder) -> dict[str, float]:
        calls.append((row.name, seed))
        return {name: len(row.name) + seed / 10 for name in METRICS}

    return runner


def test_only_what_is_missing_is_run(tmp_path) -> None:
    budget, calls = BUDGETS["smoke"], []
    todo = command.jobs([ROWS["other-real"], ROWS["full"]], budget)
    assert [(row.name, seed) for row, seed in todo] == [("other-real", 1), ("full", 1), ("full", 2)]
    command.run(todo[:2], budget, tmp_path, fake_runner(calls))
    command.run(todo, budget, tmp_path, fake_runner(calls))
    assert calls == [("other-real", 1), ("full", 1), ("full", 2)]
    longer = dataclasses.replace(
        budget, recipe={**budget.recipe, "transformer_training": {"steps": 3, "batch_size": 4}}
    )
    command.run(todo, longer, tmp_path, fake_runner(calls))  # only the transformer's settings changed
    assert calls[3:] == [("full", 1), ("full", 2)]


def test_a_job_of_another_process_is_skipped(tmp_path) -> None:
    budget, calls = BUDGETS["smoke"], []
    todo = command.jobs([ROWS["two-d"], ROWS["full"]], budget, seeds=1)

    def runner(row: Row, seed: int, folder) -> dict[str, float]:
        if not calls:  # the second process comes while the first is at two-d
            calls.append(("first", row.name))
            command.run(todo, budget, tmp_path, fake_runner(calls))
        return {}

    command.run(todo, budget, tmp_path, runner)
    assert calls == [("first", "two-d"), ("full", 1)]


def test_gathering_keeps_other_rows(tmp_path) -> None:
    budget, path = BUDGETS["smoke"], tmp_path / "results.json"
    command.run([(ROWS["full"], 1)], budget, tmp_path, fake_runner([]))
    records.gather(path, budget, records.load(tmp_path / "records"))
    command.run([(ROWS["two-d"], 1)], budget, tmp_path / "elsewhere", fake_runner([]))
    both = records.gather(path, budget, records.load(tmp_path / "elsewhere" / "records"))
    assert [record.row for record in both] == ["full", "two-d"] == [r.row for r in records.read_results(path)]
    assert json.loads(path.read_text())["format"] == records.FORMAT


@pytest.mark.slow
@pytest.mark.long
def test_the_document_says_what_was_run_and_what_not(tmp_path) -> None:
    budget, studies = BUDGETS["smoke"], load_studies(ROWS)
    names = ("ground-truth", "full", "without-cross", "start", "steps 4", "two-d")
    rows = [ROWS[name] for name in names]
    command.run(command.jobs(rows, budget, 3), budget, tmp_path, fake_runner([]))
    found = records.load(tmp_path / "records")
    stale = dataclasses.replace(found[0], row="self-only", fingerprint="of other settings")
    path = tmp_path / "docs" / "ablations.md"
    path.parent.mkdir()
    document.write_document(path, ROWS, studies, [(budget, [*found, stale])])
    text = path.read_text()
    # full has 4.x and without-cross 13.x in every figure.
    assert "**Holds here:** attention to the partner helps (FID)." in text
    assert "Not run: without-spatio-temporal, without-self, self-only, one-after-the-other." in text
    assert "No setting is recommended before all have been run." in text
    assert "left out: self-only" in text and "| full | 3 | 4.200 ± 0.248 |" in text
    assert "Not run:** a 2D map per person beats 1D tokens (joint error mm);" in text
    assert {image.name for image in (path.parent / "images").iterdir()} >= {
        "ablations-smoke-transformer.png", "ablations-smoke-sampling.png",
    }  # fmt: skip


@pytest.mark.slow
def test_a_whole_sweep_ends_in_a_recommendation(tmp_path) -> None:
    budget, rows = BUDGETS["smoke"], [row for row in ROWS.values() if row.stage == "sampling"]
    figures = {"fid": 4.0, "kind": 0.9, "r1": 0.5, "passes": 39.0, "jerk_ratio": 1.0}
    changes = {"steps 12": {"passes": 23.0}, "guidance 5": {"r1": 0.6}, "steps 4": {"passes": 7.0, "r1": 0.4}}
    command.run(
        command.jobs(rows, budget), budget, tmp_path, lambda row, *_: {**figures, **changes.get(row.name, {})}
    )
    path = tmp_path / "docs" / "ablations.md"
    path.parent.mkdir()
    found = records.load(tmp_path / "records")
    document.write_document(path, ROWS, load_studies(ROWS), [(budget, found)])
    text = path.read_text()
    assert "**guidance 5** for quality" in text and "**steps 12** for cost" in text
    assert "Against the start, guidance 5: R@1 +0.100" in text


@pytest.mark.slow
@pytest.mark.long
def test_one_row_from_corpus_to_document(tmp_path) -> None:
    command.main(
        ["--budget", "smoke", "--only", "full", "pair-rows", "--seeds", "1", "--work", str(tmp_path),
         "--device", "cpu"]
    )  # fmt: skip
    work = tmp_path / "smoke"
    found = {record.row: record for record in records.load(work / "records")}
    assert set(found) == {"full", "pair-rows"}
    assert 0 < found["full"].figures["all_hidden_ce"] < 20
    pair = found["pair-rows"].figures
    assert pair["mpjpe_mm"] > 0 and pair["tokens_per_second"] == 11 * 30 / 4
    assert "| full | 1 |" in (work / "ablations.md").read_text()


def test_default_settings_are_not_part_of_a_fingerprint() -> None:
    changed = records.changed_settings(Recipe(masking=MaskingConfig(full=0.5)))
    assert changed.pop("masking") == {"full": 0.5}
    assert not any(changed.values())
