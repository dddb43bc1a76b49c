"""What `mercato doctor` says about documents on a server of their own."""

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import pytest
from msgspec.structs import replace

from mercato.apps.commands import doctor
from mercato.apps.doctor.documents import judge
from mercato.apps.doctor.results import FAIL, OK, WARN
from mercato.runtime.settings import Settings
from mercato.values.clock import SystemClock
from tools.engines import Engine


@pytest.mark.parametrize(
    ("version", "members", "latency", "expected"),
    [
        ("7.0.12", 3, 1.0, [OK, OK, OK]),
        ("4.2.1", 3, 1.0, [FAIL, OK, OK]),
        ("7.0.12", 0, 1.0, [OK, WARN, OK]),
        ("7.0.12", 2, 1.0, [OK, WARN, OK]),
        ("8.0.0", 5, 25.0, [OK, OK, WARN]),
    ],
)
def test_each_thing_is_judged_by_itself(version: str, members: int, latency: float, expected: list[str]) -> None:
    results = list(judge("documents carts", version, members, latency))
    assert [each.status for each in results] == expected
    assert all(each.advice for each in results if each.status != OK)


@pytest.mark.server
def test_the_server_of_documents_is_asked(tmp_path: Path, engine: Callable[[str], Engine]) -> None:
    mongo = engine("mongo")
    url = f"{mongo.url.rpartition('/')[0]}/doctor_{token_hex(4)}"
    settings = Settings(data=tmp_path, database="postgresql://mercato@127.0.0.1:1/shop", documents=url)
    found = {
        (each.status, each.text)
        for each in doctor.examine(settings, SystemClock(), {})
        if each.what == "documents carts"
    }
    assert (OK, "MongoDB 5.0.0, a document can be written and removed") in found
    assert (WARN, "it is a single server") in found


def test_a_server_of_documents_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path,
        database="postgresql://mercato@127.0.0.1:1/shop",
        document_stores={"carts": "mongodb://mercato:secret-word@127.0.0.1:1/carts"},
    )
    (found,) = [each for each in doctor.examine(settings, SystemClock(), {}) if each.what == "documents carts"]
    assert (found.status, found.advice) == (
        FAIL,
        "see that MongoDB runs there and lets this login read and write, or correct MERCATO_DOCUMENTS",
    )
    assert "127.0.0.1:1" in found.text
    assert "secret-word" not in found.text
    clean = replace(settings, document_stores={})
    assert not [each for each in doctor.examine(clean, SystemClock(), {}) if each.what.startswith("documents")]
