"""Settings of an installation, read from `MERCATO_...` environment variables and the command line, once."""

import os
import re
import socket
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import msgspec

from mercato.runtime.access.forwarded import trusted_proxy

_SERVICE_DATABASE = re.compile(r"MERCATO_([A-Z]+)_DATABASE")
_SERVICE_DOCUMENTS = re.compile(r"MERCATO_([A-Z]+)_DOCUMENTS")
LEAST_FILES = 2  # of a log: the one that is written, and one before it


class Settings(msgspec.Struct, frozen=True):
    """`data` holds everything that must be kept. `mail` is `folder` (mails as .eml files) or smtp://user:pass@host:port.

    `media` is "" for a folder in `data`, folder:PATH, or s3://KEY:SECRET@HOST:PORT/BUCKET, `media_url` the address of
    the host that media are served from, "" for the shop's own. `public_url` is the address that links in mails begin
    with, "" for the one that this process listens on. `rate_limits` multiplies all limits; 0 switches them off.
    `acceptor`: connections are held by a process of their own (`on`), by the shop's (`off`), or by their own where
    there are two processors (`auto`). Each log has at most `log_files` files (two at least) of `log_megabytes`.
    `trusted_proxy`: the addresses and networks of the proxies in front, whose X-Forwarded-For tells who is calling; ""
    where callers connect to this process themselves.

    `database` is the server on which each service has its database (`postgresql://USER:PASSWORD@HOST:PORT/NAME`, where
    NAME_orders is that of orders), "" for files in `data`; `databases` names those of single services, and
    `database_owner` the login that may change tables. `documents` is where services keep their documents
    (`mongodb://[USER:PASSWORD@]HOST:PORT/NAME`, where NAME_carts is the database of carts), "" where they are in the
    database of each; `document_stores` names those of single services. `events` is the bus between processes
    (`kafka://HOST:PORT,HOST:PORT/NAME`, where NAME begins the names of topics), "" where they read each other's logs.
    `cache` is where processes share rate limits and what they remember of sessions (`redis://[:PASSWORD@]HOST:PORT/DB`),
    "" where each has its own. `search` is where the index of products is (`opensearch://USER:PASSWORD@HOST:PORT/NAME`),
    "" for a folder in `data`.
    `listen` (HOST:PORT) is where other processes send messages, and `peers` says where each service's processes listen:
    `orders=HOST:PORT,HOST:PORT inventory=HOST:PORT`. They share the file `keys`, which is in `data` where nothing is
    said. `log` is where errors are written: `file` or `stderr`. A process that is told to end says for `drain` seconds
    that it is not ready, before it closes.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    mail: str = "folder"
    media: str = ""
    media_url: str = ""
    public_url: str = ""
    rate_limits: float = 1.0
    access_log: str = "file"
    acceptor: str = "auto"
    log_megabytes: int = 100
    log_files: int = 5
    database: str = ""
    database_owner: str = ""
    databases: dict[str, str] = {}
    documents: str = ""
    document_stores: dict[str, str] = {}
    events: str = ""
    cache: str = ""
    search: str = ""
    listen: str = ""
    peers: str = ""
    keys: str = ""
    log: str = "file"
    drain: float = 0.0
    trusted_proxy: str = ""

    @property
    def url(self) -> str:
        """Where this installation is reached."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def process(self) -> str:
        """What a process on this data folder is called wherever others need to tell it from them, also after it was
        started again."""
        place = f"{socket.gethostname()} {self.data.absolute()}"
        return f"node_{blake2b(place.encode(), digest_size=12).hexdigest()}"

    @property
    def on_servers(self) -> bool:
        """Whether databases are on servers, where other processes write them too."""
        return bool(self.database or self.databases)

    @property
    def listens(self) -> tuple[str, int] | None:
        """Where other processes send messages."""
        return _address("MERCATO_LISTEN", self.listen) if self.listen else None

    @property
    def places(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """Where each service's processes listen. Raises SettingsError."""
        places = {}
        for word in self.peers.split():
            service, equals, addresses = word.partition("=")
            if not equals:
                raise SettingsError(f"MERCATO_PEERS has {word!r}: it is SERVICE=HOST:PORT,HOST:PORT for each service")
            places[service] = tuple(_address("MERCATO_PEERS", text) for text in addresses.split(","))
        return places

    @property
    def keys_file(self) -> Path:
        return Path(self.keys) if self.keys else self.data / "keys.json"

    @property
    def mail_folder(self) -> Path:
        return self.data / "mail"


class SettingsError(ValueError):
    """A setting that cannot be used; the text names the variable, what is wrong and what would do."""


def read_settings(environment: Mapping[str, str] = os.environ, **given: object) -> Settings:
    """Settings from the environment; what is `given` and not None goes first."""
    values: dict[str, object] = {"data": Path("mercato-data")}
    for field in msgspec.structs.fields(Settings):
        name = f"MERCATO_{field.name.upper()}"
        if name in environment and field.name not in ("databases", "document_stores"):
            values[field.name] = _converted(name, environment[name], field.type)
    values["databases"] = _by_service(environment, _SERVICE_DATABASE)
    values["document_stores"] = _by_service(environment, _SERVICE_DOCUMENTS)
    values.update({name: value for name, value in given.items() if value is not None})
    settings = Settings(**values)  # type: ignore[arg-type]
    if settings.mail != "folder" and not settings.mail.startswith("smtp://"):
        raise SettingsError(f"MERCATO_MAIL is {settings.mail!r}: it is `folder` or `smtp://HOST:PORT`")
    if settings.access_log not in ("file", "off"):
        raise SettingsError(f"MERCATO_ACCESS_LOG is {settings.access_log!r}: it is `file` or `off`")
    if settings.log not in ("file", "stderr"):
        raise SettingsError(f"MERCATO_LOG is {settings.log!r}: it is `file` or `stderr`")
    if settings.acceptor not in ("auto", "on", "off"):
        raise SettingsError(f"MERCATO_ACCEPTOR is {settings.acceptor!r}: it is `auto`, `on` or `off`")
    if settings.log_megabytes < 1 or settings.log_files < LEAST_FILES:
        raise SettingsError(
            f"MERCATO_LOG_MEGABYTES is {settings.log_megabytes} and MERCATO_LOG_FILES {settings.log_files}: it takes "
            f"1 or more, and {LEAST_FILES} or more"
        )
    try:
        trusted_proxy(settings.trusted_proxy)
    except ValueError as error:
        raise SettingsError(f"MERCATO_TRUSTED_PROXY is {settings.trusted_proxy!r}: {error}") from None
    return settings


def _by_service(environment: Mapping[str, str], names: re.Pattern[str]) -> dict[str, str]:
    """What variables with such names say, by the service that each names."""
    found = ((names.fullmatch(name), value) for name, value in environment.items())
    return {match[1].lower(): value for match, value in found if match is not None and value}


def _address(name: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise SettingsError(f"{name} has {text!r}: an address is HOST:PORT")
    return host, int(port)


def _converted(name: str, text: str, kind: type) -> object:
    if kind is Path:
        return Path(text)
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(f"{name} is {text!r}: it must be {kind.__name__}, as in {name}=8000") from None
