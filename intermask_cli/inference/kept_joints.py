"""Which joints an edit of body rows leaves alone, and puts back exactly.

Body rows mix (`sampling.tasks`): a model that makes the arms new moves the legs by centimetres too. So a
joint that hangs from no joint of an edited row keeps its rotation, and its place with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from intermask_cli.config import ROW_JOINTS
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rig import put_rig, rig_in
from intermask_cli.motion.skeleton import NUM_JOINTS, PARENTS


def made_new(rows: Sequence[int]) -> np.ndarray:
    """Flags (22,) of the joints whose rotation an edit of these body rows makes new.

    A joint turns if all joints that it moves are in the rows (or it moves none and is in them itself), and
    with everything that hangs from a joint that turns. Without row 0, which holds the pelvis, that one stays.
    """
    edited = {joint for row in rows for joint in ROW_JOINTS[row]}
    new = np.zeros(NUM_JOINTS, dtype=bool)
    for joint, parent in enumerate(PARENTS):
        children = [child for child in range(NUM_JOINTS) if PARENTS[child] == joint]
        new[joint] = edited.issuperset(children or [joint]) or (parent >= 0 and new[parent])
    return new


def keep_joints_of(motion: Motion, given: Motion, person: int, new: np.ndarray) -> None:
    """Put the joints of a person that are not `new` (22,) back where they were; changes `motion`.

    Joints that are new keep their distance and direction from their parents.
    """
    made, old = motion.joints[person].copy(), given.joints[person]  # (T, 22, 3)
    for joint, parent in enumerate(PARENTS):
        if not (new[joint] if parent < 0 else new[parent]):
            motion.joints[person][:, joint] = old[:, joint]
        elif parent >= 0:
            step = made[:, joint] - made[:, parent]
            motion.joints[person][:, joint] = motion.joints[person][:, parent] + step
    if motion.rotations6d is not None and given.rotations6d is not None:
        back = ~new[1:]
        motion.rotations6d[person][:, back] = given.rotations6d[person][:, back]


def keep_rig_of(motion: Motion, given: Motion, person: int, new: np.ndarray) -> None:
    """The same of a person who is rigid in both, on the same bones, and stays so; changes `motion`."""
    made, old = rig_in(motion, person), rig_in(given, person)
    local = np.where(new[:, None, None], made.local, old.local)
    put_rig(motion, person, replace(made, local=local, root=made.root if new[0] else old.root))
