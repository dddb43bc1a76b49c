"""The cookie that holds a session's or a guest's token. No script can read it, and no other site can send it."""

import msgspec

from mercato.runtime.http.edge import session_cookie_name
from mercato.values.clock import DAY, SECOND

GUEST_LIFE = 30 * DAY // SECOND  # seconds

Header = tuple[bytes, bytes]


class SessionCookie(msgspec.Struct, frozen=True):
    """The cookie of one store. `base` is what the store's addresses begin with: browsers show it to no other address.
    `secure`: it is for encrypted connections only."""

    store: str
    base: str
    secure: bool

    @property
    def name(self) -> str:
        return session_cookie_name(self.store)

    def kept(self, token: str, seconds: int) -> Header:
        """The header that stores a token for so many seconds."""
        parts = [f"{self.name}={token}", f"Path={self.base or '/'}", f"Max-Age={seconds}", "HttpOnly", "SameSite=Lax"]
        return b"set-cookie", "; ".join([*parts, "Secure"] if self.secure else parts).encode()

    def removed(self) -> Header:
        """The header that removes the token."""
        return self.kept("", 0)
