"""Which cache there is: this process's memory, or what the settings name."""

from urllib.parse import urlsplit

from mercato.runtime.cache.around import Around
from mercato.runtime.cache.engine import Cache
from mercato.runtime.cache.local import LocalCache
from mercato.runtime.settings import Settings, SettingsError

FORM = "redis://[:PASSWORD@]HOST:PORT/DB"


def open_cache(settings: Settings, around: Around) -> Cache:
    """A server is reached when the cache is started. Raises SettingsError for a URL that cannot be used."""
    if not settings.cache:
        return LocalCache(around.clock, around.ids)
    _refuse_unusable(settings.cache)
    try:
        from mercato.runtime.cache.redis import RedisCache
    except ImportError as error:
        raise SettingsError(
            f"MERCATO_CACHE names Redis, whose client is not installed ({error.name}): install Mercato with its "
            "servers, `pip install mercato[servers]`, or in a checkout `./mercato setup --servers`"
        ) from None
    return RedisCache(settings.cache, around)


def _refuse_unusable(url: str) -> None:
    """The sentence does not repeat the URL, which may have a password in it."""
    try:
        at = urlsplit(url)
        usable = at.scheme == "redis" and at.hostname and (at.port is None or at.port)
    except ValueError:
        usable = False
    if not usable or not (at.path in ("", "/") or at.path[1:].isdecimal()) or at.query:
        raise SettingsError(f"MERCATO_CACHE cannot be used: it is {FORM}, or nothing")
