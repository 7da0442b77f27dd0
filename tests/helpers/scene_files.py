"""Scene files for tests: glTF through pygltflib, and FBX as text."""

from __future__ import annotations

import numpy as np

#: Units of FBX time in a second.
KTIME = 46186158000


def write_gltf(path, nodes, tracks, skins=()):
    """Write a .glb or .gltf.

    nodes: dicts with name, parent (-1: top) and any of translation, rotation (xyzw), scale, matrix, mesh.
    tracks: (animation name, node, property, times (K,), values (K, n), interpolation). skins: joints of each.
    """
    import pygltflib as gltf

    document = gltf.GLTF2(asset=gltf.Asset(version="2.0"), scene=0)
    document.scenes.append(gltf.Scene(nodes=[k for k, node in enumerate(nodes) if node["parent"] < 0]))
    blob = b""

    def accessor(array):
        nonlocal blob
        array = np.asarray(array, dtype=np.float32)
        document.bufferViews.append(gltf.BufferView(buffer=0, byteOffset=len(blob), byteLength=array.nbytes))
        blob += array.tobytes()
        kind = "SCALAR" if array.ndim == 1 else f"VEC{array.shape[-1]}"
        rows = array.size // (1 if array.ndim == 1 else array.shape[-1])
        view = len(document.bufferViews) - 1
        document.accessors.append(gltf.Accessor(bufferView=view, componentType=5126, count=rows, type=kind))
        return len(document.accessors) - 1

    for index, node in enumerate(nodes):
        values = {key: value for key, value in node.items() if key not in ("parent", "mesh")}
        below = [k for k, other in enumerate(nodes) if other["parent"] == index]
        document.nodes.append(gltf.Node(children=below, mesh=0 if node.get("mesh") else None, **values))
    for name in dict.fromkeys(track[0] for track in tracks):
        animation = gltf.Animation(name=name)
        for _, node, path_, times, values, interpolation in (t for t in tracks if t[0] == name):
            animation.samplers.append(
                gltf.AnimationSampler(
                    input=accessor(times), output=accessor(values), interpolation=interpolation
                )
            )
            target = gltf.AnimationChannelTarget(node=node, path=path_)
            animation.channels.append(
                gltf.AnimationChannel(sampler=len(animation.samplers) - 1, target=target)
            )
        document.animations.append(animation)
    document.skins = [gltf.Skin(joints=list(joints)) for joints in skins]
    document.buffers.append(gltf.Buffer(byteLength=len(blob)))
    document.set_binary_blob(blob)
    if path.suffix == ".gltf":
        document.convert_buffers(gltf.BufferFormat.DATAURI)
    document.save(str(path))
    return path


def write_fbx(path, people, fps=30.0, unit_cm=1.0, up=1):
    """Write an ASCII .fbx of skeletons below one node each.

    people: (name, names, parents, offsets (J, 3), root (T, 3), turns (T, J, 3) degrees about fixed x, y, z).
    Each has an animation of its own, called `name|name`.
    """
    objects, connections = [], []
    last = 100

    def new():
        nonlocal last
        last += 1
        return last

    def model(name, kind, translation, parent):
        number = new()
        place = ",".join(f"{v:.8f}" for v in translation)
        objects.append(
            f'Model: {number}, "Model::{name}", "{kind}" {{\nVersion: 232\nProperties70: {{\n'
            f'P: "Lcl Translation", "Lcl Translation", "", "A",{place}\n}}\n}}'
        )
        connections.append(f'C: "OO",{number},{parent}')
        if kind == "LimbNode":
            attribute = new()
            objects.append(
                f'NodeAttribute: {attribute}, "NodeAttribute::{name}", "LimbNode" {{\n'
                'TypeFlags: "Skeleton"\n}'
            )
            connections.append(f'C: "OO",{attribute},{number}')
        return number

    def curves(node, layer, label, values):
        group = new()
        objects.append(
            f'AnimationCurveNode: {group}, "AnimCurveNode::{label[4]}", "" {{\nProperties70: {{\n'
            + "\n".join(f'P: "d|{axis}", "Number", "", "A",0' for axis in "XYZ")
            + "\n}\n}"
        )
        connections.extend([f'C: "OO",{group},{layer}', f'C: "OP",{group},{node}, "{label}"'])
        times = ",".join(str(round(k / fps * KTIME)) for k in range(len(values)))
        for axis, column in zip("XYZ", values.T, strict=True):
            curve = new()
            numbers = ",".join(f"{v:.8f}" for v in column)
            count = len(column)
            objects.append(
                f'AnimationCurve: {curve}, "AnimCurve::", "" {{\nDefault: 0\nKeyVer: 4008\n'
                f"KeyTime: *{count} {{\na: {times}\n}}\nKeyValueFloat: *{count} {{\na: {numbers}\n}}\n"
                f"KeyAttrFlags: *1 {{\na: 4\n}}\nKeyAttrDataFloat: *4 {{\na: 0,0,0,0\n}}\n"
                f"KeyAttrRefCount: *1 {{\na: {count}\n}}\n}}"
            )
            connections.append(f'C: "OP",{curve},{group}, "d|{axis}"')

    for name, names, parents, offsets, root, turns in people:
        stack, layer = new(), new()
        stop = round((len(root) - 1) / fps * KTIME)
        objects.append(
            f'AnimationStack: {stack}, "AnimStack::{name}|{name}", "" {{\nProperties70: {{\n'
            f'P: "LocalStop", "KTime", "Time", "",{stop}\n}}\n}}'
        )
        objects.append(f'AnimationLayer: {layer}, "AnimLayer::Base", "" {{\n}}')
        connections.append(f'C: "OO",{layer},{stack}')
        numbers = {-1: model(name, "Null", (0, 0, 0), 0)}
        for joint, parent in enumerate(parents):
            numbers[joint] = model(names[joint], "LimbNode", offsets[joint], numbers[parent])
            curves(numbers[joint], layer, "Lcl Rotation", turns[:, joint])
        curves(numbers[0], layer, "Lcl Translation", root)
    path.write_text(
        "; FBX 7.4.0 project file\nFBXHeaderExtension:  {\nFBXHeaderVersion: 1003\nFBXVersion: 7400\n}\n"
        "GlobalSettings:  {\nVersion: 1000\nProperties70:  {\n"
        f'P: "UpAxis", "int", "Integer", "",{up}\nP: "UpAxisSign", "int", "Integer", "",1\n'
        f'P: "UnitScaleFactor", "double", "Number", "",{unit_cm:g}\n}}\n}}\n'
        "Objects:  {\n" + "\n".join(objects) + "\n}\nConnections:  {\n" + "\n".join(connections) + "\n}\n"
    )
    return path
