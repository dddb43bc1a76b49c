"""Which processes there are, where they listen, and what is said of counts that make no sense."""

from pathlib import Path

import pytest

from mercato.apps.services import service_names
from mercato.apps.supervisor.plan import peers_of, plan, read_counts
from mercato.runtime.settings import Settings, SettingsError

SETTINGS = Settings(data=Path("data"), port=8123)


def test_every_service_and_the_storefront_have_a_process() -> None:
    planned = plan(SETTINGS, read_counts("orders=2"))
    names = [process.name for process in planned]
    assert names == [
        *(f"{name}-{n}" for name in service_names() for n in ((1, 2) if name == "orders" else (1,))),
        "storefront-1",
    ]
    assert planned[-1].port == 8123
    ports = [port for process in planned for port in (process.port, process.door) if port]
    assert len(set(ports)) == len(ports) == 2 * len(planned) - 1  # nobody sends messages to a storefront


def test_peers_are_the_doors_of_each_service() -> None:
    planned = plan(SETTINGS, read_counts("orders=2"))
    peers = dict(word.split("=") for word in peers_of(planned).split())
    assert set(peers) == set(service_names())
    assert peers["orders"].split(",") == [f"127.0.0.1:{each.door}" for each in planned if each.serves == "orders"]


def test_a_process_has_a_folder_and_words_of_its_own() -> None:
    orders = next(process for process in plan(SETTINGS, read_counts("")) if process.serves == "orders")
    words = orders.words(Path("data"))
    assert words[:4] == ["serve", "orders", "--data", "data/orders-1"]
    assert words[-2:] == ["--listen", f"127.0.0.1:{orders.door}"]


@pytest.mark.parametrize("text", ["order=2", "orders", "orders=0", "orders=-1", "orders=100", "orders=two"])
def test_a_count_that_makes_no_sense_is_told(text: str) -> None:
    with pytest.raises(SettingsError, match="NAME=COUNT"):
        read_counts(text)
