"""The transformer against plain versions of itself, and what must hold for any weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.speed import published_loop
from intermask_cli.config import TransformerConfig
from intermask_cli.errors import InputError
from intermask_cli.models import layers
from intermask_cli.models.layers import (
    MultiHeadAttention,
    ShiftScale,
    attention,
    modulate,
    modulated_norm,
    norm,
)
from intermask_cli.models.positional import position_table
from intermask_cli.models.text_encoders import TextStates
from intermask_cli.models.transformer import InteractionTransformer, whitened
from tests.oracles import plain_transformer

CODES, WIDTH, TEXT = 20, 24, 16
SMALL = TransformerConfig(
    codebook_size=CODES,
    code_dim=12,
    latent_dim=WIDTH,
    heads=3,
    layers=3,
    ff_dim=40,
    text_dim=TEXT,
    text_width=TEXT,
    text_heads=4,
    text_ff=32,
)


def build(config: TransformerConfig = SMALL) -> InteractionTransformer:
    """Random weights everywhere, the zero-initialised ones included."""
    torch.manual_seed(0)
    model = InteractionTransformer(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.15)
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def random_inputs(batch: int, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, CODES + 1, (batch, 10 * n), generator=generator)
    return ids, torch.randn(batch, TEXT, generator=generator)


def padded(ids: Tensor, lengths: list[int]) -> Tensor:
    rows = ids.clone().unflatten(1, (10, -1))
    for b, length in enumerate(lengths):
        rows[b, :, length:] = CODES + 1
    return rows.flatten(1)


def valid(logits: Tensor, b: int, length: int) -> Tensor:
    """Logits of one sample's valid tokens, (10, length, K)."""
    return logits[b].unflatten(0, (10, -1))[:, :length]


@pytest.mark.parametrize("oracle", [plain_transformer, published_loop])
@torch.inference_mode()
def test_agrees_with_the_plain_versions(model, oracle):
    lengths = [5, 2, 4]
    ids, condition = random_inputs(3, 5)
    ids = padded(ids, lengths)
    ours = model(ids, condition, torch.tensor(lengths))
    plain = oracle.forward(model.state_dict(), ids, condition, torch.tensor(lengths), SMALL.heads)
    for b, length in enumerate(lengths):
        torch.testing.assert_close(valid(ours, b, length), valid(plain, b, length), atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_batch_and_padding_change_nothing(model):
    lengths = [3, 6]
    ids, condition = random_inputs(2, 6)
    together = model(padded(ids, lengths), condition, torch.tensor(lengths))
    for b, length in enumerate(lengths):
        alone = ids[b : b + 1].unflatten(1, (10, -1))[:, :, :length].flatten(1)
        logits = model(alone, condition[b : b + 1])
        torch.testing.assert_close(valid(logits, 0, length), valid(together, b, length), atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_padding_content_is_never_read(model):
    ids, condition = random_inputs(2, 6)
    lengths = torch.tensor([3, 6])
    other = padded(ids, [3, 6])
    first, second = model(ids, condition, lengths), model(other, condition, lengths)
    torch.testing.assert_close(valid(first, 0, 3), valid(second, 0, 3), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("personal", [False, True])
@torch.inference_mode()
def test_wanted_logits_are_those_of_all(personal):
    """To the bit, also for few of them, as they have in the last steps of sampling."""
    model = build(PERSONAL) if personal else build()
    ids, condition = random_inputs(3, 10)
    if personal:
        condition = torch.randn(3, 2, TEXT)
    for text in (condition, None):
        everything = model(ids, text)
        for share in (1.0, 0.3, 0.005):
            wanted = torch.rand(ids.shape, generator=torch.Generator().manual_seed(1)) < share
            assert torch.equal(model(ids, text, wanted=wanted), everything[wanted])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_norm_and_modulation_in_one_go_do_not_depend_on_the_batch(dtype):
    x, shift, scale = torch.randn(3, 2, 50, 64), torch.randn(3, 2, 1, 64), torch.randn(3, 2, 1, 64)
    x, shift, scale = x.to(dtype), shift.to(dtype), scale.to(dtype)
    together = modulated_norm(x, ShiftScale(shift, scale))
    written = modulate(norm(x), ShiftScale(shift, scale))
    if dtype == torch.float32:
        assert torch.equal(together, written)
    torch.testing.assert_close(together, written, atol=0.05, rtol=0.02)
    for b in range(3):
        for p in range(2):
            vectors = ShiftScale(shift[b : b + 1, p : p + 1], scale[b : b + 1, p : p + 1])
            assert torch.equal(modulated_norm(x[b : b + 1, p : p + 1], vectors)[0, 0], together[b, p])


@torch.inference_mode()
def test_swapping_persons_swaps_logits(model):
    ids, condition = random_inputs(2, 4)
    swapped = ids.unflatten(1, (2, -1)).flip(1).flatten(1)
    logits = model(ids, condition).unflatten(1, (2, -1)).flip(1).flatten(1, 2)
    torch.testing.assert_close(model(swapped, condition), logits, atol=1e-5, rtol=1e-4)


@pytest.mark.slow
@torch.inference_mode()
def test_person_embedding_starts_at_zero_and_distinguishes_persons():
    config = dataclasses.replace(SMALL, person_embedding=True)
    model = InteractionTransformer(config).eval()
    assert not model.person_embedding.any()
    model = build(config)
    ids = torch.full((1, 40), model.mask_id)
    first, second = model(ids).chunk(2, dim=1)
    assert (first - second).abs().max() > 1e-3
    assert "person_embedding" not in build().state_dict()


PERSONAL = dataclasses.replace(SMALL, text_head="pooled", person_condition=True)


@torch.inference_mode()
def test_a_condition_per_person_is_the_plain_one_when_both_are_alike():
    model = build(PERSONAL)
    ids, condition = random_inputs(2, 4)
    lengths = torch.tensor([4, 3])
    ids = padded(ids, [4, 3])
    alike = condition[:, None].expand(-1, 2, -1)
    torch.testing.assert_close(
        model(ids, alike, lengths), model(ids, condition, lengths), atol=1e-5, rtol=1e-4
    )


@torch.inference_mode()
def test_swapping_persons_with_their_conditions_swaps_logits():
    model = build(PERSONAL)
    ids, _ = random_inputs(2, 4)
    conditions = torch.randn(2, 2, TEXT)
    logits = model(ids, conditions)
    swapped = ids.unflatten(1, (2, -1)).flip(1).flatten(1)
    turned = model(swapped, conditions.flip(1)).unflatten(1, (2, -1)).flip(1).flatten(1, 2)
    torch.testing.assert_close(turned, logits, atol=1e-5, rtol=1e-4)
    assert (model(ids, conditions.flip(1)) - logits).abs().max() > 1e-3


@torch.inference_mode()
def test_each_person_has_a_condition_of_their_own():
    model = build(PERSONAL)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    states = torch.randn(2, 5, TEXT)
    condition = model.condition(TextStates(states, mask, torch.tensor([4, 2])))
    assert condition.shape == (2, 2, TEXT)
    assert (condition[:, 0] - condition[:, 1]).abs().max() > 1e-3
    alone = model.condition(TextStates(states[1:, :3], mask[1:, :3], torch.tensor([2])))
    torch.testing.assert_close(condition[1:], alone, atol=1e-5, rtol=1e-4)
    with pytest.raises(InputError, match="person_condition needs text_head 'pooled'"):
        dataclasses.replace(SMALL, person_condition=True)


@torch.inference_mode()
def test_all_masked_halves_are_identical(model):
    _, condition = random_inputs(1, 4)
    first, second = model(torch.full((1, 40), model.mask_id), condition).chunk(2, dim=1)
    torch.testing.assert_close(first, second, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_prepared_conditions_and_the_unconditional_one(model):
    ids, condition = random_inputs(3, 4)
    assert torch.equal(model(ids, model.prepare(condition)), model(ids, condition))
    without = model(ids)
    torch.testing.assert_close(model(ids, torch.zeros_like(condition)), without, atol=1e-5, rtol=1e-4)
    assert torch.equal(model(ids, model.prepare(None)), without)
    assert (model(ids, condition) - without).abs().max() > 1e-3


def test_published_start_doubles_persons_and_keeps_the_separator():
    torch.manual_seed(0)
    model = InteractionTransformer(SMALL).eval()
    block = model.Transformer.blocks[0]
    x = torch.randn(2, 21, WIDTH)
    out = block(x, block.prepare(torch.randn(2, 1, WIDTH)), None)
    torch.testing.assert_close(out[:, :-1], 2 * x[:, :-1])
    torch.testing.assert_close(out[:, -1], x[:, -1])
    deviation = model.output_process.poseFinal.weight.std()
    assert 0.015 < deviation < 0.025 and not model.output_process.poseFinal.bias.any()


def test_default_size_has_the_published_keys_and_count():
    with torch.device("meta"):
        model = InteractionTransformer(TransformerConfig())
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 2) == 54.27
    assert len(model.state_dict()) == 206


@pytest.mark.slow
@torch.inference_mode()
def test_default_size_runs_300_frames_on_a_cpu():
    model = InteractionTransformer(TransformerConfig()).eval()
    logits = model(torch.full((1, 750), model.mask_id), torch.zeros(1, 768))
    assert logits.shape == (1, 750, 1024) and torch.isfinite(logits).all()


@pytest.mark.parametrize("config", [SMALL, PERSONAL])
def test_training_reaches_every_parameter(config):
    model = build(dataclasses.replace(config, person_embedding=True)).train()
    ids, _ = random_inputs(4, 3)
    states = TextStates(
        torch.randn(4, 7, TEXT), torch.ones(4, 7, dtype=torch.bool), torch.tensor([2, 6, 3, 4])
    )
    ids[:, ::3] = model.mask_id
    logits = model(ids, model.condition(states), torch.tensor([3, 2, 1, 3]))
    F.cross_entropy(logits.flatten(0, 1), torch.randint(0, CODES, (120,))).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_dropout_is_for_training_only(model):
    ids, condition = random_inputs(1, 3)
    assert torch.equal(model(ids, condition), model(ids, condition))
    noisy = build().train()
    assert not torch.equal(noisy(ids, condition), noisy(ids, condition))
    quiet = build(dataclasses.replace(SMALL, dropout=0.0)).train()
    assert torch.equal(quiet(ids, condition), quiet(ids, condition))


def test_positions_survive_inference_mode_and_half_precision():
    model = build()
    ids, condition = random_inputs(1, 3)
    with torch.inference_mode():
        model(ids, condition)
    model(ids, condition).sum().backward()
    table = position_table(3, WIDTH)
    torch.testing.assert_close(model.position_enc.table(2, torch.zeros(())), table[:, :2])
    rounded = model.to(torch.bfloat16).position_enc.table(3, torch.zeros((), dtype=torch.bfloat16))
    assert torch.equal(rounded, table.bfloat16())


@torch.inference_mode()
def test_half_precision_stays_close():
    model = build()
    ids, condition = random_inputs(2, 4)
    lengths = torch.tensor([4, 2])
    exact = model(ids, condition, lengths)
    half = model.to(torch.bfloat16)(ids, condition, lengths).float()
    for b, length in enumerate((4, 2)):
        error = (valid(half, b, length) - valid(exact, b, length)).abs().mean()
        assert error < 0.05 * valid(exact, b, length).std()


@pytest.mark.parametrize("masked", [False, True])
def test_written_out_attention_is_the_fused_one(masked):
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 3, 7, 8), torch.randn(2, 3, 9, 8), torch.randn(2, 3, 9, 8)
    mask = None
    if masked:
        mask = (torch.arange(9) < torch.tensor([[4], [9]]))[:, None, None]
    exact = attention(q, k, v, mask)
    half = attention(q.bfloat16(), k.bfloat16(), v.bfloat16(), mask).float()
    torch.testing.assert_close(half, exact, atol=0.03, rtol=0.03)
    if masked:
        short = attention(q[:1], k[:1, :, :4], v[:1, :, :4])
        torch.testing.assert_close(exact[:1], short, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("tiles", [False, True])
def test_the_kernel_is_chosen_by_shape_and_processor(monkeypatch, tiles):
    monkeypatch.setattr(layers, "multiplies_tiles", lambda: tiles)
    cpu, half = torch.device("cpu"), torch.bfloat16
    assert layers.runs_fused(cpu, torch.float32, 5, False) and layers.runs_fused(
        cpu, torch.float32, 751, True
    )
    assert layers.runs_fused(torch.device("cuda"), half, 5, False)
    assert [layers.runs_fused(cpu, half, keys, False) for keys in (5, 75, 375, 751)] == [
        False,
        False,
        tiles,
        tiles,
    ]
    assert not layers.runs_fused(cpu, half, 751, True)  # training
    assert not layers.runs_fused(cpu, torch.float16, 751, False)


@torch.inference_mode()
def test_both_kernels_agree_on_long_rows(monkeypatch):
    q, k, v = (torch.randn(1, 2, 130, 16, dtype=torch.bfloat16) for _ in range(3))
    found = []
    for tiles in (False, True):
        monkeypatch.setattr(layers, "multiplies_tiles", lambda tiles=tiles: tiles)
        found.append(attention(q, k, v))
    torch.testing.assert_close(*found, atol=0.02, rtol=0.02)


@torch.inference_mode()
def test_multi_head_attention_is_the_framework_one():
    ours = MultiHeadAttention(24, 3, 0.0).eval()
    theirs = torch.nn.MultiheadAttention(24, 3, batch_first=True).eval()
    theirs.load_state_dict(ours.state_dict())
    x, y = torch.randn(2, 5, 24), torch.randn(2, 7, 24)
    torch.testing.assert_close(ours(x), theirs(x, x, x, need_weights=False)[0])
    torch.testing.assert_close(ours(x, y), theirs(x, y, y, need_weights=False)[0])


@pytest.mark.parametrize("shape", [(1, 45), (40,)])
def test_wrong_id_shapes_are_refused(model, shape):
    with pytest.raises(InputError, match="10 n"):
        model(torch.zeros(shape, dtype=torch.int64))


def test_codebook_start():
    model = InteractionTransformer(SMALL)
    codes = torch.randn(CODES, 12) * torch.logspace(-2, 1, 12) + 5
    model.init_from_codebook(codes)
    rows = model.token_emb.weight[:CODES]
    torch.testing.assert_close(rows.t() @ rows / CODES, torch.eye(12), atol=1e-3, rtol=1e-3)
    assert rows.mean(0).abs().max() < 1e-4
    with pytest.raises(InputError, match="codebook_size 20 and code_dim 12"):
        model.init_from_codebook(codes[:, :5])


def test_whitening_keeps_directions_without_spread_at_zero():
    rows = torch.cat([torch.randn(30, 2), torch.full((30, 1), 7.0)], dim=1)
    out = whitened(rows)
    assert out[:, 2].abs().max() < 1e-5
    torch.testing.assert_close(out[:, :2].t() @ out[:, :2] / 30, torch.eye(2), atol=1e-4, rtol=1e-4)


def text_states(lengths: list[int], longest: int, width: int) -> TextStates:
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    states = torch.randn(len(lengths), longest, width, generator=torch.Generator().manual_seed(1))
    return TextStates(states, mask, torch.tensor(lengths) - 1)


@torch.inference_mode()
def test_pooled_head_ignores_padding_and_reads_every_token():
    config = dataclasses.replace(SMALL, text_head="pooled", text_dim=10)
    model = build(config)
    states = text_states([3, 6], 6, 10)
    together = model.condition(states)
    assert together.shape == (2, TEXT)
    alone = TextStates(states.states[:1, :3], states.mask[:1, :3], states.end[:1])
    torch.testing.assert_close(model.condition(alone)[0], together[0], atol=1e-5, rtol=1e-4)
    for token in range(6):
        changed = states.states.clone()
        changed[1, token] += 1
        after = model.condition(TextStates(changed, states.mask, states.end))
        assert (after[1] - together[1]).abs().max() > 1e-4


@torch.inference_mode()
def test_clip_head_reads_its_padding_and_the_end_token(model):
    """The published head has no mask: the positions after the end token take part."""
    states = text_states([3, 6], 6, TEXT)
    condition = model.condition(states)
    out = model.clipln(model.clipTrans(states.states))
    torch.testing.assert_close(condition, torch.stack([out[0, 2], out[1, 5]]), atol=1e-5, rtol=1e-4)
    changed = states.states.clone()
    changed[0, 5] += 1
    after = model.condition(TextStates(changed, states.mask, states.end))
    assert (after[0] - condition[0]).abs().max() > 1e-4
