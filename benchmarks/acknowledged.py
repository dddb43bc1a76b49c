"""What the server has acknowledged, compared with what it kept: row by row, outside of the server and its code.

The databases are read as files, and the gateway's own file as the witness that knows nothing of them.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

# Rows of a question to the database of a service.
Ask = Callable[[str, str], Iterable[tuple[Any, ...]]]


class Compared(msgspec.Struct, frozen=True):
    """How many acknowledged orders and payments and how many charges there are, and a sentence for each difference."""

    orders: int
    payments: int
    charges: int
    differences: list[str]


class Said(msgspec.Struct):
    """The client's log: the order that each key was answered with, and the orders that it saw paid."""

    orders: dict[str, str] = {}
    paid: Counter[str] = msgspec.field(default_factory=Counter)
    twice: list[str] = []


class Charge(msgspec.Struct):
    """A line of the gateway's file, as far as it is needed. A later line of a key replaces the earlier."""

    key: str
    amount: dict[str, Any]
    result: str
    refunds: dict[str, int] = {}


class Kept(msgspec.Struct):
    """What is in the databases and in the gateway's file."""

    orders: dict[str, tuple[str, int, int]]  # stage, total, captured
    keys: dict[str, tuple[str | None, int | None]]  # the order and the status of an idempotency key
    payments: dict[str, tuple[str, str, int]]  # order, state, amount
    charges: dict[str, Charge]


def lost(log: Path, data: Path) -> list[str]:
    """What the client was told and the databases do not say, also while the server runs: a sentence for each."""
    said = _said(log)  # first, so that all of it must be found
    return [*said.twice, *_lost(said, _kept(data))]


def compare(log: Path, data: Path) -> Compared:
    """`log` is the load client's, `data` the folder of a server that has been stopped."""
    return _compare(_said(log), _kept(data))


def compare_on_server(log: Path, ask: Ask, gateways: Iterable[Path]) -> Compared:
    """The same where databases are on a server: `ask` asks the one of a service, `gateways` are the gateway's files."""
    return _compare(_said(log), _kept_of(ask, gateways))


def _compare(said: Said, kept: Kept) -> Compared:
    differences = [*said.twice, *_lost(said, kept), *_doubled(kept), *_charges(kept)]
    return Compared(len(said.orders), len(said.paid), len(kept.charges), differences)


def _said(log: Path) -> Said:
    said = Said()
    for line in log.read_text().splitlines() if log.exists() else ():
        words = line.split(" ")
        if words[0] == "paid":
            said.paid[words[1]] += 1
            continue
        _, order_id, key, _ = words
        if said.orders.setdefault(key, order_id) != order_id:
            said.twice.append(f"key {key} was answered with {said.orders[key]} and with {order_id}")
    return said


def _kept(data: Path) -> Kept:
    return _kept_of(lambda service, question: _rows(data / f"{service}.db", question), (data / "test_gateway.jsonl",))


def _kept_of(ask: Ask, gateways: Iterable[Path]) -> Kept:
    orders = {row[0]: row[1:] for row in ask("orders", "select id, stage, total, captured from orders")}
    keys = {row[0]: row[1:] for row in ask("orders", "select client_key, subject, status from idempotency")}
    payments = {row[0]: row[1:] for row in ask("payments", "select id, order_id, state, amount from payments")}
    charges = {}
    for line in (line for file in gateways for line in file.read_bytes().splitlines()):
        try:
            charge = msgspec.json.decode(line, type=Charge)
        except msgspec.DecodeError:
            continue  # the line that a killed process was writing: nobody was told of it
        charges[charge.key] = charge
    return Kept(orders, keys, payments, charges)


def _lost(said: Said, kept: Kept) -> Iterator[str]:
    for key, order_id in said.orders.items():
        if order_id not in kept.orders:
            yield f"{order_id} was acknowledged and does not exist"
        if kept.keys.get(key) != (order_id, 201):
            yield f"{order_id} was acknowledged for key {key}, which is kept as {kept.keys.get(key)}"
    captured = _captured(kept)
    for order_id in said.paid:
        stage, total, taken = kept.orders.get(order_id, ("missing", 0, 0))
        if (stage, taken) != ("paid", total) or captured[order_id] != [total]:
            text = f"it is {stage} with {taken} of {total}, its captured payments are {captured[order_id]}"
            yield f"{order_id} was acknowledged as paid: {text}"


def _doubled(kept: Kept) -> Iterator[str]:
    by_order = Counter(order_id for order_id, _ in kept.keys.values())
    for order_id in kept.orders:
        if by_order[order_id] != 1:
            yield f"{order_id} has {by_order[order_id]} idempotency keys"
    for order_id, amounts in _captured(kept).items():
        if len(amounts) > 1:
            yield f"{order_id} has {len(amounts)} captured payments"


def _captured(kept: Kept) -> dict[str, list[int]]:
    """The amounts of captured payments by order."""
    captured: dict[str, list[int]] = defaultdict(list)
    for order_id, state, amount in kept.payments.values():
        if state == "captured":
            captured[order_id].append(amount)
    return captured


def _charges(kept: Kept) -> Iterator[str]:
    """Each captured charge is a captured payment of the same amount and the other way round, one for an order."""
    charged: Counter[str] = Counter()
    for key, charge in kept.charges.items():
        if charge.result != "captured":
            continue
        order_id, state, amount = kept.payments.get(key, ("", "missing", 0))
        charged[order_id] += 1
        if state != "captured" or amount != charge.amount.get("amount"):
            yield f"the gateway has charged {charge.amount} for {key}, whose payment is {state} with {amount}"
    for order_id, times in charged.items():
        if order_id and times > 1:
            yield f"{order_id} was charged {times} times"
    for key, (_, state, _) in kept.payments.items():
        if state == "captured" and (key not in kept.charges or kept.charges[key].result != "captured"):
            yield f"payment {key} is captured, and the gateway does not know of it"


def _rows(path: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()
