"""Disks that are full, files that cannot be written or are damaged: real errors of the kernel, met by a real process.

Whatever happens, writes are refused with 503 and a reason, reads go on, nothing is half done, and all is normal again
when the cause is gone (F17).
"""

import contextlib
import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, server
from tests.journeys.shoppers import Shopper
from tests.journeys.town import ADDRESS

Full = Callable[[Server], contextlib.AbstractContextManager[None]]
SEED = Seed(products=6, users=4)
REFUSED = (503, "unavailable", "1")
SIZE = "64m"


@contextlib.contextmanager
def no_room(made: Server) -> Iterator[None]:
    """Not one byte is left on the disk of the data folder (ENOSPC)."""
    filler = made.data / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(65_536)):
            pass
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"0"):
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def no_growth(made: Server, size: int = 4_096) -> Iterator[None]:
    """No file of the server can be written beyond `size` (EFBIG), as long as the process lives."""
    pid = made.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def mounted(*arguments: str) -> Iterator[None]:
    """Something mounted for a while; the test is skipped where that is not permitted."""
    done = subprocess.run(["mount", *arguments], capture_output=True, check=False)  # noqa: S603, S607
    if done.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", arguments[-1]], check=True)  # noqa: S603, S607


@pytest.fixture(params=[no_room, no_growth])
def full(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Full]:
    """A way to fill the disk that lies at `tmp_path`."""
    small = mounted("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(tmp_path))
    with small if request.param is no_room else contextlib.nullcontext():
        yield request.param


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[tuple[Server, Seeded]]:
    with server(SEED, parent=folder) as (made, seeded):
        made.start()
        yield made, seeded


def test_a_full_disk_refuses_writes_and_nothing_else(full: Full, tmp_path: Path) -> None:
    with opened(tmp_path) as (made, seeded):
        ann, bob = Shopper(made, seeded.tokens[0]), Shopper(made, seeded.tokens[1])
        bought = [ann.buy(seeded.variants[0])]
        wanted = {"variant_id": seeded.variants[1], "quantity": 1}
        cart = ann.send("POST", "/v1/cart/add", wanted).json()
        quoted = ann.send("POST", "/v1/cart/quote", {"destination": ADDRESS}).json()
        order = {"quote": quoted["signed"]}
        with full(made):
            for _ in range(3):
                assert bob.send("POST", "/v1/cart/add", wanted, "bobs").refused == REFUSED
                assert ann.send("POST", "/v1/orders", order, "anns").refused == REFUSED
                assert ann.send("GET", "/v1/cart").json() == cart
                assert ann.send("GET", f"/v1/products/{seeded.products[0]}").status == 200
                assert [one["id"] for one in ann.send("GET", "/v1/orders").json()["items"]] == bought
            assert ann.send("GET", "/healthz").status == 200
        assert ann.insist("POST", "/v1/orders", order, "anns").status == 201
        assert bob.insist("POST", "/v1/cart/add", wanted, "bobs").json()["subtotal"] == cart["subtotal"]
        assert bob.send("POST", "/v1/cart/add", wanted, "bobs").json()["lines"][0]["quantity"] == 1
        bought.append(bob.buy(seeded.variants[2]))
        assert made.verify().lines == ()
        made.stop()


def test_a_payment_that_meets_a_full_disk_charges_once(full: Full, tmp_path: Path) -> None:
    with opened(tmp_path) as (made, seeded):
        ann = Shopper(made, seeded.tokens[0])
        ann.buy(seeded.variants[0])
        ann.send("POST", "/v1/cart/add", {"variant_id": seeded.variants[1], "quantity": 1})
        quoted = ann.send("POST", "/v1/cart/quote", {"destination": ADDRESS}).json()
        order = ann.send("POST", "/v1/orders", {"quote": quoted["signed"]}, "order").json()
        body = {"order_id": order["id"], "source": "approve"}
        with full(made):
            assert ann.send("POST", "/v1/payments/pay", body, "pay").refused == REFUSED
            assert ann.send("GET", f"/v1/payments?order_id={order['id']}").json() == []
        paid = ann.insist("POST", "/v1/payments/pay", body, "pay")
        assert (paid.status, paid.json()["order"]["status"]) == (201, "paid")
        assert made.verify().lines == ()
        made.stop()
        charges = (made.data / "test_gateway.jsonl").read_bytes()
        assert charges.count(order["id"].encode()) <= charges.count(b"\n") == 2


def test_a_full_disk_stops_a_start_with_a_sentence(tmp_path: Path) -> None:
    with mounted("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(tmp_path)), opened(tmp_path) as (made, seeded):
        made.stop()
        for file in made.data.glob("*.db-*"):
            file.unlink()
        with no_room(made):
            done = made.run("run", "--port", str(made.port), seconds=60)
        assert (done.returncode, done.stdout) == (1, "")
        (sentence,) = done.stderr.splitlines()
        assert sentence.startswith("mercato: ")
        assert str(made.data) in sentence
        made.start()
        Shopper(made, seeded.tokens[0]).buy(seeded.variants[0])
        assert made.verify().lines == ()


def test_logs_that_cannot_be_written_are_dropped_and_orders_are_not(tmp_path: Path) -> None:
    with server(SEED, {"MERCATO_LOG_MEGABYTES": "10000"}, parent=tmp_path) as (made, seeded):
        large = 1 << 30
        for name in ("access.log", "mercato.log"):
            (made.data / name).touch()
            os.truncate(made.data / name, large)  # a hole: it takes no room
        made.start()
        with no_growth(made, large):
            bought = Shopper(made, seeded.tokens[0]).buy(seeded.variants[0])
            assert made.verify().lines == ()
            made.stop()  # raises where it does not end well
        assert (made.data / "access.log").stat().st_size == large
        made.start()
        ann = Shopper(made, seeded.tokens[0])
        assert ann.send("GET", f"/v1/orders/{bought}").json()["status"] == "paid"
        made.stop()
        with (made.data / "access.log").open("rb") as log:
            log.seek(large)
            lines = log.read(1 << 20)
        assert b'"route":"/v1/orders/{order_id}"' in lines
        assert b'"method":"POST"' not in lines


def test_a_file_that_cannot_be_written_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with opened(tmp_path) as (made, seeded):
        made.stop()
        file = made.data / "orders.db"
        with read_only(file):
            done = made.run("run", "--port", str(made.port), seconds=60)
        assert (done.returncode, done.stdout) == (1, "")
        (sentence,) = done.stderr.splitlines()
        assert sentence.startswith(f"mercato: {file}: attempt to write a readonly database")
        assert "check the disk and the file's rights" in sentence
        made.start()
        Shopper(made, seeded.tokens[0]).buy(seeded.variants[0])
        assert made.verify().lines == ()


def test_a_damaged_page_stops_only_what_needs_it_and_verify_names_its_file(tmp_path: Path) -> None:
    with opened(tmp_path) as (made, seeded):
        ann = Shopper(made, seeded.tokens[0])
        bought = ann.buy(seeded.variants[0])
        ann.send("POST", "/v1/cart/add", {"variant_id": seeded.variants[1], "quantity": 1})
        made.stop()
        with damaged(made.data / "carts.db", "documents"):
            made.start()
            for _ in range(2):
                answer = ann.send("GET", "/v1/cart")
                assert answer.refused == REFUSED
                assert answer.headers["content-type"] == "application/problem+json"
                adding = ann.send("POST", "/v1/cart/add", {"variant_id": seeded.variants[1], "quantity": 1})
                assert adding.refused == REFUSED
                assert ann.send("GET", f"/v1/orders/{bought}").json()["status"] == "paid"
                assert ann.send("GET", f"/v1/products/{seeded.products[0]}").status == 200
            (line, *_) = made.verify().lines
            assert line.startswith(f"file {made.data / 'carts.db'}: ")
        assert ann.insist("GET", "/v1/cart").json()["lines"][0]["quantity"] == 1
        ann.buy(seeded.variants[1])
        assert made.verify().lines == ()


@contextlib.contextmanager
def damaged(file: Path, table: str) -> Iterator[None]:
    """The first page of a table overwritten with garbage, for a while."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        (place,) = connection.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()
        (size,) = connection.execute("pragma page_size").fetchone()
    with file.open("r+b", buffering=0) as raw:
        raw.seek((place - 1) * size)
        before = raw.read(size)
        raw.seek((place - 1) * size)
        raw.write(b"\xff" * size)
    try:
        yield
    finally:
        with file.open("r+b", buffering=0) as raw:
            raw.seek((place - 1) * size)
            raw.write(before)


@contextlib.contextmanager
def read_only(file: Path) -> Iterator[None]:
    """A file that this user cannot write; for root, whom rights do not stop, by a mount of its own."""
    if os.geteuid():
        file.chmod(0o400)
        try:
            yield
        finally:
            file.chmod(0o600)
        return
    with mounted("--bind", str(file), str(file)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(file)], check=True)  # noqa: S603, S607
        yield
