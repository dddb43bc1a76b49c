"""Where documents are: `mongodb://[USER:PASSWORD@]HOST:PORT/NAME`."""

from typing import Self
from urllib.parse import unquote, urlsplit

import msgspec

FORM = "mongodb://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]/NAME"


class Address(msgspec.Struct, frozen=True):
    """A database of documents on a server. `url` is what the driver gets; its path may name another database, which
    then knows the login."""

    url: str
    database: str

    @classmethod
    def read(cls, url: str) -> Self:
        """Raises ValueError that says what is wrong with the URL, without its password."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ValueError(f"it is {FORM}") from None
        database = parts.path.strip("/")
        hosts = parts.netloc.rpartition("@")[2].split(",")
        if parts.scheme != "mongodb" or not database or "/" in database or not all(map(_is_host, hosts)):
            raise ValueError(f"it is {FORM}")
        return cls(url, database)

    @property
    def user(self) -> str:
        return unquote(urlsplit(self.url).netloc.rpartition("@")[0].partition(":")[0])

    @property
    def shown(self) -> str:
        """Without the password, for people."""
        hosts = urlsplit(self.url).netloc.rpartition("@")[2]
        return f"mongodb://{self.user}@{hosts}/{self.database}" if self.user else f"mongodb://{hosts}/{self.database}"

    def at(self, database: str) -> Self:
        """Another database of the same server."""
        return msgspec.structs.replace(self, database=database)


def _is_host(text: str) -> bool:
    host, colon, port = text.rpartition(":")
    return bool(host and port.isdecimal()) if colon else bool(text)
