"""USD: all persons in one file, each a UsdSkel skeleton with a skinned body and an animation at 30 fps.

Metres, Y up, +Z forward. A person is a SkelRoot (`/interaction/person1`) that holds `person1_skeleton`,
`person1_body` and `person1_animation`. Needs the `usd` extra (usd-core).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import MissingError
from intermask_cli.export.bone_names import BoneNames
from intermask_cli.export.glb import linear_colour, quaternion_xyzw_continuous
from intermask_cli.export.mannequin import VISOR_COLOUR, mannequin, standing_positions
from intermask_cli.export.pictures.scene import PERSON_COLOURS
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rig import Rig
from intermask_cli.motion.rotation import matrix_from_quaternion_wxyz
from intermask_cli.motion.skeleton import FPS, NUM_JOINTS, PARENTS


def _pxr() -> Any:
    """The package of usd-core; MissingError where it is not installed."""
    try:
        import pxr.Gf
        import pxr.Sdf
        import pxr.Usd
        import pxr.UsdGeom
        import pxr.UsdShade
        import pxr.UsdSkel
        import pxr.Vt
    except ImportError as error:
        raise MissingError("USD needs usd-core: pip install 'intermask[usd]'") from error
    return pxr


def write_usd(path: Path, people: Sequence[Rig], name: str, names: BoneNames = BoneNames.intermask) -> None:
    """Write rigs with the same number of frames as one animated USD file.

    Args:
        path: the file; its suffix chooses text (.usda) or binary (.usd, .usdc).
        people: one rig per person.
        name: of the interaction, kept as the stage's comment.
        names: scheme of bone names.

    Raises:
        MissingError: usd-core is not installed.
    """
    pxr = _pxr()
    stage = pxr.Usd.Stage.CreateInMemory()
    pxr.UsdGeom.SetStageUpAxis(stage, pxr.UsdGeom.Tokens.y)
    pxr.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetFramesPerSecond(FPS)
    stage.SetTimeCodesPerSecond(FPS)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(people[0].root) - 1)
    stage.GetRootLayer().comment = name
    scene = pxr.UsdGeom.Xform.Define(stage, "/interaction")
    stage.SetDefaultPrim(scene.GetPrim())
    visor = _material(pxr, stage, "visor", VISOR_COLOUR)
    for index, rig in enumerate(people):
        _add_person(pxr, stage, rig, f"person{index + 1}", PERSON_COLOURS[index % 2], visor, names)
    stage.GetRootLayer().Export(str(path))


def _material(pxr: Any, stage: Any, name: str, colour: str) -> Any:
    material = pxr.UsdShade.Material.Define(stage, f"/interaction/materials/{name}")
    shader = pxr.UsdShade.Shader.Define(stage, f"/interaction/materials/{name}/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    red, green, blue, _ = linear_colour(colour)
    types = pxr.Sdf.ValueTypeNames
    shader.CreateInput("diffuseColor", types.Color3f).Set(pxr.Gf.Vec3f(red, green, blue))
    shader.CreateInput("roughness", types.Float).Set(0.7)
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return material


def _joint_paths(names: BoneNames) -> list[str]:
    """The joints as UsdSkel names them: `pelvis/left_hip/...`."""
    paths: list[str] = []
    for name, parent in zip(names.joints, PARENTS, strict=True):
        paths.append(name if parent < 0 else f"{paths[parent]}/{name}")
    return paths


def _add_person(
    pxr: Any, stage: Any, rig: Rig, person: str, colour: str, visor: Any, names: BoneNames
) -> None:
    path = f"/interaction/{person}"
    root = pxr.UsdSkel.Root.Define(stage, path)
    skeleton = pxr.UsdSkel.Skeleton.Define(stage, f"{path}/{person}_skeleton")
    animation = pxr.UsdSkel.Animation.Define(stage, f"{path}/{person}_animation")
    joints = _joint_paths(names)
    rest = standing_positions(rig.offsets)
    skeleton.CreateJointsAttr(joints)
    bind = np.tile(np.eye(4), (NUM_JOINTS, 1, 1))  # USD multiplies rows: the place is in the last row
    bind[:, 3, :3] = rest
    skeleton.CreateBindTransformsAttr(_matrices(pxr, bind))
    local = bind.copy()
    local[1:, 3, :3] = rig.offsets[1:]
    skeleton.CreateRestTransformsAttr(_matrices(pxr, local))
    animation.CreateJointsAttr(joints)
    animation.CreateScalesAttr([pxr.Gf.Vec3h(1, 1, 1)] * NUM_JOINTS)
    rotations = animation.CreateRotationsAttr()
    translations = animation.CreateTranslationsAttr()
    xyzw = quaternion_xyzw_continuous(rig.local).astype(np.float32)
    offsets = np.tile(rig.offsets.astype(np.float32), (len(rig.root), 1, 1))
    offsets[:, 0] = rig.root
    for frame in range(len(rig.root)):
        rotations.Set(pxr.Vt.QuatfArray.FromNumpy(xyzw[frame]), frame)
        translations.Set(pxr.Vt.Vec3fArray.FromNumpy(offsets[frame]), frame)
    body = _add_body(
        pxr, stage, rig, f"{path}/{person}", rest[0], (_material(pxr, stage, person, colour), visor)
    )
    for prim in (skeleton.GetPrim(), body):
        pxr.UsdSkel.BindingAPI.Apply(prim)
    pxr.UsdSkel.BindingAPI(skeleton).CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    pxr.UsdSkel.BindingAPI(body).CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    root.CreateExtentAttr(_extent(rig.joints))


def _add_body(
    pxr: Any, stage: Any, rig: Rig, path: str, pelvis: np.ndarray, materials: tuple[Any, Any]
) -> Any:
    """The mesh prim at `<path>_body`: body around the pelvis (3,) of the rest pose."""
    body = mannequin(rig.offsets)
    points = (body.points + pelvis).astype(np.float32)
    mesh = pxr.UsdGeom.Mesh.Define(stage, f"{path}_body")
    triangles = np.concatenate([body.body, body.visor]).astype(np.int32)
    mesh.CreatePointsAttr(pxr.Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateNormalsAttr(pxr.Vt.Vec3fArray.FromNumpy(body.normals))
    mesh.SetNormalsInterpolation(pxr.UsdGeom.Tokens.vertex)
    mesh.CreateFaceVertexCountsAttr([3] * len(triangles))
    mesh.CreateFaceVertexIndicesAttr(pxr.Vt.IntArray.FromNumpy(triangles.reshape(-1)))
    mesh.CreateSubdivisionSchemeAttr(pxr.UsdGeom.Tokens.none)
    mesh.CreateExtentAttr(_extent(points))
    binding = pxr.UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    influences = body.joints.shape[1]
    binding.CreateJointIndicesPrimvar(False, influences).Set(
        pxr.Vt.IntArray.FromNumpy(body.joints.astype(np.int32).reshape(-1))
    )
    binding.CreateJointWeightsPrimvar(False, influences).Set(
        pxr.Vt.FloatArray.FromNumpy(body.weights.reshape(-1))
    )
    binding.CreateGeomBindTransformAttr(pxr.Gf.Matrix4d(1.0))
    pxr.UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(materials[0])
    faces = np.arange(len(body.body), len(triangles), dtype=np.int32)
    subset = pxr.UsdShade.MaterialBindingAPI(mesh).CreateMaterialBindSubset(
        "visor", pxr.Vt.IntArray.FromNumpy(faces)
    )
    pxr.UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(materials[1])
    return mesh.GetPrim()


def _matrices(pxr: Any, matrices: np.ndarray) -> Any:
    return pxr.Vt.Matrix4dArray([pxr.Gf.Matrix4d(matrix.tolist()) for matrix in matrices])


def _extent(points: np.ndarray) -> list[tuple[float, ...]]:
    flat = points.reshape(-1, 3)
    return [tuple(flat.min(axis=0).tolist()), tuple(flat.max(axis=0).tolist())]


def joints_of_usd(path: Path) -> np.ndarray:
    """Joints (P, T, 22, 3) in metres of a file written by `write_usd`."""
    pxr = _pxr()
    stage = pxr.Usd.Stage.Open(str(path))
    frames = np.arange(int(stage.GetStartTimeCode()), int(stage.GetEndTimeCode()) + 1)
    people = []
    for prim in stage.Traverse():
        if not prim.IsA(pxr.UsdSkel.Animation):
            continue
        animation = pxr.UsdSkel.Animation(prim)
        turns, places = [], []
        for frame in frames.tolist():
            # Of quaternions USD's arrays give x, y, z, w.
            turns.append(np.array(animation.GetRotationsAttr().Get(frame)))
            places.append(np.array(animation.GetTranslationsAttr().Get(frame)))
        local = matrix_from_quaternion_wxyz(np.roll(np.array(turns, dtype=np.float64), 1, axis=-1))
        offsets = np.array(places, dtype=np.float64)
        people.append(forward_kinematics(local, offsets[:, 0], offsets)[0])
    return np.stack(people)
