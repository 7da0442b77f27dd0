"""Who may use the service: addresses, Host, Origin, tokens."""

from __future__ import annotations

import pytest

from intermask_cli.errors import InputError
from intermask_cli.serve.access import Access, is_loopback

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True), ("LOCALHOST", True), ("app.localhost", True), ("127.0.0.1", True),
        ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("0.0.0.0", False), ("::", False),
        ("192.168.1.5", False), ("example.com", False), ("localhost.example.com", False),
        ("127.0.0.1.example.com", False), ("", False),
    ],
)  # fmt: skip
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback


def test_others_need_a_token_to_reach_it() -> None:
    with pytest.raises(InputError, match="INTERMASK_SERVE_TOKEN"):
        Access("0.0.0.0")
    assert Access("0.0.0.0", TOKEN).token == TOKEN
    for token in ("", "short", "0123456789 abcdef", "0123456789abcdéf"):
        with pytest.raises(InputError, match="16 or more ASCII characters"):
            Access("127.0.0.1", token)
    assert TOKEN not in repr(Access("127.0.0.1", TOKEN))


@pytest.mark.parametrize(
    ("served", "host", "origin", "refused"),
    [
        ("127.0.0.1", "127.0.0.1:8000", None, False),
        ("127.0.0.1", "localhost:9000", "http://localhost:9000", False),  # a tunnel
        ("127.0.0.1", "LocalHost:9000", "http://localhost:9000", False),
        ("::1", "[::1]:8000", "http://[::1]:8000", False),
        ("127.0.0.1", "evil.example:8000", None, True),  # a name that resolves to loopback
        ("127.0.0.1", "evil.example:8000", "http://evil.example:8000", True),
        ("127.0.0.1", "localhost:8000", "http://localhost:3000", True),
        ("127.0.0.1", "localhost:8000", "https://evil.example", True),
        ("127.0.0.1", "localhost:8000", "null", True),
        ("127.0.0.1", "localhost:8000", "", True),
        ("127.0.0.1", None, None, True),
        ("0.0.0.0", "gpu.example:8000", None, False),
        ("0.0.0.0", "gpu.example", "https://gpu.example", False),
        ("0.0.0.0", "gpu.example", "https://evil.example", True),
    ],
)
def test_host_and_origin(served: str, host: str | None, origin: str | None, refused: bool) -> None:
    access = Access(served, None if is_loopback(served) else TOKEN)
    assert (access.refusal(host, origin) is not None) == refused


def test_a_proxy_may_stand_before_a_service_with_a_token() -> None:
    access = Access("127.0.0.1", TOKEN)
    assert access.refusal("motion.example", "https://motion.example") is None
    assert access.refusal("motion.example", "https://evil.example") is not None


def test_tokens_and_sessions() -> None:
    access = Access("127.0.0.1", TOKEN)
    assert access.knows(f"Bearer {TOKEN}", None) and access.knows(f"bearer  {TOKEN}", None)
    assert access.knows(None, access.session) and access.session != Access("127.0.0.1", TOKEN).session
    for authorization, session in (
        (None, None), (TOKEN, None), (f"Bearer {TOKEN}x", None), ("Bearer ", None), ("Bearer é", None),
        (f"Basic {TOKEN}", None), (None, TOKEN), (None, ""),
    ):  # fmt: skip
        assert not access.knows(authorization, session)
    assert Access("127.0.0.1").knows(None, None)
