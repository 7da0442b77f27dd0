"""Soles and floor: joints of the feet, and what stands for a sole.

The skeleton has no sole and no heel. Decoded motion stands with its toe joints, the lowest ones, on
the floor Y = 0, so the height of a sole is that of its toe joint.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.skeleton import JOINT

TOES = np.array([JOINT["left_foot"], JOINT["right_foot"]])
ANKLES = np.array([JOINT["left_ankle"], JOINT["right_ankle"]])
