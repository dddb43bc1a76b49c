"""Which cache the settings name, and what a wrong setting is told."""

import sys
from pathlib import Path

import pytest

from mercato.runtime.cache.local import LocalCache
from mercato.runtime.cache.opening import open_cache
from mercato.runtime.settings import Settings, SettingsError, read_settings
from mercato.values.clock import ManualClock
from tests.runtime.cache.processes import parts_of


async def test_without_a_setting_each_process_has_its_own() -> None:
    cache = open_cache(Settings(data=Path()), parts_of(ManualClock()))
    assert isinstance(cache, LocalCache)
    assert not cache.shared


async def test_the_setting_names_redis() -> None:
    settings = read_settings({"MERCATO_CACHE": "redis://:word@127.0.0.1:1/3"})
    cache = open_cache(settings, parts_of(ManualClock()))
    assert (cache.shared, cache.up) == (True, False)
    await cache.close()


@pytest.mark.parametrize(
    "url", ["memcached://x:1", "redis://", "redis://:secret@host:port/0", "redis://:secret@h:1/x", "redis://h:1/0?a=b"]
)
async def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="MERCATO_CACHE cannot be used: it is redis://") as caught:
        open_cache(Settings(data=Path(), cache=url), parts_of(ManualClock()))
    assert "secret" not in str(caught.value)


async def test_a_missing_client_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mercato.runtime.cache.redis", raising=False)
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(SettingsError, match=r"whose client is not installed .*mercato\[servers\]"):
        open_cache(Settings(data=Path(), cache="redis://127.0.0.1:1/0"), parts_of(ManualClock()))
