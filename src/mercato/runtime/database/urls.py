"""Where databases are: `postgresql://user:password@host:port/name`."""

from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

SCHEMES = ("postgresql", "mysql")


class Address(msgspec.Struct, frozen=True):
    """A database on a server. `parts` are those of its URL, whose path may name another database. PostgreSQL may have
    several servers, HOST:PORT,HOST:PORT, one of which takes changes (`?target_session_attrs=read-write`)."""

    parts: SplitResult
    database: str

    @classmethod
    def read(cls, url: str) -> Self:
        """Raises ValueError that says what is wrong with the URL, without its password."""
        parts = urlsplit(url)
        database = parts.path.strip("/")
        if parts.scheme not in SCHEMES:
            raise ValueError(f"{parts.scheme or url!r} is no engine for databases: it is {' or '.join(SCHEMES)}")
        if not parts.hostname or not parts.username or not database:
            raise ValueError(f"a database has the form {parts.scheme}://USER:PASSWORD@HOST:PORT/NAME")
        if parts.scheme == "mysql" and "," in parts.netloc:
            raise ValueError("MySQL has one HOST:PORT: put a proxy in front of several")
        return cls(parts, database)

    @property
    def scheme(self) -> str:
        return self.parts.scheme

    @property
    def url(self) -> str:
        return self.parts._replace(path=f"/{self.database}").geturl()

    @property
    def shown(self) -> str:
        """Without the password, for people."""
        return f"{self.scheme}://{self.user}@{self.parts.netloc.rpartition('@')[2]}/{self.database}"

    @property
    def host(self) -> str:
        return self.parts.hostname or ""

    @property
    def port(self) -> int:
        return self.parts.port or {"postgresql": 5432, "mysql": 3306}[self.scheme]

    @property
    def user(self) -> str:
        return unquote(self.parts.username or "")

    @property
    def password(self) -> str:
        return unquote(self.parts.password or "")

    def at(self, database: str) -> Self:
        """Another database of the same server."""
        return msgspec.structs.replace(self, database=database)
