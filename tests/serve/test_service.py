"""The service over HTTP: results, errors, limits, cancelling, access."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import h5py
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra serve: pip install 'intermask[serve]'")

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.serve.limits import JSON_BYTES, ServeLimits
from intermask_cli.serve.service import Service
from tests.helpers.generation import content
from tests.helpers.served import Client, listening, tiny_service
from tests.helpers.tiny_model import TinyModel

Run = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.slow
LIMITS = ServeLimits(seconds=4, interactions=6, queue=12, upload_bytes=200_000)


@pytest.fixture(scope="module")
def service(tiny_model: TinyModel) -> Iterator[Service]:
    with tiny_service(tiny_model, LIMITS) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Client]:
    with listening(service) as connected:
        yield connected


@pytest.fixture
def paused(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The next batch waits until the event is set, at the latest at the end of the test."""
    allowed, generate = threading.Event(), service.model.generate

    def when_allowed(*arguments: Any, **options: Any) -> Any:
        assert allowed.wait(60)
        return generate(*arguments, **options)

    monkeypatch.setattr(service.model, "generate", when_allowed)
    yield allowed
    allowed.set()


def saved(folder: Path, data: bytes) -> Path:
    """A folder with these bytes as its dataset."""
    folder.mkdir()
    (folder / "interactions.h5").write_bytes(data)
    return folder


REQUESTS: list[dict[str, Any]] = [
    {"prompts": ["two people bow", "the first person waves"], "seed": 5, "seconds": 1},
    {"prompts": [{"text": "two people bow", "samples": 2, "seconds": 1, "note": "x"}]},
    {
        "prompts": [{"text": "two people hug", "frames": 31, "id": "my hug"}],
        "guidance": 1.5,
        "steps": 3,
        "guidance_interval": "0.4-1",
    },
    {"prompts": ["two people bow | two people hug"], "seconds": 3, "body": "decoded"},
    {"prompts": ["two people shake hands"], "seconds": 1, "height": [1.8], "body": "rigid"},
]
OPTIONS = [
    ["--seed", 5, "--seconds", 1], [], ["--guidance", 1.5, "--steps", 3, "--guidance-interval", "0.4-1"],
    ["--seconds", 3, "--body", "decoded"], ["--seconds", 1, "--height", 1.8, "--body", "rigid"],
]  # fmt: skip


def test_what_is_sampled_together_equals_what_generate_makes(
    client: Client, service: Service, tiny_model: TinyModel, cli: Run, tmp_path: Path, paused: threading.Event
) -> None:
    blocker = client.submit(prompts=["two people"], seconds=0.2)  # the rest queues up behind it
    with ThreadPoolExecutor(len(REQUESTS)) as pool:
        jobs = list(pool.map(lambda request: client.submit(**request), REQUESTS))
    paused.set()
    assert client.ended(blocker)["status"] == "done"
    before = service.batcher.batches
    results = []
    for number, job in enumerate(jobs):
        assert client.ended(job)["status"] == "done"
        answer = client.send(f"/v1/jobs/{job}/result?format=h5")
        results.append(saved(tmp_path / f"served-{number}", answer.body))
    assert service.batcher.batches - before <= 4, "of seven interactions, four go together"

    for number, (request, options) in enumerate(zip(REQUESTS, OPTIONS, strict=True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "prompts.json").write_text(json.dumps(request["prompts"]))
        code, _, error = cli("generate", folder / "prompts.json", "--out", folder / "run", *options,
                             *tiny_model.options)  # fmt: skip
        assert code == 0, error
        assert content(results[number]) == content(folder / "run")
        with (
            h5py.File(results[number] / "interactions.h5") as ours,
            h5py.File(folder / "run" / "interactions.h5") as theirs,
        ):
            changing = {"created"}
            assert {k: str(v) for k, v in ours.attrs.items() if k not in changing} == {
                k: str(v) for k, v in theirs.attrs.items() if k not in changing
            }
    assert content(results[0]) != content(results[1])


def test_results_in_every_format(client: Client, tmp_path: Path) -> None:
    job = client.submit(prompts=["two people bow", "two people hug"], seconds=0.5)
    assert client.ended(job)["interactions"] == {"total": 2, "done": 2, "failed": 0}
    address = f"/v1/jobs/{job}/result"
    folder = saved(tmp_path / "h5", client.send(f"{address}?format=h5").body)
    with InteractionFile(folder) as dataset:
        stored = {id: dataset.read(id) for id in dataset.ids}
    answer = client.send(address).json
    assert answer["fps"] == 30 and answer["up_axis"] == "y" and len(answer["joint_names"]) == 22
    assert [one["id"] for one in answer["interactions"]] == ["prompts-1-s0", "prompts-2-s0"]
    for one in answer["interactions"]:
        assert one["seed"] == str(stored[one["id"]].seed) and one["frames"] == 12
        np.testing.assert_allclose(one["joints"], stored[one["id"]].joints, atol=6e-6)

    names = zipfile.ZipFile(io.BytesIO(client.send(f"{address}?format=bvh").body)).namelist()
    assert names == [f"prompts-{k}-s0_person{p}.bvh" for k in (1, 2) for p in (1, 2)]
    one = client.send(f"{address}?format=bvh&id=prompts-2-s0&person=2")
    assert (
        one.body.startswith(b"HIERARCHY") and "prompts-2-s0_person2.bvh" in one.headers["content-disposition"]
    )
    glb = client.send(f"{address}?format=glb&id=prompts-1-s0")
    assert glb.body[:4] == b"glTF" and glb.headers["content-type"] == "model/gltf-binary"
    view = client.send(f"/v1/jobs/{job}/view")
    assert (
        b"<title>Result</title>" in view.body
        and b"prompts-2-s0" in view.body
        and job.encode() not in view.body
    )
    assert "'sha256-" in view.headers["content-security-policy"]

    for wrong, expected in (("format=fbx", "json, h5, bvh, glb"), ("id=no", "prompts-1-s0, prompts-2-s0"),
                        ("format=glb&person=1", "person is for bvh"), ("format=bvh&person=1", "give its id"),
                        ("format=bvh&person=3", "less than or equal to 2")):  # fmt: skip
        answer = client.send(f"{address}?{wrong}")
        assert answer.status == 422 and expected in answer.error


def test_a_reaction_equals_what_react_makes(
    client: Client, tiny_model: TinyModel, cli: Run, tmp_path: Path
) -> None:
    first = client.submit(prompts=["two people bow"], seconds=1)
    client.ended(first)
    given = client.send(f"/v1/jobs/{first}/result?format=bvh&person=1").body
    (tmp_path / "walk.bvh").write_bytes(given)
    query = urlencode(
        {"file": "C:\\clips\\walk.bvh", "prompt": "two people hug", "role": 2, "seed": 3, "end": "1s"}
    )
    sent = client.send(f"/v1/react?{query}", given, Content_Type="application/octet-stream")
    assert sent.status == 202, sent
    assert client.ended(sent.json["job"])["status"] == "done"
    result = saved(tmp_path / "served", client.send(f"/v1/jobs/{sent.json['job']}/result?format=h5").body)
    words = ["--prompt", "two people hug", "--as", 2, "--seed", 3, "--end", "1s", *tiny_model.options]
    code, _, error = cli("react", "--input", tmp_path / "walk.bvh", "--out", tmp_path / "run", *words)
    assert code == 0, error
    assert content(result) == content(tmp_path / "run")
    assert client.send(f"/v1/jobs/{sent.json['job']}/result").json["interactions"][0]["given_person"] == 2

    octets = {"Content_Type": "application/octet-stream"}
    for query, data, headers, status, expected in (
        ("file=walk.bvh", given, {"Content_Type": "text/plain"}, 415, "octet-stream"),
        ("", given, octets, 422, "file is missing"),
        ("file=walk.pt", given, octets, 422, ".bvh, .npy, .npz"),
        ("file=walk.bvh", b"", octets, 422, "empty"),
        ("file=walk.bvh", b"HIERARCHY\nROOT", octets, 422, "walk.bvh"),
        ("file=../../walk.npz", b"no archive", octets, 422, "walk.npz"),
        ("file=walk.bvh&up=w", given, octets, 422, "up axis 'w'"),
        ("file=walk.bvh&speed=2", given, octets, 422, "no such field"),
        ("file=walk.bvh&samples=9", given, octets, 422, "up to 6"),
        ("file=walk.bvh&fps=5", given, octets, 422, "limit of this service"),
        ("file=walk.bvh", bytes(200_001), octets, 413, "200,000"),
    ):  # fmt: skip
        answer = client.send(f"/v1/react?{query}", data, **headers)
        assert (answer.status, expected in answer.error) == (status, True), answer


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, "prompts is missing"),
        ({"promts": ["a"]}, "promts: no such field; accepted: seed"),
        ({"prompts": []}, "at least 1 item"),
        ({"prompts": "two people bow"}, "should be a valid list"),
        ({"prompts": ["a", ""]}, "prompt 2 has an empty text"),
        ({"prompts": ["a", {"text": "b", "seconds": 5}]}, "the limit of this service is 120 (4 s)"),
        ({"prompts": ["a", {"text": "b", "frames": 2}]}, "the shortest clip has 4"),
        ({"prompts": ["a"], "seconds": 1e300}, "the limit of this service"),
        ({"prompts": ["a"], "seconds": 1, "frames": 8}, "both frames and seconds"),
        ({"prompts": ["a"] * 7}, "accepted: up to 6"),
        ({"prompts": ["a"], "samples": 7}, "takes up to 6"),
        ({"prompts": [{"text": "a", "samples": 100_000}]}, "takes up to 6"),
        ({"prompts": [{"text": "a", "seed": 1e30}]}, "seed"),
        ({"prompts": ["a"], "seed": -1}, "greater than or equal to 0"),
        ({"prompts": ["a"], "seed": 2**64}, "less than or equal"),
        ({"prompts": ["a"], "steps": 100_000}, "less than or equal to 100"),
        ({"prompts": ["a"], "temperature": 0}, "greater than 0"),
        ({"prompts": ["a"], "draw": "best"}, "'categorical' or 'gumbel'"),
        ({"prompts": ["a"], "body": "soft"}, "'rigid' or 'decoded'"),
        ({"prompts": ["a"], "height": [9], "body": "rigid"}, "a height of 9 m"),
        ({"prompts": ["a \ud800 b"]}, "half a surrogate pair"),
        ({"prompts": ["a\u0000b"]}, "prompt 1"),
        ({"prompts": [["a"]]}, "prompts.0"),
    ],
)  # fmt: skip
def test_bad_requests_get_one_line(client: Client, request_: dict[str, Any], expected: str) -> None:
    answer = client.post("/v1/jobs", request_)
    assert answer.status == 422 and expected in answer.error


def test_requests_that_cannot_be_read(client: Client) -> None:
    json_type = {"Content_Type": "application/json"}
    deep = b'{"prompts": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    for path, data, headers, status, expected in (
        ("/v1/jobs", b"{", json_type, 400, "not valid JSON"),
        ("/v1/jobs", b'{"seed": NaN, "prompts": ["a"]}', json_type, 422, "seed"),
        ("/v1/jobs", b"", json_type, 422, "a body is missing"),
        ("/v1/jobs", deep, json_type, 400, "cannot be read as JSON"),
        ("/v1/jobs", b"\xff\xff", json_type, 400, "cannot be read as JSON"),
        ("/v1/jobs", b'{"prompts": ["a"]}', {"Content_Type": "text/plain"}, 415, "application/json"),
        ("/v1/jobs", bytes(JSON_BYTES + 1), json_type, 413, "1,048,576"),
        ("/v1/jobs", bytes(3 * JSON_BYTES), json_type, 413, "1,048,576"),
        ("/v1/nothing", None, {}, 404, "/docs"),
        ("/v1/jobs", None, {}, 405, "GET is not for this address"),
        ("/v1/jobs/0123", None, {}, 404, "no job '0123'"),
        ("/v1/jobs/..%2f..%2fetc%2fpasswd/result", None, {}, 404, ""),
        ("/health", None, {"Host": "evil.example"}, 403, "loopback"),
        ("/", None, {"Host": "localhost.evil.example:80"}, 403, "loopback"),
        ("/v1/models", None, {"Origin": "http://evil.example"}, 403, "the page of this service"),
        ("/v1/models", None, {"Origin": "http://localhost:1"}, 403, "the page of this service"),
        ("/v1/models", None, {"Origin": "null"}, 403, "the page of this service"),
    ):  # fmt: skip
        answer = client.send(path, data, **headers)
        assert (answer.status, expected in answer.error) == (status, True), (path, answer)
    nested = client.post(
        "/v1/jobs", {"prompts": [{"text": "a", "frames": 4, "note": json.loads("[" * 400 + "]" * 400)}]}
    )
    assert nested.status == 202 and client.ended(nested.json["job"])["status"] == "done"
    own = client.send("/v1/models", Origin=client.address)
    assert own.status == 200 and own.json["models"][0]["limits"]["frames"] == 120


def chunked(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


def test_a_large_body_without_a_length_is_refused(client: Client) -> None:
    answer = client.send("/v1/jobs", chunked(bytes(2 * JSON_BYTES)), Content_Type="application/json")  # type: ignore[arg-type]
    assert answer.status == 413 and "1,048,576" in answer.error


def test_a_full_queue_says_when_to_come_back(client: Client, paused: threading.Event) -> None:
    jobs = [client.submit(prompts=["two people bow"], samples=6, seconds=0.2) for _ in range(2)]
    answer = client.post("/v1/jobs", {"prompts": ["two people bow"]})
    assert answer.status == 429 and 1 <= int(answer.headers["retry-after"]) <= 600
    assert "12 interactions are queued" in answer.error
    assert client.send("/health").json == {"status": "ok", "queued": 12, "batches": pytest.approx(50, abs=50)}
    paused.set()
    assert {client.ended(job)["status"] for job in jobs} == {"done"}
    assert client.post("/v1/jobs", {"prompts": ["two people bow"], "seconds": 0.2}).status == 202


def test_cancelling(client: Client, service: Service, paused: threading.Event) -> None:
    running = client.submit(prompts=["two people bow"], seconds=0.2)
    while client.send(f"/v1/jobs/{running}").json["status"] == "queued":
        pass
    queued = client.submit(prompts=["two people hug"], seconds=0.2, steps=2)
    kept = client.submit(prompts=["two people hug"], seconds=0.2, steps=2)
    early = client.send(f"/v1/jobs/{queued}/result")
    assert early.status == 409 and "the job is queued" in early.error
    assert client.send(f"/v1/jobs/{queued}", method="DELETE").status == 409
    for name in (queued, running):
        answer = client.send(f"/v1/jobs/{name}/cancel", method="POST")
        assert answer.status == 200 and answer.json["status"] == "cancelled"
        assert client.send(f"/v1/jobs/{name}/cancel", method="POST").status == 409
    paused.set()
    assert client.ended(kept)["status"] == "done"
    assert client.send(f"/v1/jobs/{running}").json["status"] == "cancelled"
    assert "cancelled by the client" in client.send(f"/v1/jobs/{running}/result").error
    folder = service.folder / kept
    assert folder.is_dir() and client.send(f"/v1/jobs/{kept}", method="DELETE").status == 204
    assert not folder.exists() and client.send(f"/v1/jobs/{kept}").status == 404


def test_results_are_removed_after_their_time(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = client.submit(prompts=["two people bow"], seconds=0.2)
    assert client.ended(job)["status"] == "done" and (service.folder / job).is_dir()
    monkeypatch.setattr(service.jobs, "_keep_s", 0.0)
    assert client.send(f"/v1/jobs/{job}").status == 404 and not (service.folder / job).exists()


def test_a_model_that_fails_fails_the_job_and_not_the_service(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise RuntimeError("no luck")

    with monkeypatch.context() as patched:
        patched.setattr(service.model, "generate", broken)
        status = client.ended(client.submit(prompts=["two people bow"], seconds=0.2))
        assert status["status"] == "failed" and status["error"] == "failed: RuntimeError: no luck"
        many = client.ended(client.submit(prompts=["two people bow"], samples=6, seconds=0.2))
        assert many["status"] == "failed"
    assert client.ended(client.submit(prompts=["two people bow"], seconds=0.2))["status"] == "done"


def test_a_bug_is_one_line_and_no_traceback(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "health", lambda: 1 / 0)
    answer = client.send("/health")
    assert answer.status == 500 and answer.error == "internal error; the log of the service has more"


def test_a_token_protects_everything_but_the_page(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    token = "a-long-and-secret-token"
    with listening(service, token) as client:
        assert client.send("/").status == client.send("/health").status == client.send("/docs").status == 200
        for headers in ({}, {"Authorization": "Bearer wrong-token-of-some-length"}, {"Authorization": token},
                        {"Cookie": "intermask=wrong"}, {"Authorization": "Bearer \xe9"}):  # fmt: skip
            answer = client.post("/v1/jobs", {"prompts": ["two people bow"]}, **headers)
            assert answer.status == 401 and "Bearer TOKEN" in answer.error
            assert answer.headers["www-authenticate"] == "Bearer"
        allowed = Client(client.address, {"Authorization": f"Bearer {token}"})
        assert allowed.ended(allowed.submit(prompts=["two people bow"], seconds=0.2))["status"] == "done"
        login = allowed.send("/v1/login", method="POST")
        cookie = login.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and token not in cookie
        assert client.send("/v1/models", Cookie=cookie.split(";")[0]).status == 200
    assert token not in "".join(capfd.readouterr())


def test_pages_load_nothing_from_elsewhere(client: Client) -> None:
    for path in ("/", "/page.js", "/page.css", "/docs"):
        answer = client.send(path)
        assert answer.status == 200 and b"://" not in answer.body
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    described = client.send("/openapi.json").json
    docs = client.send("/docs").body.decode()
    for path, methods in described["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in docs
