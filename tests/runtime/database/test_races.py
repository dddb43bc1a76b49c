"""Two processes of a service change the same money or stock at the same moment, in every order that there is."""

import importlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mercato.contracts.inventory import AdjustStock, NotEnoughStock, StockReserved
from mercato.contracts.orders import (
    CancelOrder,
    CartAlreadyOrdered,
    Order,
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
    PaymentDue,
    PlaceOrder,
    RefundDue,
)
from mercato.contracts.payments import PaymentAnswer, PaymentCaptured, PaymentInProgress, PayOrder
from mercato.contracts.pricing import Quote
from mercato.runtime.access.sealed import seal
from mercato.runtime.parts import Parts
from mercato.runtime.service import Service
from mercato.runtime.settings import Settings
from mercato.runtime.setup import Setup
from mercato.services.orders.messages import ExpireOrder
from mercato.services.payments.domain import GatewayOutcome
from mercato.services.payments.messages import RecordOutcome
from mercato.values.commerce import Address, OrderedLine
from mercato.values.ids import (
    BuyerId,
    CartId,
    OrderId,
    PaymentId,
    ProductId,
    StoreId,
    VariantId,
)
from mercato.values.messages import BUYER, USER, Caller, Conflict
from mercato.values.money import Money
from tests.runtime.ground import Ground
from tests.runtime.processes import Choices, Process, Processes, Work, every_meeting, meet

STORE = "sto_one"
ANN = Caller(store=STORE, buyer="usr_ann", roles=BUYER | USER, request="req_ann")
SYSTEM = Caller.system(STORE, "test")
PRICE = Money(1_000, "EUR")
HERE = Address("Ann Buyer", "Market Street 1", "Leipzig", "DE")


class Pair:
    """Two processes of a service that is what they are tested with."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.both: tuple[Process, Process] = (processes.start(), processes.start())
        self._count = 0

    @property
    def one(self) -> Process:
        return self.both[0]

    def new(self, prefix: str) -> str:
        """An id that no earlier meeting has."""
        self._count += 1
        return f"{prefix}_{self._count}"

    async def first(self, *work: Work, caller: Caller = SYSTEM) -> list[Any]:
        """What is done before both meet."""
        return await self.one.does(*work, caller=caller)

    async def meet(
        self, one: Work, two: Work, choices: Choices, callers: Sequence[Caller] = (SYSTEM, SYSTEM)
    ) -> tuple[Any, Any, Any]:
        """The outcomes of both, and what was chosen."""
        (mine, theirs), taken = await meet(self.both, ((one,), (two,)), callers, choices)
        for process in self.both:
            assert "event_parked" not in process.log.getvalue(), process.log.getvalue()
            assert "batch_failed" not in process.log.getvalue(), process.log.getvalue()
        return mine[0], theirs[0], taken

    def row(self, table: str, columns: str, where: str) -> Any:
        rows = self.rows(table, columns, where)
        assert len(rows) == 1, rows
        return rows[0]

    def rows(self, table: str, columns: str, where: str) -> list[tuple[Any, ...]]:
        name = self.one.executor.name
        return self.processes.ground.rows(name, f"SELECT {columns} FROM {table} WHERE {where}")  # noqa: S608 - our own

    def told(self, aggregate: str) -> list[str]:
        """The types of events about an aggregate, in order; its versions count up without a gap."""
        rows = self.rows("outbox", "type, aggregate_version", f"aggregate = '{aggregate}' ORDER BY number")
        return [kind for kind, _ in rows]


Make = Callable[[str], Pair]


@pytest.fixture
async def pair_of(shared_ground: Ground, tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Processes] = []

    def make(name: str) -> Pair:
        def service(parts: Parts) -> Service:
            module = importlib.import_module(f"mercato.services.{name}.service")
            made_service: Service = module.service(Setup(Settings(data=tmp_path), parts))
            return made_service

        made.append(Processes(shared_ground, service))
        return Pair(made[-1])

    yield make
    for processes in made:
        await processes.close()


def _lines(variant_id: str, quantity: int = 1) -> tuple[OrderedLine, ...]:
    total = 1_000 * quantity
    return (OrderedLine(VariantId(variant_id), ProductId("p"), "", "Hat", "", "", quantity, 1_000, 0, 0, total),)


def _placed(order_id: str, variant_id: str, quantity: int = 1) -> OrderPlaced:
    lines = _lines(variant_id, quantity)
    return OrderPlaced(OrderId(order_id), BuyerId(ANN.buyer), CartId("cart"), 1, "EUR", lines, PRICE, 10**15)


def _cancelled(order_id: str, variant_id: str = "v") -> OrderCancelled:
    return OrderCancelled(OrderId(order_id), BuyerId(ANN.buyer), CartId("cart"), "expired", _lines(variant_id))


# Stock.


def _is_explained(pair: Pair, variant_id: str) -> tuple[int, int, int]:
    """Pieces available, reserved and sold, of which each is explained (I1, I2)."""
    figures = "available, reserved, sold, received, returned, written_off"
    row = pair.row("stock", figures, f"variant_id = '{variant_id}'")
    available, reserved, sold, received, returned, written_off = row
    assert received + returned == available + reserved + sold + written_off
    assert min(row) >= 0
    held = pair.rows("reservations", "quantity", f"variant_id = '{variant_id}' AND state = 'held'")
    assert sum(quantity for (quantity,) in held) == reserved
    signs = {"received": 1, "released": 1, "returned": 1, "reserved": -1, "written_off": -1, "sold": 0}
    moved = pair.rows("movements", "kind, quantity", f"variant_id = '{variant_id}'")
    assert sum(signs[kind] * quantity for kind, quantity in moved) == available
    return available, reserved, sold


async def _stocked(pair: Pair, pieces: int) -> str:
    variant_id = pair.new("var")
    await pair.first(AdjustStock(VariantId(variant_id), pieces))
    return variant_id


async def test_the_last_piece_is_reserved_for_one_of_two(pair_of: Make) -> None:
    pair = pair_of("inventory")

    async def both(choices: Choices) -> Any:
        variant_id, one, two = await _stocked(pair, 1), pair.new("ord"), pair.new("ord")
        _, _, taken = await pair.meet(_placed(one, variant_id), _placed(two, variant_id), choices)
        assert sorted(pair.told(one) + pair.told(two)) == ["StockRefused", "StockReserved"]
        assert _is_explained(pair, variant_id) == (0, 1, 0)
        return taken

    assert await every_meeting(both) > 5


async def test_pieces_are_written_off_or_reserved_but_not_both(pair_of: Make) -> None:
    pair = pair_of("inventory")

    async def both(choices: Choices) -> Any:
        variant_id, order_id = await _stocked(pair, 1), pair.new("ord")
        adjust = AdjustStock(VariantId(variant_id), -1, reason="broken")
        outcome, _, taken = await pair.meet(adjust, _placed(order_id, variant_id), choices)
        if isinstance(outcome, NotEnoughStock):
            assert pair.told(order_id) == ["StockReserved"]
            assert _is_explained(pair, variant_id) == (0, 1, 0)
        else:
            assert pair.told(order_id) == ["StockRefused"]
            assert _is_explained(pair, variant_id) == (0, 0, 0)
        return taken

    assert await every_meeting(both) > 5


async def test_both_changes_of_stock_count(pair_of: Make) -> None:
    pair = pair_of("inventory")

    async def both(choices: Choices) -> Any:
        variant_id = await _stocked(pair, 5)
        more, less = AdjustStock(VariantId(variant_id), 3), AdjustStock(VariantId(variant_id), -4)
        _, _, taken = await pair.meet(more, less, choices)
        assert _is_explained(pair, variant_id) == (4, 0, 0)
        assert len(pair.told(variant_id)) == 3
        return taken

    assert await every_meeting(both) > 5


async def test_the_first_stock_of_a_variant_comes_from_both(pair_of: Make) -> None:
    """Neither finds a row that it could lock."""
    pair = pair_of("inventory")
    await _stocked(pair, 1)

    async def both(choices: Choices) -> Any:
        variant_id = VariantId(pair.new("var"))
        _, _, taken = await pair.meet(AdjustStock(variant_id, 3), AdjustStock(variant_id, 4), choices)
        assert _is_explained(pair, variant_id) == (7, 0, 0)
        return taken

    assert await every_meeting(both) > 5


async def test_a_hold_is_sold_or_released_and_comes_back_once(pair_of: Make) -> None:
    pair = pair_of("inventory")

    async def both(choices: Choices) -> Any:
        variant_id, order_id = await _stocked(pair, 2), pair.new("ord")
        await pair.first(_placed(order_id, variant_id, 2))
        confirmed = OrderConfirmed(OrderId(order_id), BuyerId(ANN.buyer), CartId("cart"))
        _, _, taken = await pair.meet(confirmed, _cancelled(order_id, variant_id), choices)
        (state,) = pair.row("reservations", "state", f"order_id = '{order_id}'")
        assert _is_explained(pair, variant_id) == (2, 0, 2 if state == "returned" else 0)
        assert pair.told(order_id) == ["StockReserved", "StockReleased"]
        return taken

    assert await every_meeting(both) > 5


# Orders.


def _quote(pair: Pair) -> str:
    quote = Quote(
        store=StoreId(STORE),
        buyer=BuyerId(ANN.buyer),
        cart_id=CartId(pair.new("cart")),
        cart_version=3,
        currency="EUR",
        lines=_lines("var"),
        shipping=0,
        shipping_tax=0,
        tax=0,
        tax_included=True,
        total=1_000,
        destination=HERE,
        expires_at=10**15,
    )
    return seal(pair.processes.keyring, "quote", quote)


async def test_a_cart_is_ordered_by_one_of_two(pair_of: Make) -> None:
    pair = pair_of("orders")

    async def both(choices: Choices) -> Any:
        quote, ids = _quote(pair), (pair.new("ord"), pair.new("ord"))
        commands = [PlaceOrder(OrderId(order_id), quote) for order_id in ids]
        one, two, taken = await pair.meet(commands[0], commands[1], choices, callers=(ANN, ANN))
        done = [each for each in (one, two) if isinstance(each, Order)]
        assert len(done) == 1
        (refused,) = [each for each in (one, two) if not isinstance(each, Order)]
        assert isinstance(refused, CartAlreadyOrdered | Conflict)
        told = pair.told(ids[0]) + pair.told(ids[1])
        assert told == ["OrderPlaced"]
        return taken

    assert await every_meeting(both) > 5


async def _due(pair: Pair) -> str:
    """An order that waits for its payment."""
    order_id = pair.new("ord")
    await pair.first(PlaceOrder(OrderId(order_id), _quote(pair)), caller=ANN)
    await pair.first(StockReserved(OrderId(order_id), ()))
    return order_id


def _captured(order_id: str) -> PaymentCaptured:
    return PaymentCaptured(PaymentId(f"pay_{order_id}"), OrderId(order_id), PRICE)


def _versions(pair: Pair, order_id: str) -> list[str]:
    """Stages of an order, each with its event and the next version (I15)."""
    rows = pair.rows("transitions", "version, stage, event", f"order_id = '{order_id}' ORDER BY version")
    assert [version for version, *_ in rows] == list(range(1, len(rows) + 1))
    assert [event for *_, event in rows] == pair.told(order_id)
    return [stage for _, stage, _ in rows]


@pytest.mark.parametrize("how", ["cancelled", "expired"])
async def test_an_order_that_is_paid_and_ended_at_once_gives_the_money_back(pair_of: Make, how: str) -> None:
    pair = pair_of("orders")

    async def both(choices: Choices) -> Any:
        order_id = await _due(pair)
        end: Work = CancelOrder(OrderId(order_id)) if how == "cancelled" else ExpireOrder(OrderId(order_id))
        if how == "expired":
            (until,) = pair.row("orders", "expires_at", f"id = '{order_id}'")
            pair.processes.clock.advance(until - pair.processes.clock.now())
        caller = ANN if how == "cancelled" else SYSTEM
        _, outcome, taken = await pair.meet(_captured(order_id), end, choices, callers=(SYSTEM, caller))
        stages, told = _versions(pair, order_id), pair.told(order_id)
        if how == "expired" and outcome is False:
            assert stages[-1] == "paid"
        elif "OrderPaid" in told:
            assert told[-1] == "OrderCancelled"  # payments gives back what it has captured
        else:
            assert told[-2:] == ["OrderCancelled", "RefundDue"]
        return taken

    assert await every_meeting(both) > 5


async def test_an_order_is_confirmed_by_one_of_two_captures_and_the_other_goes_back(pair_of: Make) -> None:
    pair = pair_of("orders")

    async def both(choices: Choices) -> Any:
        order_id = await _due(pair)
        other = PaymentCaptured(PaymentId(f"pay_other_{order_id}"), OrderId(order_id), PRICE)
        _, _, taken = await pair.meet(_captured(order_id), other, choices)
        assert sorted(pair.told(order_id)) == sorted(
            ["OrderPlaced", "PaymentDue", "OrderConfirmed", "OrderPaid", "RefundDue"]
        )
        _versions(pair, order_id)
        return taken

    assert await every_meeting(both) > 5


# Payments.


async def _expected(pair: Pair) -> tuple[str, str]:
    """An order that payments waits for, and a payment of it that is being called."""
    order_id, payment_id = pair.new("ord"), pair.new("pay")
    await pair.first(PaymentDue(OrderId(order_id), BuyerId(ANN.buyer), PRICE, "test", 10**15))
    await pair.first(PayOrder(PaymentId(payment_id), OrderId(order_id), "approve"), caller=ANN)
    return order_id, payment_id


def _outcome(payment_id: str, result: Any = "captured") -> RecordOutcome:
    amount = PRICE if result == "captured" else None
    return RecordOutcome(PaymentId(payment_id), GatewayOutcome(result, f"ch_{payment_id}", amount, "", ""))


def _given_back(pair: Pair, payment_id: str) -> int:
    """What goes back of a payment, each unit explained by a refund, never more than was captured (I7)."""
    amount, refunded = pair.row("payments", "amount, refunded", f"id = '{payment_id}'")
    refunds = pair.rows("refunds", "amount", f"payment_id = '{payment_id}'")
    assert sum(part for (part,) in refunds) == refunded <= amount
    return int(refunded)


async def test_an_order_is_paid_by_one_of_two_payments(pair_of: Make) -> None:
    pair = pair_of("payments")

    async def both(choices: Choices) -> Any:
        order_id = pair.new("ord")
        await pair.first(PaymentDue(OrderId(order_id), BuyerId(ANN.buyer), PRICE, "test", 10**15))
        tries = [PayOrder(PaymentId(pair.new("pay")), OrderId(order_id), "approve") for _ in range(2)]
        one, two, taken = await pair.meet(tries[0], tries[1], choices, callers=(ANN, ANN))
        assert sorted(type(each).__name__ for each in (one, two)) == ["PaymentAnswer", "PaymentInProgress"]
        assert len(pair.rows("payments", "id", f"order_id = '{order_id}'")) == 1
        assert isinstance(one, PaymentAnswer | PaymentInProgress)
        return taken

    assert await every_meeting(both) > 5


async def test_a_capture_that_meets_the_end_of_its_order_goes_back_whole_and_once(pair_of: Make) -> None:
    pair = pair_of("payments")

    async def both(choices: Choices) -> Any:
        order_id, payment_id = await _expected(pair)
        _, _, taken = await pair.meet(_outcome(payment_id), _cancelled(order_id), choices)
        assert pair.told(payment_id) == ["PaymentCaptured"]
        assert _given_back(pair, payment_id) in (0, 1_000)
        await pair.first(RefundDue(OrderId(order_id), PaymentId(payment_id), PRICE))  # as orders answers a capture
        assert _given_back(pair, payment_id) == 1_000
        assert pair.row("dues", "state", f"order_id = '{order_id}'") == ("closed",)
        return taken

    assert await every_meeting(both) > 5


@pytest.mark.parametrize("other", ["refund", "cancelled"])
async def test_two_refunds_give_back_no_more_than_was_captured(pair_of: Make, other: str) -> None:
    pair = pair_of("payments")

    async def both(choices: Choices) -> Any:
        order_id, payment_id = await _expected(pair)
        await pair.first(_outcome(payment_id))
        refund = RefundDue(OrderId(order_id), PaymentId(payment_id), Money(700, "EUR"))
        second = refund if other == "refund" else _cancelled(order_id)
        _, _, taken = await pair.meet(refund, second, choices)
        assert _given_back(pair, payment_id) == 1_000
        return taken

    assert await every_meeting(both) > 5


async def test_a_capture_and_a_failure_of_one_charge_have_one_effect_each(pair_of: Make) -> None:
    """A notice and the answer itself: whichever is first."""
    pair = pair_of("payments")

    async def both(choices: Choices) -> Any:
        _, payment_id = await _expected(pair)
        _, _, taken = await pair.meet(_outcome(payment_id), _outcome(payment_id), choices)
        assert pair.told(payment_id) == ["PaymentCaptured"]
        return taken

    assert await every_meeting(both) > 5
