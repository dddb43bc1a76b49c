"""Settings of an installation, read from `MERCATO_...` environment variables and the command line, once."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

LEAST_FILES = 2  # of a log: the one that is written, and one before it


class Settings(msgspec.Struct, frozen=True):
    """`data` holds everything that must be kept. `mail` is `folder` (mails as .eml files) or smtp://user:pass@host:port.

    `media` is "" for a folder or s3://KEY:SECRET@HOST:PORT/BUCKET, `media_url` the address of the host that media are
    served from, "" for the shop's own. `public_url` is the address that links in mails begin with, "" for the one that
    this process listens on. `rate_limits` multiplies all limits; 0 switches them off. `acceptor`: connections are held
    by a process of their own (`on`), by the shop's (`off`), or by their own where there are two processors (`auto`).
    Each log has at most `log_files` files (two at least) of `log_megabytes`.
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

    @property
    def url(self) -> str:
        """Where this installation is reached."""
        return self.public_url or f"http://{self.host}:{self.port}"

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
        if name in environment:
            values[field.name] = _converted(name, environment[name], field.type)
    values.update({name: value for name, value in given.items() if value is not None})
    settings = Settings(**values)  # type: ignore[arg-type]
    if settings.mail != "folder" and not settings.mail.startswith("smtp://"):
        raise SettingsError(f"MERCATO_MAIL is {settings.mail!r}: it is `folder` or `smtp://HOST:PORT`")
    if settings.access_log not in ("file", "off"):
        raise SettingsError(f"MERCATO_ACCESS_LOG is {settings.access_log!r}: it is `file` or `off`")
    if settings.acceptor not in ("auto", "on", "off"):
        raise SettingsError(f"MERCATO_ACCEPTOR is {settings.acceptor!r}: it is `auto`, `on` or `off`")
    if settings.log_megabytes < 1 or settings.log_files < LEAST_FILES:
        raise SettingsError(
            f"MERCATO_LOG_MEGABYTES is {settings.log_megabytes} and MERCATO_LOG_FILES {settings.log_files}: it takes "
            f"1 or more, and {LEAST_FILES} or more"
        )
    return settings


def _converted(name: str, text: str, kind: type) -> object:
    if kind is Path:
        return Path(text)
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(f"{name} is {text!r}: it must be {kind.__name__}, as in {name}=8000") from None
