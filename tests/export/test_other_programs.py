"""Exports in the programs they are for: Blender, the Khronos glTF validator and three.js in Chromium.

They run where these programs are. Blender: bpy in this Python, or INTERMASK_BLENDER (docs/get-started/
install.md). The other two: INTERMASK_NPM names a folder in which `npm i gltf-validator three` was run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.motion_files.blender import blender_command, run_in_blender
from intermask_cli.export.bone_names import BoneNames
from intermask_cli.export.formats import ExportSettings, export_item, rigs_of
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.skeleton import JOINT_NAMES, MIRROR
from tests.helpers.browser import CHROMIUM, NO_CHROMIUM
from tests.helpers.motion_samples import turning_pair
from tests.helpers.paths import ROOT, SHARED

NPM = Path(os.environ.get("INTERMASK_NPM", ROOT)) / "node_modules"
HANDSHAKE = SHARED / "cases/animator/glb-two-people/handshake.h5"
NO_BLENDER = "no Blender: pip install 'intermask[blender]', or set INTERMASK_BLENDER"
NO_NPM = "set INTERMASK_NPM to a folder in which `npm i gltf-validator three` was run"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["turning", "handshake"])
def item(request: pytest.FixtureRequest) -> Interaction:
    pytest.importorskip("pygltflib")
    if request.param == "turning":
        joints = turning_pair(40)
        rotations = np.stack([rotations_from_joints(person).rotations6d for person in joints])
        return Interaction(joints, rotations, text="two people turn", seed=7, id="turn-1")
    if not HANDSHAKE.exists():
        pytest.skip(f"{HANDSHAKE} is absent")
    with InteractionFile(HANDSHAKE) as dataset:
        return dataset.read(dataset.ids[0])


# ---------------------------------------------------------------- Blender


@pytest.mark.skipif(blender_command() is None, reason=NO_BLENDER)
@pytest.mark.parametrize(
    ("target", "names", "units"),
    [
        ("glb", "intermask", "cm"),
        ("glb", "mixamo", "cm"),
        ("bvh", "intermask", "cm"),
        ("bvh", "unreal", "m"),
        ("fbx", "smpl", "cm"),
        ("usd", "intermask", "cm"),
    ],
)
def test_blender_gets_two_people(
    item: Interaction, target: str, names: str, units: str, tmp_path: Path
) -> None:
    """Two armatures of 22 bones with keys at 30 fps, heads where the joints are, soles on the floor."""
    if target == "usd":
        pytest.importorskip("pxr")
    settings = ExportSettings(names=BoneNames(names), units=units)
    export_item(item, target, tmp_path, settings)
    files = ",".join(str(path) for path in sorted(tmp_path.iterdir()))
    out = tmp_path / "heads.npz"
    scale = 0.01 if (target, units) == ("bvh", "cm") else 1.0
    run_in_blender(ROOT / "tests/helpers/heads_in_blender.py", files, str(scale), str(out), what="Test")
    with np.load(out) as blender:
        seen = dict(blender)
    assert len(seen["armatures"]) == 2 and int(seen["fps"]) == 30
    assert np.ptp(seen["keyed"], axis=1) == pytest.approx(item.frames - 1)
    assert sorted(seen["bones"]) == sorted(BoneNames(names).joints)
    assert np.abs(seen["scales"] - 1).max() < 1e-5
    columns = [list(seen["bones"]).index(name) for name in BoneNames(names).joints]
    joints = np.stack([rig.joints for rig in rigs_of(item)])
    assert np.linalg.norm(seen["heads"][:, :, columns] - joints, axis=-1).max() < 1e-3
    opposite = dict(zip(seen["bones"], seen["mirrored"], strict=True))
    ours = BoneNames(names).joints
    assert [opposite[name] for name in ours] == [ours[other] for other in MIRROR]
    if target == "bvh":
        return
    if target != "usd":
        assert list(seen["armatures"]) == ["person1", "person2"]
    lowest_toe = joints[:, :, [JOINT_NAMES.index("left_foot"), JOINT_NAMES.index("right_foot")], 1].min(-1)
    # A pitched foot has its heel or the tip of its toes below the toe joint.
    assert np.median(np.abs(seen["lowest"] - lowest_toe)) < 0.02


# ---------------------------------------------------------------- glTF validator


@pytest.mark.skipif(not (NPM / "gltf-validator").exists() or not shutil.which("node"), reason=NO_NPM)
@pytest.mark.parametrize("leaf_bones", [False, True])
def test_the_gltf_validator_has_no_remark(item: Interaction, leaf_bones: bool, tmp_path: Path) -> None:
    export_item(item, "glb", tmp_path, ExportSettings(leaf_bones=leaf_bones))
    (path,) = tmp_path.iterdir()
    script = (
        f"require({json.dumps(str(NPM / 'gltf-validator'))})"
        f".validateBytes(new Uint8Array(require('fs').readFileSync({json.dumps(str(path))})))"
        ".then(report => console.log(JSON.stringify(report)))"
    )
    result = subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=120, check=True)
    report = json.loads(result.stdout)
    assert report["issues"]["messages"] == []
    assert report["info"]["hasSkins"] and report["info"]["animationCount"] == 1


# ---------------------------------------------------------------- USD's own validators


def test_the_validators_of_usd_have_no_remark(item: Interaction, tmp_path: Path) -> None:
    usd = pytest.importorskip("pxr.Usd")
    validation = pytest.importorskip("pxr.UsdValidation")
    export_item(item, "usd", tmp_path)
    validators = validation.ValidationRegistry().GetOrLoadAllValidators()
    stage = usd.Stage.Open(str(tmp_path / f"{item.id}.usd"))
    assert validators and validation.ValidationContext(validators).Validate(stage) == []


# ---------------------------------------------------------------- three.js

PAGE = """<html><body><script type="importmap">{"imports": {"three": "/npm/three/build/three.module.js",
"three/addons/": "/npm/three/examples/jsm/"}}</script><script type="module">
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
new GLTFLoader().load("/clip.glb", (gltf) => {
  const skins = [];
  gltf.scene.traverse((object) => { if (object.isSkinnedMesh) skins.push(object); });
  const bodies = [...new Map(skins.map((skin) => [skin.skeleton, skin])).values()];
  const mixer = new THREE.AnimationMixer(gltf.scene);
  mixer.clipAction(gltf.animations[0]).play();
  const frames = Math.round(gltf.animations[0].duration * 30);
  const people = bodies.map(() => []);
  for (let frame = 0; frame < frames; frame++) {
    mixer.setTime(frame / 30);
    gltf.scene.updateMatrixWorld(true);
    bodies.forEach((body, person) => people[person].push(body.skeleton.bones.map(
      (bone) => bone.getWorldPosition(new THREE.Vector3()).toArray())));
  }
  const colours = skins.map((skin) => skin.material.color.getHexString());
  document.body.innerHTML = "<pre>" + JSON.stringify({ people, colours }) + "</pre>";
});
</script></body></html>"""


@contextmanager
def serving(clip: Path) -> Iterator[str]:
    """Address of a server with the page, the clip and the npm packages."""

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                body, kind = PAGE.encode(), "text/html"
            elif self.path == "/clip.glb":
                body, kind = clip.read_bytes(), "model/gltf-binary"
            elif self.path.startswith("/npm/") and (NPM / self.path[5:]).is_file():
                body, kind = (NPM / self.path[5:]).read_bytes(), "text/javascript"
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.skipif(not (NPM / "three").exists(), reason=NO_NPM)
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
def test_three_js_plays_the_joints_of_the_dataset(item: Interaction, tmp_path: Path) -> None:
    export_item(item, "glb", tmp_path)
    with serving(tmp_path / f"{item.id}.glb") as address:
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000", "--dump-dom", address,
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    text = result.stdout.partition("<pre>")[2].partition("</pre>")[0]
    assert text, result.stderr[-2000:]
    seen = json.loads(text)
    people = np.array(seen["people"])  # (2, T - 1, 22, 3)
    assert people.shape == (2, item.frames - 1, 22, 3)
    joints = np.stack([rig.joints for rig in rigs_of(item)])
    assert np.linalg.norm(people - joints[:, :-1], axis=-1).max() < 1e-3
    assert {"0072b2", "d55e00"} < set(seen["colours"])  # as in the viewer, by three.js's own conversion
