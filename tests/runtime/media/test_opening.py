"""The settings of media: what they mean, and what is told of those that cannot be used."""

import asyncio
from pathlib import Path

import pytest

from mercato.apps.shop import make_parts
from mercato.runtime.media.folder import FolderMedia
from mercato.runtime.media.opening import open_media, place_of, public_origin
from mercato.runtime.media.s3 import S3Media
from mercato.runtime.media.signing import Place
from mercato.runtime.settings import Settings, SettingsError, read_settings


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://k:s@127.0.0.1:7070/b", Place("k", "s", "127.0.0.1:7070", "b", tls=False)),
        ("s3://k:s@localhost/b?tls=1", Place("k", "s", "localhost", "b")),
        ("s3://k:s@s3.example/b/?region=eu-central-1", Place("k", "s", "s3.example", "b", "eu-central-1")),
        ("s3://k%2F:s%40%3A@s3.example:443/b", Place("k/", "s@:", "s3.example", "b")),
        ("s3://k:s@minio:9000/b?tls=0", Place("k", "s", "minio:9000", "b", tls=False)),
        ("s3://k:s@[::1]:9000/b", Place("k", "s", "[::1]:9000", "b", tls=False)),
    ],
)
def test_a_bucket_is_named_by_an_address(url: str, place: Place) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("folder", "has another form"),
        ("https://k:hidden@host/b", "has another form"),
        ("s3://k:hidden@host/b/c", "has another form"),
        ("s3://k:hidden@host", "has no bucket"),
        ("s3://k@host/b", "has no secret"),
        ("s3://host/b", "has no key"),
        ("s3://k:hidden@/b", "has no host"),
        ("s3://k:hidden@host:port/b", "cannot be read"),
        ("s3://k:hidden@host/b?tsl=1", "has the unknown option tsl"),
        ("s3://k:hidden@host/b?tls=yes", "has tls=yes"),
        ("s3://k:hidden@host/b?tls", "cannot be read"),
    ],
)
def test_what_names_no_bucket_is_told_without_its_secret(url: str, wrong: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"MERCATO_MEDIA {wrong}: it is empty or folder:PATH for a folder, or s3://"
    ) as raised:
        place_of(url)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize("url", ["media.example", "ftp://media.example", "https://", "https://u@media.example/", "//x"])
def test_an_origin_that_is_none_is_told(url: str) -> None:
    with pytest.raises(SettingsError, match=r"MERCATO_MEDIA_URL is .*: it is the address of a host of its own"):
        public_origin(url)


async def test_the_settings_choose_the_engine(tmp_path: Path) -> None:
    given = {"MERCATO_DATA": str(tmp_path), "MERCATO_ACCESS_LOG": "off"}
    settings = read_settings({**given, "MERCATO_MEDIA_URL": "https://media.example/"})
    parts = make_parts(settings, asyncio.get_running_loop())
    folder = open_media(settings, parts)
    assert isinstance(folder, FolderMedia)
    assert folder.url_of("sto_a/b.webp") == "https://media.example/media/sto_a/b.webp"
    bucket = open_media(
        read_settings(
            {**given, "MERCATO_MEDIA": "s3://k:s@s3.example/b", "MERCATO_MEDIA_URL": "https://cdn.example/x"}
        ),
        parts,
    )
    assert isinstance(bucket, S3Media)
    assert bucket.url_of("sto_a/b.webp") == "https://cdn.example/x/sto_a/b.webp"
    assert isinstance(open_media(Settings(data=tmp_path), parts), FolderMedia)
    parts.pools.close()
    parts.telemetry.close()
