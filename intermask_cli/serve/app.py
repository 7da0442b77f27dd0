"""The HTTP interface: routes, and errors as one line."""

from __future__ import annotations

import asyncio
import time
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from intermask_cli.datasets.tables import safe_id
from intermask_cli.errors import InputError, IntermaskError, MissingError
from intermask_cli.serve.access import COOKIE, Access
from intermask_cli.serve.batcher import FullQueue
from intermask_cli.serve.guard import Guard, error_body
from intermask_cli.serve.jobs import DONE, ServedJob
from intermask_cli.serve.limits import JSON_BYTES, MAX_WAIT_S
from intermask_cli.serve.pages import asset, reference_page, viewer_policy
from intermask_cli.serve.requests import UPLOADS, GenerateRequest, ReactRequest
from intermask_cli.serve.results import VIEW, result_file, view_page
from intermask_cli.serve.service import Service, in_words_of_clients
from intermask_cli.version import __version__

#: Seconds between two looks at a job for which a client waits.
_LOOK_S = 0.05
REACT = "/v1/react"
_JSON = "application/json"


class ErrorAnswer(BaseModel):
    """What every answer with a status of 400 or more holds."""

    error: str = Field(description="what was seen, what is accepted, what to do")


router = APIRouter(responses={"4XX": {"model": ErrorAnswer}, 422: {"model": ErrorAnswer}})


def create_app(service: Service, access: Access) -> FastAPI:
    """The application around a service that is running."""
    app = FastAPI(
        title="intermask",
        version=__version__,
        summary="Text to two-person 3D motion",
        docs_url=None,
        redoc_url=None,
    )
    app.state.service, app.state.access = service, access
    app.include_router(router)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(IntermaskError, _refused)
    uploads = service.limits.upload_bytes
    app.add_middleware(Guard, access=access, limit_of=lambda path: uploads if path == REACT else JSON_BYTES)
    return app


# ---------------------------------------------------------------- errors


def _error(status: int, line: str, headers: dict[str, str] | None = None) -> Response:
    return Response(error_body(line), status, headers, _JSON)


async def _invalid(request: Request, error: Exception) -> Response:
    """The first thing that is wrong with the fields of a request."""
    assert isinstance(error, RequestValidationError)
    # A misspelt field is the reason why the right one is missing.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    if first["type"] == "json_invalid":
        return _error(400, f"the request is not valid JSON ({first.get('ctx', {}).get('error', '')})")
    if first["loc"] == ("body",) and not request.headers.get("content-type", "").startswith(_JSON):
        return _error(415, f"send the request as JSON, with Content-Type: {_JSON}")
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    if first["type"] == "extra_forbidden":
        accepted = GenerateRequest if first["loc"][0] == "body" else ReactRequest
        return _error(422, f"{place[:80]}: no such field; accepted: {', '.join(accepted.model_fields)}")
    if first["type"] == "missing":
        return _error(422, f"{place or 'a body'} is missing")
    seen = repr(first.get("input"))[:80]
    rule = first["msg"][:1].lower() + first["msg"][1:]
    return _error(422, f"{place or 'the request'} is {seen}; {rule}")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    of_framework = {
        "Not Found": "no such address; /docs lists them",
        "Method Not Allowed": f"{request.method} is not for this address; /docs lists them",
        "There was an error parsing the body": "the body cannot be read as JSON",
    }
    line = of_framework.get(error.detail, error.detail)
    return _error(error.status_code, line, dict(error.headers or {}))


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, FullQueue):
        stopping = request.app.state.service.stopping
        return _error(503 if stopping else 429, str(error), {"Retry-After": str(error.retry_s)})
    if isinstance(error, InputError):
        return _error(422, str(error))
    return _error(501 if isinstance(error, MissingError) else 500, str(error))


# ---------------------------------------------------------------- routes


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _job(request: Request, name: str) -> ServedJob:
    service = _service(request)
    job = service.jobs.get(name)
    if job is None:
        raise HTTPException(
            404, f"no job '{name[:40]}'; results stay for {service.limits.keep_s:,.0f} seconds"
        )
    return job


def _done_job(request: Request, name: str) -> ServedJob:
    job = _job(request, name)
    if job.state != DONE:
        why = f": {job.error}" if job.error else "; ask for its status until it is done"
        raise HTTPException(409, f"the job is {job.state}{why}")
    job.fetched = True
    return job


@router.get("/health", summary="Whether the service works, and how many interactions are queued")
async def health(request: Request) -> JSONResponse:
    state = _service(request).health()
    return JSONResponse(state, 200 if state["status"] == "ok" else 503)


@router.get("/v1/models", summary="The model, its settings and the limits of the service")
def models(request: Request) -> dict[str, Any]:
    return {"models": [_service(request).describe()]}


@router.post("/v1/login", summary="Exchange the token for a cookie, for browsers")
def login(request: Request) -> Response:
    access: Access = request.app.state.access
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE, access.session, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return response


@router.post("/v1/jobs", status_code=202, summary="Queue prompts")
def generate(request: Request, body: GenerateRequest) -> dict[str, Any]:
    return _service(request).generate(body).as_json()


@router.post(
    REACT,
    status_code=202,
    summary="Queue a reaction to the motion file in the body (application/octet-stream)",
    openapi_extra={
        "requestBody": {
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        }
    },
)
async def react(
    request: Request,
    options: Annotated[ReactRequest, Query()],
) -> dict[str, Any]:
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/octet-stream":
        raise HTTPException(415, "send the motion file itself, with Content-Type: application/octet-stream")
    name = PurePath(options.file.replace("\\", "/")).name
    suffix = PurePath(name).suffix.lower()
    if suffix not in UPLOADS:
        raise InputError(f"file is '{name[:40]}'; accepted: names that end in {', '.join(UPLOADS)}")
    content = await request.body()
    if not content:
        raise InputError("the body is empty; send the motion file itself")
    file = safe_id(PurePath(name).stem, "motion") + suffix
    job = await asyncio.to_thread(_service(request).react, options, file, content)
    return job.as_json()


@router.get("/v1/jobs/{name}", summary="Status of a job")
async def status(
    request: Request,
    name: str,
    wait: Annotated[
        float, Query(ge=0, le=MAX_WAIT_S, description="seconds to wait for the end of the job")
    ] = 0.0,
) -> dict[str, Any]:
    job, until = _job(request, name), time.monotonic() + wait
    while not job.ended and time.monotonic() < until:
        await asyncio.sleep(_LOOK_S)
    return job.as_json()


@router.post("/v1/jobs/{name}/cancel", summary="Cancel a job that has not ended")
def cancel(request: Request, name: str) -> dict[str, Any]:
    job = _job(request, name)
    if not _service(request).cancel(job):
        raise HTTPException(409, f"the job is {job.state}; only jobs that have not ended can be cancelled")
    return job.as_json()


@router.delete("/v1/jobs/{name}", status_code=204, summary="Delete an ended job and its result")
def delete(request: Request, name: str) -> Response:
    job = _job(request, name)
    if not job.ended:
        raise HTTPException(409, f"the job is {job.state}; cancel it first")
    _service(request).jobs.remove(name)
    return Response(status_code=204)


@router.get("/v1/jobs/{name}/result", summary="Result of a finished job", response_class=FileResponse)
def result(
    request: Request,
    name: str,
    format: Annotated[str, Query(description="json, h5, bvh or glb")] = "json",
    id: Annotated[str | None, Query(description="one interaction instead of all")] = None,
    person: Annotated[int | None, Query(ge=1, le=2, description="one BVH file instead of both")] = None,
) -> Response:
    job = _done_job(request, name)
    try:
        file = result_file(job, format, id, person)
    except IntermaskError as error:
        error.args = (in_words_of_clients(str(error), job.folder),)
        raise
    return FileResponse(file.path, media_type=file.media_type, filename=file.name)


@router.get("/v1/jobs/{name}/view", summary="Result of a finished job as a page that plays it")
def view(request: Request, name: str) -> Response:
    page = view_page(_done_job(request, name)).read_text(encoding="utf-8")
    return HTMLResponse(page, headers={"content-security-policy": viewer_policy(page)})


@router.get(f"/v1/jobs/{{name}}/{PurePath(VIEW).stem}_data/{{number}}.js", include_in_schema=False)
def view_data(request: Request, name: str, number: int) -> Response:
    """Motion of a page that is too large for one file."""
    path = _done_job(request, name).folder / f"{PurePath(VIEW).stem}_data" / f"{number}.js"
    if not path.is_file():
        raise HTTPException(404, "no such part of the page")
    return FileResponse(path, media_type="text/javascript")


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> Response:
    return HTMLResponse(reference_page(request.app.openapi()))


@router.get("/", include_in_schema=False)
def page() -> Response:
    return HTMLResponse(asset("page.html"))


@router.get("/page.js", include_in_schema=False)
def script() -> Response:
    return Response(asset("page.js"), media_type="text/javascript")


@router.get("/page.css", include_in_schema=False)
def style() -> Response:
    return Response(asset("page.css"), media_type="text/css")
