"""The cookie that holds a session's or a guest's token. No script can read it, and no other site can send it."""

from mercato.runtime.http.edge import SESSION_COOKIE
from mercato.values.clock import DAY, SECOND

GUEST_LIFE = 30 * DAY // SECOND  # seconds

Header = tuple[bytes, bytes]


def session_cookie(token: str, seconds: int, *, secure: bool) -> Header:
    """The header that stores a token for so many seconds."""
    return _cookie(token, seconds, secure=secure)


def no_cookie(*, secure: bool) -> Header:
    """The header that removes the token."""
    return _cookie("", 0, secure=secure)


def _cookie(value: str, seconds: int, *, secure: bool) -> Header:
    parts = [f"{SESSION_COOKIE}={value}", "Path=/", f"Max-Age={seconds}", "HttpOnly", "SameSite=Lax"]
    return b"set-cookie", "; ".join([*parts, "Secure"] if secure else parts).encode()
