"""InteractionDataset: items as stored, crops, mirroring, workers, splits and batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import intermask_cli as im
from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.mirror import mirror_positions
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.representation.interhuman import joints_from_features
from tests.helpers.motion_samples import moving_pair

FRAMES = (24, 31, 40, 52)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    items = []
    for i, frames in enumerate(FRAMES):
        joints, rotations = moving_pair(frames, i)
        text = f"one waves with the left hand {i}"
        items.append(Interaction(Motion(joints=joints, rotations6d=rotations), text=text, id=f"c{i}"))
    return write_dataset(tmp_path / "run" / "interactions.h5", items).parent


def test_items_are_what_is_stored(run: Path) -> None:
    data = im.InteractionDataset([run, run / "interactions.h5"])
    assert len(data) == 8
    with im.open_dataset(run) as stored:
        for i, item in enumerate(stored):
            np.testing.assert_array_equal(data[i]["joints"].numpy(), item.joints)
            assert (data[i]["text"], data[i]["frames"], data[i + 4]["id"]) == (
                item.text,
                item.frames,
                item.id,
            )


def test_crops_are_parts_and_mirrors_are_reflections(run: Path) -> None:
    plain = im.InteractionDataset(run)
    torch.manual_seed(0)
    seen = set()
    for item in [im.InteractionDataset(run, frames=24, mirror=True)[2] for _ in range(40)]:
        whole = plain[2]["joints"].numpy()
        mirrored = "right" in item["text"]
        whole = mirror_positions(whole) if mirrored else whole
        starts = [s for s in range(17) if np.array_equal(whole[:, s : s + 24], item["joints"].numpy())]
        assert len(starts) == 1
        seen.add((mirrored, starts[0]))
    assert {mirrored for mirrored, _ in seen} == {True, False} and len({start for _, start in seen}) > 8


@pytest.mark.slow
def test_workers_read_and_batches_are_padded(run: Path) -> None:
    data = im.InteractionDataset(run, representation="interhuman")
    data[0]  # an open file in this process does not disturb the workers
    (batch,) = DataLoader(data, batch_size=4, num_workers=2, collate_fn=data.collate)
    assert batch["features"].shape == (4, 2, 52, 262)
    assert batch["mask"].sum(1).tolist() == list(FRAMES) == batch["frames"].tolist()
    torch.testing.assert_close(
        batch["features"][0, :, 24:], batch["features"][0, :, 23:24].expand(-1, 28, -1)
    )
    placed = joints_from_features(batch["features"][3].numpy())
    given = data._file(0).read("c3").joints
    knee_to_chest = [np.linalg.norm(joints[0, :, 5] - joints[0, :, 9], axis=-1) for joints in (placed, given)]
    np.testing.assert_allclose(*knee_to_chest, atol=1e-5)


def test_splits_and_what_is_refused(run: Path) -> None:
    with pytest.raises(InputError, match=r"splits.csv: no such table; intermask split"):
        im.InteractionDataset(run, split="train")
    (run / "splits.csv").write_text(
        "id,split\n" + "".join(f"c{i},{'val' if i == 2 else 'train'}\n" for i in range(4))
    )
    assert [item["id"] for item in im.InteractionDataset(run, split="val")] == ["c2"]
    for changed, message in (
        ({"split": "test"}, "no interactions in test"),
        ({"split": "dev"}, "split is 'dev'"),
        ({"representation": "smpl"}, "accepted: joints, interhuman"),
        ({"frames": 1}, "2 or more"),
        ({"captions": ["paraphrase"]}, "no column 'paraphrase'; it has id"),
    ):
        with pytest.raises(InputError, match=message):
            im.InteractionDataset(run, **changed)
