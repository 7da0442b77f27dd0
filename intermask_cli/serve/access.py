"""Who may use the service, and from which page: checks of Host, Origin and token."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from intermask_cli.errors import InputError

#: Characters of the shortest token; a shorter one can be guessed.
SHORTEST_TOKEN = 16
COOKIE = "intermask"


def is_loopback(host: str) -> bool:
    """Whether a host name or address reaches this machine only."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Access:
    """The rules for an address that the service listens on.

    Other programs on this machine may use a service without a token, but web pages of other sites may not:
    a page can send requests to loopback addresses, and a name of its own can be made to resolve to one. So
    `Host` has to be a loopback name where there is no token, and `Origin`, which browsers add, the service
    itself.
    """

    host: str
    token: str | None = field(default=None, repr=False)
    #: What a browser has instead of the token after it has sent it once.
    session: str = field(default_factory=secrets.token_urlsafe, repr=False)

    def __post_init__(self) -> None:
        token = self.token
        if token is None:
            if not is_loopback(self.host):
                raise InputError(
                    f"--host {self.host}: others could reach the service, so it needs a token; set "
                    "INTERMASK_SERVE_TOKEN to a long random text"
                )
        elif len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
            raise InputError(
                f"the token has {len(token)} characters; accepted: {SHORTEST_TOKEN} or more ASCII characters "
                'without spaces, such as python -c "import secrets; print(secrets.token_urlsafe())" prints'
            )

    def refusal(self, host: str | None, origin: str | None) -> str | None:
        """Why a request with these headers is refused, or None."""
        if not host:
            return "no Host header; accepted: the address of this service"
        name = urlsplit(f"//{host}").hostname or ""
        if self.token is None and not is_loopback(name):
            return f"Host is {host[:80]!r}; accepted: localhost or another loopback name"
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return f"Origin is {origin[:80]!r}; accepted: the page of this service"
        return None

    def knows(self, authorization: str | None, session: str | None) -> bool:
        """Whether a request with this Authorization header or session cookie may use the service."""
        if self.token is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and _equal(given.strip(), self.token):
            return True
        return session is not None and _equal(session, self.session)


def _equal(given: str, expected: str) -> bool:
    """Comparison whose time does not show where they differ."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), expected.encode())
