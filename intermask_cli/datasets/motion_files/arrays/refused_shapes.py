"""What an array of a shape that is not read most likely is, and the line of Python that turns it."""

from __future__ import annotations

#: Last axes -> what they are and what to do.
_TAILS: dict[tuple[int, ...], str] = {
    (22, 6): "6-D rotations without the path of the pelvis; save joints (T, 22, 3)",
    (24, 6): "6-D rotations of SMPL; save them with the translation: np.savez(FILE, poses=a, trans=t)",
    (22, 3, 3): "rotation matrices; save them with the translation: np.savez(FILE, poses=a, trans=t)",
    (24, 3, 3): "rotation matrices of SMPL; save them with the translation: np.savez(FILE, poses=a, trans=t)",
    (22, 4): "quaternions, or joints with a confidence, which a[..., :3] leaves out; accepted are joints",
    (21, 3): "KIT-ML's skeleton, or rotations of a body without its root (np.savez(FILE, root_orient=r, "
    "pose_body=a, trans=t))",
    (23, 3): "rotations of an SMPL body without its root "
    "(np.savez(FILE, root_orient=r, pose_body=a, trans=t))",
    (17, 3): "key points of Human3.6M or COCO, which lack the spine and the toes",
    (18, 3): "OpenPose's 18 key points, which lack the spine and the toes",
    (19, 3): "19 key points of a pose estimator, in another order than our joints",
    (20, 3): "20 joints, as Kinect (version 1) has, in another order than ours",
    (25, 3): "OpenPose's BODY_25 or Kinect's 25 joints, in another order than ours",
    (49, 3): "49 key points of a pose estimator (SPIN, HMR), in another order than ours",
    (31, 3): "the 31 joints of a CMU skeleton; read the .bvh, or the .amc with its .asf, instead",
    (133, 3): "COCO-WholeBody's 133 key points, which lack the spine",
    (6890, 3): "the vertices of SMPL or SMPL-H; save the model's output `joints` instead of `vertices`",
    (10475, 3): "the vertices of SMPL-X; save the model's output `joints` instead of `vertices`",
    (251,): "KIT-ML's features of 21 joints, which lack one joint of the 22; HumanML3D's (T, 263) are read",
    (72,): "SMPL's rotations; save them with the translation: np.savez(FILE, poses=a, trans=t)",
    (69,): "SMPL's body rotations without its root; np.savez(FILE, root_orient=r, pose_body=a, trans=t)",
    (63,): "body rotations without their root; np.savez(FILE, root_orient=r, pose_body=a, trans=t)",
    (75,): "SMPL's rotations and translation in one; "
    "np.savez(FILE, poses=a[:, :72], trans=a[:, 72:]) if the translation is last",
    (132,): "22 rotations as 6-D; np.savez(FILE, poses=a, trans=t)",
    (135,): "22 rotations as 6-D and a translation; "
    "np.savez(FILE, poses=a[:, :132], trans=a[:, 132:]) if the translation is last",
    (144,): "24 rotations as 6-D; np.savez(FILE, poses=a, trans=t)",
    (151,): "EDGE's features; np.savez(FILE, poses=a[:, 7:], trans=a[:, 4:7], fps=30) once they are "
    "multiplied by the deviation and the mean is added",
}  # fmt: skip


#: Joints of the skeletons that are read.
_JOINTS = (22, 24, 52, 55)


def _coordinates_last(shape: tuple[int, ...]) -> str:
    """The line that turns an array (3, T, J), (3, J, T), (T, 3, J) or (J, 3, T) to (T, J, 3)."""
    coordinates = shape.index(3)
    first, last = (axis for axis in range(3) if axis != coordinates)
    joints, frames = (last, first) if shape[last] in _JOINTS else (first, last)
    return f"a.transpose({frames}, {joints}, {coordinates})"


def likely_content(shape: tuple[int, ...]) -> str:
    """`, most likely ...` for a shape that no layout fits; empty where nothing is known."""
    for length in (3, 2, 1):
        if len(shape) > length and shape[-length:] in _TAILS:
            return f", most likely {_TAILS[shape[-length:]]}"
    if len(shape) > 1 and shape[-1] == 2:
        return ", most likely key points of an image, which have no depth"
    if len(shape) == 2 and shape[-1] == 3:
        return ", most likely one frame or one path; motion has (T, 22, 3)"
    if len(shape) == 3 and shape[-1] == 3:
        return f", most likely {shape[1]} joints in another order; pick our 22: a[:, [PELVIS, LEFT_HIP, ...]]"
    if len(shape) == 3 and 3 in shape[:2]:
        return f", most likely coordinates before joints; {_coordinates_last(shape)} is (T, joints, 3)"
    if len(shape) >= 4:
        return ", most likely a batch of samples; save one: np.save(FILE, a[0])"
    return ""
