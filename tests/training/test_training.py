"""Training stages end to end on tiny models: learning, budgets, resume bit for bit, checkpoints, logs."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file

from intermask_cli.config import TokenizerConfig, TransformerConfig
from intermask_cli.errors import InputError, IntermaskError, InterruptedRun, MissingError
from intermask_cli.models.text_encoders import TextStates
from intermask_cli.training.checkpoints import AVERAGE, LAST, WEIGHTS
from intermask_cli.training.config import (
    MaskingConfig,
    Recipe,
    StageConfig,
    TextPretrainConfig,
    TokenizerLossConfig,
    TokenizerTrainConfig,
    TransformerTrainConfig,
)
from intermask_cli.training.log import TRAIN, VALIDATION, read_table
from intermask_cli.training.loop import AveragedWeights, StageRun
from intermask_cli.training.recipes import load_recipe, recipe_from_dict, recipe_to_dict
from intermask_cli.training.schedule import TrainingBudget, learning_rate_factor
from intermask_cli.training.sources.source import build_windows, source_normalizer
from intermask_cli.training.tokenizer.stage import TokenizerStage
from intermask_cli.training.transformer.batches import FreshTokens, batch_order
from intermask_cli.training.transformer.captions import NOT_SAID
from intermask_cli.training.transformer.stage import TransformerData, TransformerStage, new_transformer
from intermask_cli.training.transformer.text_pretraining import TextPretraining, as_seen_by
from intermask_cli.training.transformer.token_cache import cached_split, encode_split, excerpt_starts
from intermask_cli.training.transformer.warm_start import start_from
from tests.helpers.training_samples import SmoothSource


def tiny_recipe(**changes) -> Recipe:
    """Both stages small enough for a step in milliseconds; `changes` by section."""
    sections = {
        "tokenizer": TokenizerConfig(stem="conv", width=8, code_dim=8, codebook_size=16, dropout=0.1),
        "tokenizer_loss": TokenizerLossConfig(
            kind="metric", commitment=0.25, position=10.0, relative=5.0, motion=10.0, foot=1.0
        ),
        "tokenizer_training": TokenizerTrainConfig(
            batch_size=4, window=16, window_stride=4, steps=12, plain_steps=5, kmeans_latents=400, lr=1e-3,
            warmup_steps=2, log_steps=2, schedule="cosine", validate_minutes=1e9, save_minutes=1e9,
            fast_share=0.5,
        ),
        "transformer": TransformerConfig(
            codebook_size=16, code_dim=8, latent_dim=16, heads=2, layers=1, ff_dim=16, text_dim=6,
            text_head="pooled",
            text_width=8, text_layers=1, text_heads=2, text_ff=8, person_embedding=True, dropout=0.1,
        ),
        "masking": MaskingConfig(interaction=0.3, full=0.2, corrupted_samples=0.5, interaction_partial=0.5),
        "text_pretraining": TextPretrainConfig(steps=4, batch_size=4),
        "transformer_training": TransformerTrainConfig(
            batch_size=3, steps=8, lr=1e-3, warmup_steps=2, log_steps=2, ema=0.9, bucket=2, max_frames=80,
            validate_minutes=1e9, save_minutes=1e9, codebook_start=True,
        ),
    }  # fmt: skip
    sections |= {name: dataclasses.replace(sections[name], **values) for name, values in changes.items()}
    return Recipe(**sections)


class WordStates:
    """A stand-in text encoder: every word has fixed states of width 6."""

    id, sha256, dim = "words", "0" * 64, 6

    def encode(self, texts):
        words = [text.split() for text in texts]
        longest = max(map(len, words))
        states, mask = torch.zeros(len(texts), longest, 6), torch.zeros(len(texts), longest, dtype=torch.bool)
        for row, text in enumerate(words):
            for column, word in enumerate(text):
                generator = torch.Generator().manual_seed(sum(word.encode()))
                states[row, column] = torch.randn(6, generator=generator)
                mask[row, column] = True
        return TextStates(states, mask, mask.sum(1) - 1)


@pytest.fixture(scope="module")
def source():
    return SmoothSource(12)


@pytest.fixture(scope="module")
def validation():
    return SmoothSource(3, seed=100)


@pytest.fixture(scope="module")
def normalizer(source):
    return source_normalizer(source)


@pytest.fixture
def accelerator():
    return Accelerator(cpu=True)


@pytest.fixture
def tokenizer_stage(source, validation, normalizer, accelerator):
    def build(recipe: Recipe) -> TokenizerStage:
        return TokenizerStage(recipe, source, validation, normalizer, accelerator)

    return build


@pytest.fixture
def transformer_stage(source, validation, normalizer, accelerator, tokenizer_stage, tmp_path):
    def build(recipe: Recipe) -> TransformerStage:
        tokenizer = tokenizer_stage(recipe).model.eval()
        torch.manual_seed(0)
        tokenizer.quantizer.first.initialise(torch.randn(200, 8))
        data = TransformerData(
            recipe, source, validation, tokenizer, normalizer, WordStates(), tmp_path / "cache", accelerator
        )
        model = new_transformer(recipe, tokenizer.quantizer.first.codebook)
        return TransformerStage(recipe, data, model, accelerator)

    return build


def weights(folder: Path, name: str = WEIGHTS) -> dict[str, torch.Tensor]:
    return load_file(folder / LAST / name)


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert set(first) == set(second)
    for name in first:
        assert torch.equal(first[name], second[name]), name


def with_steps(recipe: Recipe, section: str, steps: int) -> Recipe:
    return dataclasses.replace(
        recipe, **{section: dataclasses.replace(getattr(recipe, section), steps=steps)}
    )


class StopAfter:
    """Sends the process SIGTERM while a given step's batch is being made."""

    def __init__(self, stage, step: int):
        self._batch, self._step = stage.batch, step
        stage.batch = self

    def __call__(self, step: int):
        if step == self._step:
            signal.raise_signal(signal.SIGTERM)
        return self._batch(step)


# ---------------------------------------------------------------- learning


def test_tokenizer_learns_and_leaves_a_log(tokenizer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(
        tokenizer={"width": 16},
        tokenizer_training={"steps": 150, "plain_steps": 40, "lr": 5e-3, "log_steps": 10},
    )
    stage = tokenizer_stage(recipe)
    stage.objective.bypass = False
    before = stage.validate()["mpjpe_mm"]
    report = StageRun(stage, tmp_path, accelerator, resume=False).run()
    assert report["steps"] == 150
    assert report["best"]["mpjpe_mm"] < 0.9 * before
    assert report["best"]["codebook_use"] > 0.3
    rows = read_table(tmp_path / TRAIN)
    assert [int(row["step"]) for row in rows] == list(range(10, 151, 10))
    assert float(rows[-1]["loss"]) < 0.6 * float(rows[0]["loss"])
    assert float(rows[0]["commitment"]) == 0 and float(rows[-1]["commitment"]) > 0
    assert len(read_table(tmp_path / VALIDATION)) == 1
    assert json.loads((tmp_path / "report.json").read_text())["steps"] == 150
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_transformer_learns(transformer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(transformer_training={"steps": 120, "lr": 5e-3, "ema": 0.9, "step_unroll": 0.5})
    stage = transformer_stage(recipe)
    with torch.no_grad():
        before = stage.validate()
    report = StageRun(stage, tmp_path / "run", accelerator, resume=False).run()
    assert report["best"]["all_hidden_ce"] < before["all_hidden_ce"] - 0.3
    assert {"ce", "accuracy", "unroll_ce", "unroll_accuracy"} <= set(read_table(tmp_path / "run" / TRAIN)[0])


def test_text_head_learns_the_labels(transformer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(text_pretraining={"steps": 60, "lr": 1e-2})
    stage = transformer_stage(recipe)
    pretraining = TextPretraining(recipe, stage._data, stage.model, accelerator)
    untouched = stage.model.token_emb.weight.clone()
    report = StageRun(pretraining, tmp_path / "head", accelerator, resume=False).run()
    assert report["best"]["tempo"] == 1.0
    assert torch.equal(untouched, stage.model.token_emb.weight)


def test_labels_as_each_person_sees_them():
    labels = {"actor": ["0", "1"], "kind": ["bow", "hug", "wave"], "side": ["left", "right"]}
    stated = torch.tensor([[0, 2, 1], [1, 0, 0], [NOT_SAID, 1, 1], [1, 1, NOT_SAID]])
    first, second = (as_seen_by(person, stated, labels) for person in (0, 1))
    assert first.tolist() == [[0, 2, 1], [1, 0, 2], [NOT_SAID, 1, 5], [1, 1, NOT_SAID]]
    assert second.tolist() == [[1, 2, 3], [0, 0, 0], [NOT_SAID, 1, 5], [0, 1, NOT_SAID]]


def test_text_head_learns_who_acts_for_each_person(transformer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(
        text_pretraining={"steps": 150, "lr": 1e-2}, transformer={"person_condition": True, "dropout": 0.0}
    )
    stage = transformer_stage(recipe)
    pretraining = TextPretraining(recipe, stage._data, stage.model, accelerator)
    report = StageRun(pretraining, tmp_path / "head", accelerator, resume=False).run()
    assert report["best"]["actor"] == 1.0
    condition, stated = pretraining.objective.read(pretraining.batch(0))
    assert len(condition) == len(stated) == 2 * recipe.text_pretraining.batch_size


def test_a_transformer_goes_on_from_another(transformer_stage):
    trained = transformer_stage(tiny_recipe()).model
    personal = transformer_stage(tiny_recipe(transformer={"person_condition": True})).model
    start_from(personal, trained, Path("before"))
    for name, value in trained.state_dict().items():
        assert torch.equal(personal.state_dict()[name], value), name
    with pytest.raises(InputError, match=r"--start-from after: another transformer .person_condition True"):
        start_from(trained, personal, Path("after"))
    wide = transformer_stage(tiny_recipe(transformer={"ff_dim": 32})).model
    with pytest.raises(InputError, match="ff_dim 16, here 32"):
        start_from(wide, trained, Path("before"))


# ---------------------------------------------------------------- resume


@pytest.mark.parametrize("stop_at", [3, 8])  # before and after the quantiser is on
def test_tokenizer_resumes_bit_for_bit(tokenizer_stage, accelerator, tmp_path, stop_at):
    recipe = tiny_recipe()
    StageRun(tokenizer_stage(recipe), tmp_path / "whole", accelerator, resume=False).run()
    stage = tokenizer_stage(recipe)
    StopAfter(stage, stop_at)
    with pytest.raises(InterruptedRun) as stopped:
        StageRun(stage, tmp_path / "parts", accelerator, resume=False).run()
    assert stopped.value.exit_code == 143
    assert json.loads((tmp_path / "parts" / LAST / "state.json").read_text())["step"] == stop_at + 1
    StageRun(tokenizer_stage(recipe), tmp_path / "parts", accelerator, resume=True).run()
    whole = weights(tmp_path / "whole")
    assert {"quantizer.layers.0.code_sum", "quantizer.layers.0.code_count"} <= set(whole)
    assert_same(whole, weights(tmp_path / "parts"))


def test_published_quantiser_resumes_bit_for_bit(tokenizer_stage, accelerator, tmp_path):
    """The codebook's sums survive; published training would take the next batch's vectors instead."""
    recipe = tiny_recipe(
        tokenizer={"reseed": "published"},
        tokenizer_training={"plain_steps": 0, "gumbel": 0.5, "fast_share": 0.0},
    )
    StageRun(tokenizer_stage(recipe), tmp_path / "whole", accelerator, resume=False).run()
    stage = tokenizer_stage(recipe)
    StopAfter(stage, 5)
    with pytest.raises(InterruptedRun):
        StageRun(stage, tmp_path / "parts", accelerator, resume=False).run()
    StageRun(tokenizer_stage(recipe), tmp_path / "parts", accelerator, resume=True).run()
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_transformer_resumes_bit_for_bit(transformer_stage, accelerator, tmp_path):
    recipe = tiny_recipe()
    StageRun(transformer_stage(recipe), tmp_path / "whole", accelerator, resume=False).run()
    stage = transformer_stage(recipe)
    StopAfter(stage, 4)
    with pytest.raises(InterruptedRun):
        StageRun(stage, tmp_path / "parts", accelerator, resume=False).run()
    StageRun(transformer_stage(recipe), tmp_path / "parts", accelerator, resume=True).run()
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    assert_same(weights(tmp_path / "whole", AVERAGE), weights(tmp_path / "parts", AVERAGE))
    assert (
        read_table(tmp_path / "whole" / TRAIN)[-1]["loss"]
        == read_table(tmp_path / "parts" / TRAIN)[-1]["loss"]
    )


def test_seed_changes_the_run(tokenizer_stage, accelerator, tmp_path):
    for seed in (1, 2):
        recipe = tiny_recipe(tokenizer_training={"seed": seed, "steps": 2})
        StageRun(tokenizer_stage(recipe), tmp_path / str(seed), accelerator, resume=False).run()
    first, second = weights(tmp_path / "1"), weights(tmp_path / "2")
    assert not torch.equal(first["encoder.model.0.weight"], second["encoder.model.0.weight"])


def test_resume_without_a_checkpoint_says_so(tokenizer_stage, accelerator, tmp_path):
    with pytest.raises(MissingError, match="without --resume"):
        StageRun(tokenizer_stage(tiny_recipe()), tmp_path, accelerator, resume=True)


def test_loss_that_is_not_a_number_stops_the_run(tokenizer_stage, accelerator, tmp_path):
    stage = tokenizer_stage(tiny_recipe())
    stage._windows.motion[:] = math.nan
    with pytest.raises(IntermaskError, match="loss is nan near step 2"):
        StageRun(stage, tmp_path, accelerator, resume=False).run()


# ---------------------------------------------------------------- budget and learning rate


def test_time_budget_ends_the_run_and_its_decay(tokenizer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(
        tokenizer_training={"steps": 0, "epochs": 0, "minutes": 0.03, "lr_end": 0.01, "log_steps": 1}
    )
    report = StageRun(tokenizer_stage(recipe), tmp_path, accelerator, resume=False).run()
    assert report["steps"] > 3
    rows = read_table(tmp_path / TRAIN)
    assert float(rows[-1]["lr"]) < 0.2 * 1e-3
    assert 0.03 <= report["minutes"] < 0.5


def test_progress_is_the_larger_share():
    budget = TrainingBudget(steps=10, minutes=1.0, spent_s=30.0)
    assert budget.progress(2) == pytest.approx(0.5, abs=0.05)
    assert budget.progress(8) == pytest.approx(0.8)
    assert TrainingBudget(steps=10, minutes=0.0).progress(10) == 1.0


def test_fixed_warmup_reaches_the_rate_and_milestones_follow():
    config = StageConfig(steps=100, milestones=(0.5, 0.8), gamma=0.1)
    rates = [learning_rate_factor(config, step, step / 100, 10, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[49] == 1.0
    assert rates[50] == pytest.approx(0.1) and rates[80] == pytest.approx(0.01)


def test_cosine_is_flat_then_falls_to_its_end():
    config = StageConfig(steps=100, schedule="cosine", decay_from=0.5, lr_end=0.02)
    rates = [learning_rate_factor(config, step, step / 100, 0, 100) for step in range(101)]
    assert rates[0] == rates[50] == 1.0
    assert rates[75] == pytest.approx(0.51)
    assert rates[100] == pytest.approx(0.02)


@pytest.mark.parametrize(("kind", "shift"), [(TransformerTrainConfig, 0), (TokenizerTrainConfig, 10)])
def test_published_rates_against_a_plain_loop(kind, shift):
    """The published loop written out: warm-up by hand, then MultiStepLR stepped once an iteration."""
    config = kind(published=True, steps=200)
    warmup, total = 10, 200
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    milestones = [int(total * share) for share in config.milestones]
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, config.gamma)
    for iteration in range(1, total + 1):
        if iteration < warmup:
            optimizer.param_groups[0]["lr"] = (iteration + 1) / (warmup + 1)
        expected = optimizer.param_groups[0]["lr"]
        seen = learning_rate_factor(config, iteration - 1, 0.0, warmup, total)
        assert seen == pytest.approx(expected), iteration
        optimizer.step()
        if iteration >= warmup or shift == 0:
            scheduler.step()


def test_averaged_weights_follow_and_give_back():
    model = torch.nn.Linear(2, 1, bias=False)
    average = AveragedWeights(model, decay=0.5)
    start = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1.0
    average.update(step=10**6)
    with average.applied():
        assert torch.allclose(model.weight, start + 0.5)
    assert torch.allclose(model.weight, start + 1.0)


# ---------------------------------------------------------------- data


def test_windows_cover_every_start_and_prefer_fast_limbs(source, normalizer):
    windows = build_windows(source, normalizer, window=64, stride=1, alternate=True)
    expected = sum(2 * (source.frames(i) - 64 + 1) for i in range(len(source)))
    assert len(windows) == expected
    clip = normalizer.normalize(source.features(1, 1))
    offset = 2 * (source.frames(0) - 63)
    assert torch.equal(windows.take(torch.tensor([offset + 3]))[0], torch.from_numpy(clip[0, 3:67]))
    torch.manual_seed(0)
    peaks = windows._cumulative.diff(prepend=torch.zeros(1)).sqrt()
    uniform, fast = peaks[windows.random(2000, 0.0)].mean(), peaks[windows.random(2000, 1.0)].mean()
    assert fast > 1.02 * uniform
    epoch = torch.cat([windows.shuffled(0, 0, batch, 10) for batch in range(len(windows) // 10)])
    assert len(epoch.unique()) == len(epoch)


def test_token_cache_keeps_both_canonical_versions(source, normalizer, tokenizer_stage):
    tokenizer = tokenizer_stage(tiny_recipe()).model.eval()
    tokenizer.quantizer.first.initialise(torch.randn(200, 8))
    cache = encode_split(source, tokenizer, normalizer, max_frames=300, device=torch.device("cpu"))
    for canonical in (0, 1):
        ids, lengths = cache.take(torch.tensor([4]), torch.tensor([canonical]))
        frames = source.frames(4) // 4 * 4
        motion = normalizer.normalize(source.features(4, canonical, 0, frames))
        with torch.no_grad():
            expected = tokenizer.encode(torch.from_numpy(motion))
        assert int(lengths) == frames // 4
        assert torch.equal(ids.view(2, 5, -1), expected)


def test_long_clips_become_overlapping_excerpts(normalizer, tokenizer_stage):
    assert excerpt_starts(80, 80) == [0]
    assert excerpt_starts(81, 80) == [0, 1]
    assert excerpt_starts(200, 80) == [0, 40, 80, 120]
    tokenizer = tokenizer_stage(tiny_recipe()).model.eval()
    cache = encode_split(SmoothSource(2, lengths=(90, 30)), tokenizer, normalizer, 40, torch.device("cpu"))
    assert cache.clips.tolist() == [0, 0, 0, 0, 1] and cache.lengths.tolist() == [10, 10, 10, 10, 7]


def test_token_cache_notices_another_tokenizer(source, normalizer, tokenizer_stage, tmp_path, capsys):
    tokenizer = tokenizer_stage(tiny_recipe()).model.eval()
    arguments = (normalizer, 80, torch.device("cpu"))
    cached_split(tmp_path / "t", source, tokenizer, *arguments)
    cached_split(tmp_path / "t", source, tokenizer, *arguments)
    assert "encoding again" not in capsys.readouterr().err
    tokenizer.quantizer.first.initialise(torch.randn(200, 8))
    again = cached_split(tmp_path / "t", source, tokenizer, *arguments)
    assert "encoding again" in capsys.readouterr().err
    assert int(again.maps.max()) > 0


def test_fresh_tokens_are_padded_and_drawn_anew(source, normalizer, tokenizer_stage):
    tokenizer = tokenizer_stage(tiny_recipe()).model.eval()
    tokenizer.quantizer.first.initialise(torch.randn(200, 8))
    fresh = FreshTokens(source, tokenizer, normalizer, 80, torch.device("cpu"))
    torch.manual_seed(0)
    draws = [fresh.take(torch.tensor([0, 1]), torch.zeros(2, dtype=torch.int64)) for _ in range(8)]
    assert all(ids.shape == (2, 10 * 20) and lengths.tolist() == [17, 20] for ids, lengths in draws)
    assert len({tuple(ids[0].tolist()) for ids, _ in draws}) == 4  # who is canonical x who comes first


def test_batches_of_similar_length_visit_every_item_once():
    lengths = torch.randint(10, 60, (103,), generator=torch.Generator().manual_seed(0))
    plain = batch_order(lengths, seed=1, epoch=0, batch=10, bucket=0)
    bucketed = batch_order(lengths, seed=1, epoch=0, batch=10, bucket=10)
    for order in (plain, bucketed):
        assert tuple(order.shape) == (10, 10) and len(order.unique()) == 100
    spread = [(lengths[o].amax(1) - lengths[o].amin(1)).float().mean() for o in (plain, bucketed)]
    assert spread[1] < 0.3 * spread[0]


def test_given_person_of_a_reaction_is_canonical(transformer_stage):
    stage = transformer_stage(
        tiny_recipe(masking={"interaction": 1.0, "interaction_partial": 0.0, "full": 0.0})
    )
    cache = stage._data.tokens
    torch.manual_seed(0)
    batch = stage.batch(0)
    items = stage._items(0)
    for row, item in enumerate(items.tolist()):
        shown = (batch.hidden.labels[row] < 0) & batch.hidden.valid[row]
        given = 0 if shown[: shown.numel() // 2].any() else 1
        expected, _ = cache.take(torch.tensor([item]), torch.tensor([given]))
        seen = batch.hidden.ids[row, batch.hidden.valid[row] & shown]
        half = expected.view(2, -1)[given]
        assert torch.equal(seen, half)


# ---------------------------------------------------------------- configuration


@pytest.mark.parametrize("name", ["duet-mini", "duet-mini-first", "duet-mini-second", "interhuman", "interx"])
def test_bundled_recipes_load_and_survive_json(name):
    recipe = load_recipe(name)
    assert recipe_from_dict(json.loads(json.dumps(recipe_to_dict(recipe))), "json") == recipe


def test_published_recipe_is_the_default():
    recipe = load_recipe("interhuman")
    assert recipe.tokenizer_training.batch_size == 256 and recipe.transformer_training.batch_size == 52
    assert recipe.tokenizer_loss == TokenizerLossConfig()
    assert load_recipe("interx").tokenizer.stem == "conv"


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("tokenizer_training", {"lr": "1e-3"}, "1.0e-3"),
        ("tokenizer_training", {"batchsize": 3}, "did you mean 'batch_size'"),
        ("tokenizer_training", {"window": 30}, "multiple of 4"),
        ("masking", {"interaction": 0.7, "full": 0.5}, "at most 1"),
        ("transformer_training", {"published": True, "epochs": 0, "minutes": 5}, "epochs or steps"),
        ("transformer", {"codebook_size": 8}, "codebook_size differs"),
        ("trainsformer", {}, "unknown section"),
    ],
)
def test_bad_settings_are_named(section, values, message):
    with pytest.raises(InputError, match=message):
        recipe_from_dict({section: values}, "test.yaml")
