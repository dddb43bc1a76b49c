"""Which store of media an installation has, by its settings."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from mercato.runtime.media.folder import FolderMedia
from mercato.runtime.media.signing import Place
from mercato.runtime.media.store import MediaStore
from mercato.runtime.parts import Parts
from mercato.runtime.settings import Settings, SettingsError

if TYPE_CHECKING:
    from mercato.runtime.media.s3 import S3Media

FOLDER = "folder:"
FORM = (
    "it is empty or folder:PATH for a folder, or s3://KEY:SECRET@HOST:PORT/BUCKET, with ?region=NAME and &tls=0 or "
    "&tls=1 behind it"
)

_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_OPTIONS = frozenset({"region", "tls"})


def open_media(settings: Settings, parts: Parts) -> MediaStore:
    """The store of media of this installation. Nobody is asked yet whether it works."""
    public = public_origin(settings.media_url)
    if not settings.media or settings.media.startswith(FOLDER):
        named = settings.media.removeprefix(FOLDER)
        return FolderMedia(Path(named) if named else settings.data / "media", parts, settings.url, public)
    return _s3(place_of(settings.media), parts, public)


def _s3(place: Place, parts: Parts, public: str) -> "S3Media":
    from mercato.runtime.media.s3 import S3Media

    return S3Media(place, parts.clock, public)


def place_of(url: str) -> Place:
    """The bucket that MERCATO_MEDIA names. What it says is not repeated: it has a secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise SettingsError(f"MERCATO_MEDIA cannot be read: {FORM}") from None
    bucket = parts.path.strip("/")
    missing = [
        name
        for name, value in (("host", host), ("key", parts.username), ("secret", parts.password), ("bucket", bucket))
        if not value
    ]
    if parts.scheme != "s3" or missing or "/" in bucket:
        wrong = f"has no {missing[0]}" if parts.scheme == "s3" and missing else "has another form"
        raise SettingsError(f"MERCATO_MEDIA {wrong}: {FORM}")
    if unknown := options.keys() - _OPTIONS:
        raise SettingsError(f"MERCATO_MEDIA has the unknown option {min(unknown)}: {FORM}")
    tls = options.get("tls", "0" if host in _OWN_MACHINE else "1")
    if tls not in ("0", "1"):
        raise SettingsError(f"MERCATO_MEDIA has tls={tls}: {FORM}")
    named = f"[{host}]" if ":" in host else host
    usual = 443 if tls == "1" else 80
    return Place(
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        named if port in (None, usual) else f"{named}:{port}",
        bucket,
        options.get("region", "us-east-1"),
        tls == "1",
    )


def public_origin(url: str) -> str:
    """MERCATO_MEDIA_URL without a slash at its end."""
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise SettingsError(
            f"MERCATO_MEDIA_URL is {url!r}: it is the address of a host of its own, as in https://media.example.com"
        )
    return url.rstrip("/")
