"""The tokenizer against a plain version of itself, and what must hold for any weights."""

from __future__ import annotations

import pytest
import torch

from intermask_cli.config import TokenizerConfig
from intermask_cli.errors import InputError
from intermask_cli.models.tokenizer import (
    PLANES,
    Tokenizer,
    Upsample,
    pack_interhuman,
    unpack_interhuman,
)
from intermask_cli.motion.representation.interhuman import ROTATIONS
from intermask_cli.motion.skeleton import END_JOINTS, NUM_JOINTS
from tests.helpers.published_batches import send_messages_in_first_sample_only
from tests.oracles import plain_codebook, plain_tokenizer

SMALL = {"width": 12, "code_dim": 8, "codebook_size": 24}
VARIANTS = {
    "graph": TokenizerConfig(**SMALL),
    "conv": TokenizerConfig(stem="conv", activation="gelu", depth=3, **SMALL),
    "interx": TokenizerConfig(
        representation="interx", stem="conv", activation="silu", dilation_growth=2, **SMALL
    ),
}


def build(config: TokenizerConfig) -> Tokenizer:
    torch.manual_seed(0)
    tokenizer = Tokenizer(config).eval()
    tokenizer.quantizer.first.adopt(torch.randn(config.codebook_size, config.code_dim) * 0.1)
    return tokenizer


def random_motion(config: TokenizerConfig, batch: int, frames: int) -> torch.Tensor:
    shape = (262,) if config.representation == "interhuman" else (56, 6)
    return torch.randn(batch, frames, *shape, generator=torch.Generator().manual_seed(frames))


@pytest.fixture(params=list(VARIANTS))
def tokenizer(request):
    return build(VARIANTS[request.param])


@pytest.mark.parametrize("frames", [16, 23])
@torch.inference_mode()
def test_agrees_with_the_plain_version(tokenizer, frames):
    c, weights = tokenizer.config, tokenizer.state_dict()
    motion = random_motion(c, 2, frames)
    plain = torch.stack(
        [
            plain_tokenizer.encode(weights, m, c.representation, c.dilation_growth, c.activation)
            for m in motion
        ]
    )
    torch.testing.assert_close(tokenizer.latents(motion), plain, atol=1e-5, rtol=1e-4)
    vectors = plain.permute(0, 2, 3, 1).flatten(0, 2)
    expected = plain_codebook.nearest(vectors.numpy(), weights["quantizer.layers.0.codebook"].numpy())
    ids = tokenizer.encode(motion)
    assert ids.shape == (2, 5, frames // 4) and ids.dtype == torch.int64
    assert ids.flatten().tolist() == expected.tolist()

    latents = weights["quantizer.layers.0.codebook"][ids].permute(0, 3, 1, 2)
    plain = torch.stack(
        [
            plain_tokenizer.decode(weights, x, c.representation, c.dilation_growth, c.activation)
            for x in latents
        ]
    )
    torch.testing.assert_close(tokenizer.decode(ids), plain, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(tokenizer(motion).reconstruction, plain, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_no_sample_depends_on_its_batch(tokenizer):
    motion = random_motion(tokenizer.config, 3, 20)
    together = tokenizer.encode(motion)
    for i in range(3):
        assert torch.equal(tokenizer.encode(motion[i : i + 1])[0], together[i])
        torch.testing.assert_close(tokenizer.decode(together[i : i + 1])[0], tokenizer.decode(together)[i])


@torch.inference_mode()
def test_published_batch_dependence_is_only_in_its_helper():
    tokenizer = build(VARIANTS["graph"])
    motion = random_motion(tokenizer.config, 2, 16)
    alone = tokenizer.latents(motion)
    send_messages_in_first_sample_only(tokenizer)
    published = tokenizer.latents(motion)
    torch.testing.assert_close(published[0], alone[0])
    assert (published[1] - alone[1]).abs().max() > 1e-4


@pytest.mark.parametrize("representation", list(PLANES))
def test_upsampling_reads_the_published_rows(representation):
    joints, tables = 5, []
    for factor in PLANES[representation].growth:
        tables.append(Upsample(joints, factor).rows.tolist())
        joints = len(tables[-1])
    expected = [list(map(int, rows.split())) for rows in plain_tokenizer.UPSAMPLED_ROWS[representation]]
    assert tables == expected
    assert joints == PLANES[representation].joints


@torch.inference_mode()
def test_minus_one_is_a_zero_latent(tokenizer):
    ids = torch.randint(0, 24, (1, 5, 4))
    ids[:, :, 2:] = -1
    latents = tokenizer.quantizer.first.codebook[ids.clamp(min=0)].permute(0, 3, 1, 2).clone()
    latents[..., 2:] = 0
    torch.testing.assert_close(tokenizer.decode(ids), tokenizer.decode_latents(latents))


def test_interhuman_packing_loses_only_the_contacts():
    motion = torch.randn(2, 6, 262)
    plane = pack_interhuman(motion)
    assert plane.shape == (2, 12, 22, 6) and torch.all(plane[:, 6:, 0] == 0)
    back = unpack_interhuman(plane)
    assert torch.equal(back[..., :258], motion[..., :258]) and torch.all(back[..., 258:] == 0)


@pytest.mark.parametrize("shape", [(1, 16, 263), (1, 3, 262), (1, 16, 56, 6)])
def test_wrong_shapes_say_what_is_accepted(shape):
    with pytest.raises(InputError, match=r"takes \(batch, frames, 262\) with at least 4 frames"):
        build(VARIANTS["graph"]).encode(torch.zeros(shape))


@pytest.mark.parametrize(
    ("config", "millions"),
    [
        (TokenizerConfig(), 43.03),
        (TokenizerConfig(representation="interx", stem="conv"), 45.42),
    ],
)
def test_default_sizes_have_the_published_parameter_counts(config, millions):
    with torch.device("meta"):
        tokenizer = Tokenizer(config)
    assert round(sum(p.numel() for p in tokenizer.parameters()) / 1e6, 2) == millions


def test_a_training_pass_reaches_every_parameter_and_moves_the_codebook(tokenizer):
    tokenizer.train()
    motion = random_motion(tokenizer.config, 2, 16)
    before = tokenizer.quantizer.first.codebook.clone()
    out = tokenizer(motion)
    assert out.reconstruction.shape == motion.shape and out.ids.shape == (2, 5, 4)
    assert 1 <= out.perplexity <= 24
    (out.reconstruction.square().mean() + out.commitment).backward()
    silent = [name for name, p in tokenizer.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
    assert not torch.equal(before, tokenizer.quantizer.first.codebook)


def test_bypass_is_a_plain_autoencoder(tokenizer):
    motion = random_motion(tokenizer.config, 2, 16)
    before = {name: value.clone() for name, value in tokenizer.quantizer.state_dict().items()}
    tokenizer.train()
    torch.manual_seed(1)
    out = tokenizer(motion, bypass=True)
    torch.manual_seed(1)
    expected = tokenizer.decode_latents(tokenizer.latents(motion))
    assert torch.equal(out.reconstruction, expected) and torch.all(out.ids == -1)
    assert out.commitment == 0 and out.perplexity == 0
    assert all(torch.equal(value, before[name]) for name, value in tokenizer.quantizer.state_dict().items())


def test_residual_layers_come_closer_and_layer_zero_is_the_token():
    config = TokenizerConfig(num_quantizers=3, **SMALL)
    tokenizer = build(config)
    for layer, size in zip(tokenizer.quantizer.layers, (0.2, 0.1, 0.05), strict=True):
        layer.adopt(torch.randn(24, 8) * size)
    motion = random_motion(config, 2, 16)
    vectors = tokenizer.latents(motion).permute(0, 2, 3, 1).flatten(0, 2)
    out = tokenizer.quantizer(vectors)
    assert torch.equal(out.ids[:, 0].view(2, 5, 4), tokenizer.encode(motion))
    total = sum(layer.lookup(out.ids[:, i]) for i, layer in enumerate(tokenizer.quantizer.layers))
    torch.testing.assert_close(out.vectors, total)
    one = tokenizer.quantizer.first(vectors).vectors
    assert (out.vectors - vectors).square().sum() < (one - vectors).square().sum()


def test_quantizer_dropout_leaves_out_later_layers_in_training_only():
    tokenizer = build(TokenizerConfig(num_quantizers=3, quantize_dropout=1.0, **SMALL))
    vectors = torch.randn(64, 8)
    assert torch.all(tokenizer.quantizer(vectors).ids >= 0)
    tokenizer.train()
    used = {int((tokenizer.quantizer(vectors).ids[0] >= 0).sum()) for _ in range(30)}
    assert used == {1, 2, 3}


def test_shared_codebook_is_one_codebook():
    tokenizer = build(TokenizerConfig(num_quantizers=2, shared_codebook=True, **SMALL))
    assert tokenizer.quantizer.layers[0] is tokenizer.quantizer.layers[1]


@torch.inference_mode()
def test_rotations_that_joints_show_are_neither_seen_nor_decoded():
    tokenizer = build(TokenizerConfig(rotations="ends", **SMALL))
    motion = random_motion(tokenizer.config, 1, 16)
    shown = torch.tensor([joint not in END_JOINTS for joint in range(1, NUM_JOINTS)]).repeat_interleave(6)
    changed, ends_changed = motion.clone(), motion.clone()
    changed[..., ROTATIONS][..., shown] += 1
    ends_changed[..., ROTATIONS][..., ~shown] += 1
    latents = tokenizer.latents(motion)
    assert torch.equal(tokenizer.latents(changed), latents)
    assert not torch.equal(tokenizer.latents(ends_changed), latents)
    rotations = tokenizer.decode_latents(latents)[..., ROTATIONS]
    assert not rotations[..., shown].any() and rotations[..., ~shown].all()


def test_inter_x_keeps_all_rotations():
    with pytest.raises(InputError, match="rotations of representation interx"):
        TokenizerConfig(representation="interx", stem="conv", rotations="ends")
