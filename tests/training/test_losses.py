"""Tokenizer losses against closed forms; their numbers against the published ones are in tests/parity."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from intermask_cli.motion.representation.interhuman import POSITIONS, ROTATIONS
from intermask_cli.motion.rotation import matrix_about_y
from intermask_cli.motion.skeleton import FEET, JOINT
from intermask_cli.training.config import TokenizerLossConfig
from intermask_cli.training.tokenizer.losses import (
    CRITERIA,
    bone_lengths,
    foot_contact_mask,
    foot_sliding,
    joints_of,
    published_interhuman_terms,
    rotation_angle,
)
from intermask_cli.training.tokenizer.metric_losses import joint_weights, metric_terms, weighted_sum
from tests.helpers.training_samples import smooth_pair

UNIT = (torch.zeros(262), torch.ones(262))


@pytest.fixture
def motion() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 12, 262, generator=generator)


def shifted(motion: torch.Tensor, joints: list[int], metres: float) -> torch.Tensor:
    """The motion with some joints moved along x."""
    moved = motion.clone()
    moved[..., [3 * joint for joint in joints]] += metres
    return moved


def test_perfect_prediction_costs_nothing(motion):
    published = published_interhuman_terms(motion, motion, *UNIT, CRITERIA["l1_smooth"])
    ours = metric_terms(motion, motion, *UNIT, joint_weights(3.0, 1.5), speed_weight=1.0)
    for name, value in {**published, **ours}.items():
        if name != "foot":  # punishes motion of planted feet, which the target itself may have
            assert float(value) == pytest.approx(0, abs=2e-3), name


def test_rotation_angle_of_a_known_turn():
    turn = torch.from_numpy(matrix_about_y(0.7)).float()
    halves = torch.cat([turn[:, 0], turn[:, 1]])[None]
    identity = torch.tensor([[1.0, 0, 0, 0, 1, 0]])
    assert float(rotation_angle(halves, identity)) == pytest.approx(0.7, abs=1e-4)
    assert math.isfinite(float(rotation_angle(identity, identity)))


def test_published_terms_use_normalised_bones_and_real_feet(motion):
    mean, std = torch.zeros(262), torch.full((262,), 2.0)
    target = motion.clone()
    target[..., POSITIONS] = 0.0  # feet at rest on the floor
    scaled = published_interhuman_terms(motion, target, mean, std, CRITERIA["l1"])
    plain = published_interhuman_terms(motion, target, *UNIT, CRITERIA["l1"])
    assert float(scaled["bone"]) == pytest.approx(float(plain["bone"]))
    assert float(scaled["foot"]) == pytest.approx(2 * float(plain["foot"]), rel=1e-5)


def test_bones_of_a_real_body_keep_their_length():
    joints, _ = smooth_pair(30, seed=1)
    lengths = bone_lengths(torch.from_numpy(joints))
    assert tuple(lengths.shape) == (2, 30, 21)
    assert float(lengths.std(dim=1).max()) < 1e-5


def test_foot_sliding_counts_planted_feet_only():
    joints = torch.zeros(1, 5, 22, 3)
    joints[..., FEET[2], 1] = 1.0  # right ankle in the air
    assert foot_contact_mask(joints)[0, 0].tolist() == [True, True, False, True]
    pred = joints + torch.arange(5).view(1, 5, 1, 1) * torch.tensor([0.3, 0, 0])
    assert float(foot_sliding(pred, joints, CRITERIA["l1"])) == pytest.approx(0.1)
    in_air = joints + torch.tensor([0, 1.0, 0])
    sliding = foot_sliding(pred.requires_grad_(), in_air, CRITERIA["l1"])
    sliding.backward()
    assert float(sliding.detach()) == 0.0


def test_metric_loss_is_in_metres_and_relative_to_the_root(motion):
    std = torch.full((262,), 0.5)
    weights = joint_weights(3.0, 1.5)
    whole_body = metric_terms(
        shifted(motion, list(range(22)), 0.2), motion, torch.zeros(262), std, weights, 0.0
    )
    assert float(whole_body["position"]) == pytest.approx(0.1 / 3, rel=1e-4)  # 0.2 * std on one of three axes
    assert float(whole_body["relative"]) == pytest.approx(0.0, abs=1e-6)
    wrist = shifted(motion, [JOINT["left_wrist"]], 0.2)
    one = metric_terms(wrist, motion, torch.zeros(262), std, weights, 0.0)
    assert float(one["relative"]) == pytest.approx(3.0 * 0.1 / 66, rel=1e-4)
    assert float(one["position"]) == 0.0


def test_fast_joints_weigh_more(motion):
    still = motion.clone()
    still[..., POSITIONS] = still[:, :1, POSITIONS]
    fast = still.clone()
    wrist_x = 3 * JOINT["right_wrist"]
    fast[..., wrist_x] += torch.arange(12) * 0.2  # 6 m/s
    for target, factor in ((still, 1.0), (fast, 2.0)):
        pred = shifted(target, [JOINT["right_wrist"]], 0.1)
        terms = metric_terms(pred, target, *UNIT, joint_weights(1.0, 1.0), speed_weight=1.0)
        assert float(terms["relative"]) == pytest.approx(factor * 0.1 / 66, rel=1e-3)


@pytest.mark.parametrize("kind", ["published", "metric"])
def test_every_weight_has_an_effect(motion, kind):
    pred = motion + 0.3 * torch.randn(motion.shape, generator=torch.Generator().manual_seed(1))
    target = motion.clone()
    target[..., POSITIONS] = 0.0  # feet at rest on the floor
    if kind == "metric":
        terms = metric_terms(pred, target, *UNIT, joint_weights(3.0, 1.5), 0.0)
    else:
        terms = published_interhuman_terms(pred, target, *UNIT, CRITERIA["l1"])
    zero = dict.fromkeys(terms, 0.0)
    for name, value in terms.items():
        config = TokenizerLossConfig(kind=kind, **{**zero, name: 2.0})
        assert float(value) > 0, name
        assert float(weighted_sum(terms, config)) == pytest.approx(2 * float(value), rel=1e-5)


def test_slices_match_the_representation():
    motion = torch.arange(262.0).expand(1, 1, 262)
    assert joints_of(motion)[0, 0, 1].tolist() == [3.0, 4.0, 5.0]
    assert np.arange(262)[ROTATIONS].size == 21 * 6
