"""Where the settings say that documents are, and what a wrong setting is told."""

import sys
from pathlib import Path

import pytest

from mercato.runtime.documents.opening import documents_address, open_documents, require_documents
from mercato.runtime.documents.urls import Address
from mercato.runtime.settings import Settings, SettingsError, read_settings

SERVER = "postgresql://mercato@127.0.0.1:1/shop"


def settings(**given: object) -> Settings:
    return Settings(data=Path(), database=SERVER, **given)  # type: ignore[arg-type]


def test_without_a_setting_documents_are_in_the_database() -> None:
    assert open_documents(settings(), "carts") is None


def test_the_common_setting_is_completed_by_the_service() -> None:
    found = read_settings({"MERCATO_DATABASE": SERVER, "MERCATO_DOCUMENTS": "mongodb://ann:word@one:1,two:2/shop"})
    address = documents_address(found, "carts")
    assert address is not None
    assert (address.database, address.shown) == ("shop_carts", "mongodb://ann@one:1,two:2/shop_carts")
    store = open_documents(found, "carts")
    assert store is not None
    assert store.shown == address.shown
    store.close()


def test_the_setting_of_one_service_is_taken_as_it_is() -> None:
    found = read_settings({"MERCATO_CARTS_DATABASE": SERVER, "MERCATO_CARTS_DOCUMENTS": "mongodb://one/baskets"})
    assert documents_address(found, "carts") == Address("mongodb://one/baskets", "baskets")
    assert documents_address(found, "catalog") is None


@pytest.mark.parametrize(
    "url",
    [
        "mongo://h/x",
        "mongodb://",
        "mongodb://h:1",
        "mongodb://h:port/x",
        "mongodb://u:secret@h:1/x/y",
        "mongodb://:1/x",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="MERCATO_DOCUMENTS cannot be used: it is mongodb://") as caught:
        open_documents(settings(documents=url), "carts")
    assert "secret" not in str(caught.value)


def test_documents_apart_from_a_file_are_refused() -> None:
    found = Settings(data=Path(), document_stores={"carts": "mongodb://h:1/x"})
    with pytest.raises(SettingsError, match="MERCATO_CARTS_DOCUMENTS puts the documents of carts on MongoDB, but all"):
        require_documents(found, ["carts"])
    require_documents(found, ["carts"], here={"orders"})  # of no concern there


def test_a_setting_for_a_service_without_documents_is_refused() -> None:
    with pytest.raises(SettingsError, match="MERCATO_ORDERS_DOCUMENTS is set, and orders has no documents"):
        require_documents(settings(document_stores={"orders": "mongodb://h:1/x"}), ["carts"])


def test_a_missing_driver_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mercato.runtime.documents.mongo", raising=False)
    monkeypatch.setitem(sys.modules, "pymongo", None)
    with pytest.raises(SettingsError, match=r"whose driver is not installed .*mercato\[servers\]"):
        open_documents(settings(documents="mongodb://h:1/x"), "carts")
