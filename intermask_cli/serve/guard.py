"""What every request passes before the routes: access, size of its body, headers of the answer, bugs."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from intermask_cli.console import warn
from intermask_cli.serve.access import COOKIE, Access

#: Prefix of everything that a token protects.
PROTECTED = "/v1/"
#: Of a body that is too large, this many times the limit are read and dropped, so that the client, which
#: sends first and reads then, sees the answer.
_DROPPED = 4
#: The page and its own script and style, from this server alone.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": CONTENT_SECURITY_POLICY,
}


class BodyTooLarge(HTTPException):
    """A body that turned out to be larger than the limit while it was read."""

    def __init__(self, limit: int):
        super().__init__(413, _too_large(limit), {"connection": "close"})


class Guard:
    """ASGI middleware around the whole application.

    `limit_of(path)` is the number of bytes that a body may have. Answers of errors are `{"error": line}`.
    """

    def __init__(self, app: ASGIApp, access: Access, limit_of: Callable[[str], int]):
        self.app, self.access, self.limit_of = app, access, limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                names = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in _HEADERS.items() if k.encode() not in names),
                ]
            await send(message)

        try:
            await self._checked(scope, receive, send_with_headers)
        except Exception as error:  # a bug: the client learns no details
            if not started:
                await answer(send_with_headers, 500, "internal error; the log of the service has more")
            place = "/".join(scope["path"].split("/")[:3])  # without names of jobs
            warn(f"{scope['method']} {place!r}: {type(error).__name__}: {error}")

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self.access.refusal(headers.get("host"), headers.get("origin"))
        if refusal is not None:
            await answer(send, 403, refusal)
            return
        path = scope["path"]
        if path.startswith(PROTECTED) and not self.access.knows(
            headers.get("authorization"), _session(headers.get("cookie", ""))
        ):
            line = "no token, or another one; send it as 'Authorization: Bearer TOKEN'"
            await answer(send, 401, line, {"www-authenticate": "Bearer"})
            return
        limit = self.limit_of(path)
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > limit:
            await _drop_body(receive, _DROPPED * limit)
            await answer(send, 413, _too_large(limit), {"connection": "close"})
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                if message.get("more_body"):
                    await _drop_body(receive, _DROPPED * limit)
                raise BodyTooLarge(limit)
            return message

        await self.app(scope, receive_limited, send)


def _too_large(limit: int) -> str:
    return f"the request is too large; accepted: up to {limit:,} bytes"


async def _drop_body(receive: Receive, limit: int) -> None:
    """Read a body without keeping it, up to `limit` bytes of it."""
    read = 0
    while read <= limit:
        message = await receive()
        read += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


def _session(cookies: str) -> str | None:
    try:
        morsel = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return None
    return None if morsel is None else morsel.value


async def answer(send: Send, status: int, error: str, headers: dict[str, str] | None = None) -> None:
    """Send an error as JSON."""
    body = error_body(error)
    fields = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    start: dict[str, Any] = {"type": "http.response.start", "status": status}
    start["headers"] = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send(start)
    await send({"type": "http.response.body", "body": body})


def error_body(line: str) -> bytes:
    """`{"error": line}`; ASCII, so that any character of a request can be shown."""
    return json.dumps({"error": " ".join(line.split())}).encode()
