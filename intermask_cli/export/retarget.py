"""A person of 22 joints on another rig: its names, rest pose, proportions, rate, unit and axes.

Every joint of the rig that is one of our joints turns as it does, by the difference of the two rest poses;
fingers, twist bones and other extra joints keep their rest. The rig's legs are longer or shorter than the
person's, so the pelvis is raised or lowered with them and the legs are bent to put the toes where the
person's are. An arm whose hand is at the other person, or near, is bent to bring its wrist where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from intermask_cli.datasets.motion_files.source_rotations import Correspondence
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.curves import largest_nearby, minimum_jerk, smoothed_over_time
from intermask_cli.motion.inverse_kinematics import soft_reach, solve_limb
from intermask_cli.motion.kinematics import forward_kinematics, local_from_global
from intermask_cli.motion.resampling import frame_times, rotations_at, values_at
from intermask_cli.motion.rotation import matrix_between
from intermask_cli.motion.skeleton import FPS, JOINT, NUM_JOINTS, PARENTS

#: Metres from wrist to other person up to which it is a contact that is kept, and from which it is not.
_CONTACT_M, _FREE_M = 0.2, 0.45
#: Sigma in frames at 30 fps of the change between a free and a kept wrist.
_CHANGE_FRAMES = 4.0
#: Shares of a limb's length up to which a target is met exactly, and that it is never stretched beyond. A
#: limb that spanned more before may span that.
_MET, _STRETCHED = 0.985, 0.9995
_SIDES = ("left", "right")
_TOES = [JOINT["left_foot"], JOINT["right_foot"]]
_WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]


@dataclass(frozen=True)
class TargetRig:
    """A skeleton to put motion on.

    Attributes:
        skeleton: names, tree, rest pose, orders and rate; its animation is not used.
        correspondence: which of its joints are ours, and the difference of the rest poses.
        axes: (3, 3) rotation from the axes of the rig to ours, Y up.
        metres_per_unit: of the rig's lengths.
    """

    skeleton: AnimatedSkeleton
    correspondence: Correspondence
    axes: np.ndarray
    metres_per_unit: float


@dataclass(frozen=True)
class Retargeted:
    """A person on a rig, and how far its joints are from the person's, millimetres.

    `body_mm` is the mean over all joints that the rig has, without wrists and toes; `toes_mm` the mean of the
    toes, None where the rig has none; `contacts_mm` the mean of the wrists where they touch or nearly touch
    the other person, None where they never do.
    """

    skeleton: AnimatedSkeleton
    body_mm: float
    toes_mm: float | None
    contacts_mm: float | None


def retargeted(
    rig: TargetRig, joints: np.ndarray, local: np.ndarray, partner: np.ndarray | None, fps: float = FPS
) -> Retargeted:
    """One person on a rig, at the rate of the rig.

    Args:
        rig: where to put the person.
        joints: the person, (T, 22, 3) metres, Y up, at `fps`.
        local: rotations (T, 22, 3, 3), of joint 0 relative to the world.
        partner: the other person (T, 22, 3), whom the hands may touch; None if there is none.
        fps: rate of the arrays.
    """
    times = frame_times(len(joints), fps, rig.skeleton.fps)
    kept = values_at(_kept_wrists(joints, partner, fps), times)  # (T, 2)
    person = values_at(joints.astype(np.float64), times)
    turns = forward_kinematics(rotations_at(local, times), person[:, 0], np.zeros((NUM_JOINTS, 3)))[1]
    pose = _RigPose(rig, turns)
    pose.place_hips(person)
    pose.lower_hips(person)
    for number, side in enumerate(_SIDES):
        pose.put_toe(side, person)
        pose.put_wrist(side, person, kept[:, number, None])
    return Retargeted(pose.skeleton(), *pose.errors_mm(person, kept))


def _kept_wrists(joints: np.ndarray, partner: np.ndarray | None, fps: float) -> np.ndarray:
    """Weights (T, 2) of left and right wrist: 1 where it touches the other person, 0 where it is free."""
    if partner is None:
        return np.zeros((len(joints), 2))
    parents = np.maximum(PARENTS, 0)
    body = np.concatenate([partner, (partner + partner[:, parents]) / 2], axis=1)  # joints, middles of bones
    away = np.linalg.norm(joints[:, _WRISTS, None] - body[:, None], axis=-1).min(axis=-1)  # (T, 2)
    sigma = _CHANGE_FRAMES * fps / FPS
    near = minimum_jerk((_FREE_M - away) / (_FREE_M - _CONTACT_M))
    # Widened before it is smoothed, so that it is still 1 during all of the contact.
    return smoothed_over_time(largest_nearby(near, int(2 * sigma)), sigma)


class _RigPose:
    """The poses of a rig, being bent into shape: its joints in our world, metres, Y up."""

    def __init__(self, rig: TargetRig, turns: np.ndarray):
        """turns: global rotations (T, 22, 3, 3) of our joints."""
        self._rig = rig
        self._ours = rig.correspondence.sources
        self._offsets = rig.skeleton.offsets * rig.metres_per_unit
        constants = np.swapaxes(rig.correspondence.constants, -1, -2)
        #: Global rotations (T, 3, 3) by joint of the rig; other joints keep their rest below their parents.
        self._driven: dict[int, np.ndarray] = {}
        for joint, source in enumerate(self._ours):
            if source is not None:
                self._driven.setdefault(source, turns[:, joint] @ constants[joint])
        self._root = np.zeros((len(turns), 3))
        forward, down = turns[:, 0, :, 2], np.array([0, -1.0, 0])
        #: Directions (T, 3) in which straight legs and arms bend.
        self._knees, self._elbows = forward, down - turns[:, JOINT["spine3"], :, 2]

    def _turns(self) -> np.ndarray:
        """Global rotations (T, J, 3, 3) of the rig's joints."""
        parents = self._rig.skeleton.parents
        turns = np.empty((len(self._root), len(parents), 3, 3))
        for joint, parent in enumerate(parents):
            at_rest = self._rig.axes if parent < 0 else turns[:, parent]
            turns[:, joint] = self._driven.get(joint, at_rest)
        return turns

    def _positions(self) -> np.ndarray:
        """Joints (T, J, 3) of the rig."""
        parents = self._rig.skeleton.parents
        local = local_from_global(self._turns(), parents)
        return forward_kinematics(local, self._root, self._offsets, parents)[0]

    def place_hips(self, person: np.ndarray) -> None:
        """Put the middle of the hips where the person's is, at the height that the rig's legs give it."""
        hips = [JOINT[f"{side}_hip"] for side in _SIDES]
        legs = ("left_hip", "left_knee", "left_ankle")
        ours = _lengths(*np.moveaxis(person[:, [JOINT[name] for name in legs]], 1, 0)).mean()
        floor = person[:, _TOES, 1].min()
        target = person[:, hips].mean(axis=1)
        target[:, 1] = floor + (target[:, 1] - floor) * _lengths(*self._limb(*legs)).mean() / ours
        sources = [self._source(f"{side}_hip") for side in _SIDES]
        self._root += target - self._positions()[:, sources].mean(axis=1)

    def lower_hips(self, person: np.ndarray) -> None:
        """Lower the hips where a leg would not reach, as in strides that are long for this rig."""
        missing = np.zeros(len(self._root))
        for side in _SIDES:
            hip, knee, ankle = self._limb(f"{side}_hip", f"{side}_knee", f"{side}_ankle")
            target = self._ankle_target(side, person)
            span = np.maximum(_MET * _lengths(hip, knee, ankle), np.linalg.norm(ankle - hip, axis=-1))
            across = np.linalg.norm((target - hip)[:, [0, 2]], axis=-1)
            highest = target[:, 1] + np.sqrt(np.maximum(span**2 - across**2, 0))
            missing = np.maximum(missing, hip[:, 1] - highest)
        sigma = _CHANGE_FRAMES * self._rig.skeleton.fps / FPS
        self._root[:, 1] -= smoothed_over_time(largest_nearby(missing, int(2 * sigma)), sigma)

    def _ankle_target(self, side: str, person: np.ndarray) -> np.ndarray:
        """Place (T, 3) of the ankle that puts the toe where the person's is; the foot keeps its rotation."""
        ankle, toe = (self._ours[JOINT[f"{side}_{name}"]] for name in ("ankle", "foot"))
        if toe is None or toe == ankle:
            return person[:, JOINT[f"{side}_ankle"]]
        places = self._positions()
        target: np.ndarray = person[:, JOINT[f"{side}_foot"]] - (places[:, toe] - places[:, ankle])
        return target

    def put_toe(self, side: str, person: np.ndarray) -> None:
        """Bend a leg so that the toe is where the person's is."""
        names = (f"{side}_hip", f"{side}_knee", f"{side}_ankle")
        self._bend(names, self._ankle_target(side, person), self._knees)

    def put_wrist(self, side: str, person: np.ndarray, kept: np.ndarray) -> None:
        """Bend an arm so that the wrist is where the person's is, as far as kept (T, 1) says."""
        names = (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist")
        if kept.any() and None not in [self._ours[JOINT[name]] for name in names]:
            free = self._limb(*names)[2]
            target = free + kept * (person[:, JOINT[f"{side}_wrist"]] - free)
            self._bend(names, target, self._elbows)

    def _bend(self, names: tuple[str, str, str], target: np.ndarray, pole: np.ndarray) -> None:
        """Turn the two bones of a limb so that its end is at the target (T, 3); pole (T, 3)."""
        upper, hinge, end = self._limb(*names)
        length = _lengths(upper, hinge, end)[:, None]
        met = np.maximum(_MET, np.linalg.norm(end - upper, axis=-1, keepdims=True) / length)
        target = soft_reach(upper, target, length, met, np.maximum(_STRETCHED, met + 1e-6))
        new_hinge, new_end = solve_limb((upper, hinge, end), upper, target, pole)
        for name, old, new in (
            (names[0], hinge - upper, new_hinge - upper),
            (names[1], end - hinge, new_end - new_hinge),
        ):
            source = self._source(name)
            self._driven[source] = matrix_between(old, new) @ self._driven[source]

    def _limb(self, *names: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places (T, 3) of the three joints of a limb."""
        upper, hinge, end = np.moveaxis(self._positions()[:, [self._source(name) for name in names]], 1, 0)
        return upper, hinge, end

    def _source(self, name: str) -> int:
        """The rig's joint for one of our joints that every rig has."""
        source = self._ours[JOINT[name]]
        assert source is not None, "rigs without legs are refused when they are read"
        return source

    def errors_mm(self, person: np.ndarray, kept: np.ndarray) -> tuple[float, float | None, float | None]:
        """`Retargeted.body_mm`, `toes_mm` and `contacts_mm`."""
        places = self._positions()
        pairs = [(joint, source) for joint, source in enumerate(self._ours) if source is not None]
        known = [joint for joint, _ in pairs]
        off = np.full(person.shape[:2], np.nan)  # (T, 22)
        off[:, known] = np.linalg.norm(places[:, [source for _, source in pairs]] - person[:, known], axis=-1)
        body = [joint for joint in known if joint not in (*_TOES, *_WRISTS)]
        touching = (kept > 0.999) & np.isfinite(off[:, _WRISTS])
        contacts = float(1000 * off[:, _WRISTS][touching].mean()) if touching.any() else None
        toes = off[:, [joint for joint in _TOES if joint in known]]
        return float(1000 * off[:, body].mean()), float(1000 * toes.mean()) if toes.size else None, contacts

    def skeleton(self) -> AnimatedSkeleton:
        """The rig with its animation, in its own unit and axes."""
        rig = self._rig
        turns = np.swapaxes(rig.axes, -1, -2) @ self._turns()
        root = self._root @ rig.axes / rig.metres_per_unit
        return replace(
            rig.skeleton,
            rotations=local_from_global(turns, rig.skeleton.parents),
            root=root,
            translations=None,
        )


def _lengths(upper: np.ndarray, hinge: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Length (T,) of a limb of joints (T, 3)."""
    lengths: np.ndarray = np.linalg.norm(hinge - upper, axis=-1) + np.linalg.norm(end - hinge, axis=-1)
    return lengths
