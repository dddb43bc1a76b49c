"""A shop whose mails lie in a folder, and people who buy in it."""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mercato.contracts.inventory import AdjustStock
from mercato.contracts.notifications import Delivery, ListDeliveries
from mercato.contracts.orders import AwaitOutcome, Order, PlaceOrder
from mercato.contracts.payments import PayOrder
from mercato.contracts.pricing import QuoteCart, Rates, SetPrices, SetRates, WantedLine
from mercato.contracts.users import SignUp, VerifyEmail
from mercato.runtime.database.sqlite import connect
from mercato.runtime.service import Service
from mercato.runtime.setup import Setup
from mercato.services.notifications.adapters.letters import Letters
from mercato.services.notifications.adapters.mail_folder import MailFolder
from mercato.services.notifications.adapters.mailer import Mail, Mailer
from mercato.services.notifications.work import MailWork
from mercato.values.clock import Clock
from mercato.values.commerce import Address, PricedVariant
from mercato.values.ids import BuyerId, CartId, OrderId, PaymentId, ProductId, UserId, VariantId
from mercato.values.messages import Caller
from tests.services.conftest import Running, open_store, running, settled, staff, system

RED, BLUE = "sto_red", "sto_blue"
HOME = Address(name="Jo & Co", street="Weg 1", city="Bonn", country="DE", postal_code="53111")
OFFICE = Address(name="Office", street="Platz 2", city="Wien", country="AT")


class Postbox:
    """A running shop, and the mails that it has written."""

    def __init__(self, node: Running, folder: Path) -> None:
        self.node = node
        self._folder = folder

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in (self._folder / "mail").glob("*") if not path.name.startswith("."))

    def mails(self) -> list[EmailMessage]:
        """All mails, in the order in which they were begun."""
        return [
            message_from_bytes((self._folder / "mail" / name).read_bytes(), policy=policy.default)
            for name in self.files
        ]

    async def mail(self) -> EmailMessage:
        """The latest mail, once everything has settled."""
        await settled(self.node)
        return self.mails()[-1]

    async def deliveries(self, store: str = RED) -> list[Delivery]:
        await settled(self.node)
        page = await self.node.calls.ask(ListDeliveries(limit=100), staff(store))
        return list(reversed(page.items))

    async def join(self, email: str = "jo@example.org", name: str = "Jo", store: str = RED) -> UserId:
        """Sign up and confirm the address with what the mail says."""
        await self.node.calls.do(SignUp(email, name, "hash"), Caller(store=store))
        token = token_in(await self.mail())
        account = await self.node.calls.do(VerifyEmail(sha256(token)), Caller(store=store))
        return account.id

    async def order(self, buyer: Caller, title: str = "Mug", quantity: int = 2, stock: int = 5) -> Order:
        """Place an order of one line at 5.00 EUR, and wait until it may be paid or is off."""
        calls, store = self.node.calls, buyer.store
        product, variant = ProductId("prod_1"), VariantId(f"var_{title}")
        await calls.do(SetPrices(product, "EUR", (PricedVariant(variant, 500),)), system(store))
        await calls.do(SetRates(Rates("EUR", 190_000, True, 490)), system(store))
        if stock:
            await calls.do(AdjustStock(variant, stock), system(store))
        line = WantedLine(variant, product, "", title, "Blue", "M-1", quantity, 500)
        cart_id = CartId(self.node.parts.ids.new("cart"))
        query = QuoteCart(BuyerId(buyer.buyer), cart_id, 1, "EUR", (line,), HOME)
        quoted = await calls.ask(query, buyer)
        order_id = OrderId(self.node.parts.ids.new("ord"))
        await calls.do(PlaceOrder(order_id, quoted.signed, "test", OFFICE), buyer)
        return await calls.ask(AwaitOutcome(order_id, 0), buyer)

    async def pay(self, order: Order, buyer: Caller) -> Order:
        payment_id = PaymentId(self.node.parts.ids.new("pay"))
        await self.node.calls.do(PayOrder(payment_id, order.id, "approve"), buyer)
        paid = await self.node.calls.ask(AwaitOutcome(order.id, order.version), buyer)
        await settled(self.node)
        return paid


class FailingMailer:
    """Takes no mail until it is told to, then hands it on. `error` is what it raises, before or after handing on."""

    name = "failing mailer"
    at_once = 16

    def __init__(self, to: Mailer, clock: Clock, error: BaseException, *, hands_on: bool = False) -> None:
        self.error: BaseException | None = error
        self.times: list[int] = []
        self._to = to
        self._clock = clock
        self._hands_on = hands_on

    async def send(self, mail: Mail) -> None:
        self.times.append(self._clock.now())
        if self.error is None or self._hands_on:
            await self._to.send(mail)
        if self.error is not None:
            raise self.error


class Changed:
    """Hands the service notifications another mailer, made when there are parts to make it of."""

    mailer: FailingMailer

    def __init__(self, error: BaseException, *, hands_on: bool = False, tries: int | None = None) -> None:
        self._error = error
        self._hands_on = hands_on
        self._tries = tries

    def __call__(self, service: Service, setup: Setup) -> Service:
        if service.name != "notifications":
            return service
        folder = MailFolder(setup.settings.mail_folder, setup.parts.pools.slow)
        self.mailer = FailingMailer(folder, setup.parts.clock, self._error, hands_on=self._hands_on)
        (row,) = MailWork(self.mailer, Letters(setup.parts.clock), setup.settings.url).rows
        row = msgspec.structs.replace(row, tries=self._tries or row.tries)
        return msgspec.structs.replace(service, work=(row,))


@asynccontextmanager
async def postbox(folder: Path, **how: Any) -> AsyncIterator[Postbox]:
    """A running shop with the stores red and blue. A second one of the same folder goes on."""
    async with running(folder, ["stores", "notifications"], **how) as node:
        await open_store(node.calls, "red")
        await open_store(node.calls, "blue")
        yield Postbox(node, folder)


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Postbox]:
    async with postbox(tmp_path) as box:
        yield box


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look for due work more often than they would, so that tests need not wait for them."""
    monkeypatch.setattr("mercato.runtime.slow_work.worker.LOOK", 0.01)


def parts_of(mail: EmailMessage) -> tuple[str, str]:
    """The text and the HTML of a mail."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    return text.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


def token_in(mail: EmailMessage) -> str:
    found = re.search(r"token=([A-Za-z0-9_-]{43})\b", parts_of(mail)[0])
    assert found is not None
    return found[1]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Waiting(msgspec.Struct, frozen=True):
    """An intent of notifications that waits for its next try."""

    attempts: int
    due_at: int
    error: str


def waiting(folder: Path) -> list[Waiting]:
    with closing(connect(folder / "notifications.db")) as database:
        rows = database.execute("SELECT attempts, due_at, error FROM intents WHERE state = 'waiting'").fetchall()
    return [Waiting(*row) for row in rows]  # type: ignore[arg-type]  # as the columns are
