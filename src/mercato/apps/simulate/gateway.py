"""The simulated gateway: an outside party with books of its own, which outlive every process of the shop.

What it decides and what it knows is here; the line to it loses requests and answers, stalls and errs.
"""

import asyncio
import hmac
import random
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeVar

import msgspec

from mercato.apps.simulate.findings import Fail
from mercato.apps.simulate.loop import SimulatedLoop
from mercato.apps.simulate.trace import Trace
from mercato.apps.simulate.weather import Weather
from mercato.services.payments.adapters.gateway import GatewayError, Notice, NoticeRefused
from mercato.services.payments.domain import GatewayOutcome, Result
from mercato.values.ids import PaymentId
from mercato.values.money import Money

SIGNATURE = "x-simulated-signature"
STALL = 20.0  # seconds at most
NOTICE_LATE = 12.0
NOTHING = Money(0, "XXX")
AGAIN = 3.0  # seconds after which a notice that was not acknowledged is posted again

Said = TypeVar("Said")
Post = Callable[[str, bytes, str, Callable[[int], None]], None]


class Charge(msgspec.Struct):
    """A charge in the gateway's books; `refunds` by their keys, in minor units."""

    store: str
    key: str
    amount: Money
    result: Result
    refunds: dict[str, int] = {}

    @property
    def was_asked_for(self) -> bool:
        """False for one that was voided before it came."""
        return self.amount != NOTHING

    @property
    def name(self) -> str:
        return "ch_" + self.key

    @property
    def kept(self) -> int:
        """Minor units that were captured and not given back."""
        return self.amount.amount - sum(self.refunds.values()) if self.result == "captured" else 0


class SimulatedGateway:
    """`post` takes a notice to the shop: the store, its body, its signature, and who is told the status of the answer;
    0: none came."""

    def __init__(
        self, loop: SimulatedLoop, weather: Weather, randomness: random.Random, trace: Trace, fail: Fail
    ) -> None:
        self.calm = False
        self.charges: dict[tuple[str, str], Charge] = {}
        self.post: Post = lambda _store, _body, _signature, _answered: None
        self.weather = weather
        self._loop = loop
        self._random = randomness
        self._trace = trace
        self._fail = fail

    def charge(self, store: str, key: str, amount: Money, source: str) -> GatewayOutcome:
        """Charge once for this key, whatever is asked for again."""
        known = self.charges.get((store, key))
        if known is None:
            known = self.charges[store, key] = Charge(store, key, amount, self._decision(source))
            self._trace.note("gateway", "charge", key, amount, known.result)
            self._tell(known)
            if known.result == "failed" and self.happens(self.weather.gateway_changes_mind):
                self._loop.call_outside(self._random.uniform(0.5, NOTICE_LATE), self._change_mind, known)
        return self._outcome(known)

    def find(self, store: str, key: str) -> GatewayOutcome | None:
        known = self.charges.get((store, key))
        return self._outcome(known) if known else None

    def void(self, store: str, key: str) -> GatewayOutcome:
        known = self.charges.setdefault((store, key), Charge(store, key, NOTHING, "failed"))
        if known.result != "captured":
            known.result = "failed"
        self._trace.note("gateway", "void", key, known.result)
        return self._outcome(known)

    def refund(self, store: str, key: str, charge: str, amount: Money) -> bool:
        known = self.charges.get((store, charge.removeprefix("ch_")))
        if known is None or known.result != "captured":
            return False
        if key not in known.refunds:
            if amount.amount > known.kept:
                return False
            known.refunds = {**known.refunds, key: amount.amount}
            self._trace.note("gateway", "refund", key, known.key, amount)
        return True

    def decide(self, store: str, key: str, *, approve: bool) -> bool:
        """The shopper takes the further step, or refuses to; False when there is none to take."""
        known = self.charges.get((store, key))
        if known is None or known.result != "action_needed":
            return False
        known.result = "captured" if approve else "failed"
        self._trace.note("gateway", "step taken", key, known.result)
        self._tell(known)
        return True

    def _decision(self, source: str) -> Result:
        if source == "decline" or self.happens(self.weather.gateway_decline):
            return "failed"
        if source == "step" or self.happens(self.weather.gateway_step):
            return "action_needed"
        return "captured"

    def happens(self, share: float) -> bool:
        return not self.calm and share > 0 and self._random.random() < share

    def _outcome(self, known: Charge) -> GatewayOutcome:
        match known.result:
            case "captured":
                return GatewayOutcome("captured", known.name, known.amount)
            case "failed":
                return GatewayOutcome("failed", known.name, failure="declined")
            case _:
                return GatewayOutcome("action_needed", known.name, action_url=f"https://gateway.example/{known.key}")

    def _tell(self, known: Charge) -> None:
        """Post notices: at once or late, again, and now and then odd ones."""
        if known.result not in ("captured", "failed"):
            return
        secret, wrong = _secret_of(known.store), _secret_of("sto_another")
        while self.happens(self.weather.notices):
            self._loop.call_outside(self._random.uniform(0.0, NOTICE_LATE), self._notify, known, known.amount, secret)
        if self.happens(self.weather.odd_notices):
            other = Money(known.amount.amount + self._random.choice((-1, 1)), known.amount.currency)
            self._loop.call_outside(self._random.uniform(0.0, 1.0), self._notify, known, other, secret)
        if self.happens(self.weather.odd_notices):
            self._loop.call_outside(self._random.uniform(0.0, 1.0), self._notify, known, known.amount, wrong)

    def _change_mind(self, known: Charge) -> None:
        """The bank has paid after all. Only a notice tells, so it is posted until it is acknowledged."""
        if known.result == "failed":
            known.result = "captured"
            self._trace.note("gateway", "paid after all", known.key)
            self._insist(known)

    def _insist(self, known: Charge) -> None:
        def answered(status: int) -> None:
            if status != HTTPStatus.NO_CONTENT:
                self._loop.call_outside(AGAIN, self._insist, known)

        self._notify(known, known.amount, _secret_of(known.store), answered)

    def _notify(
        self, known: Charge, amount: Money, secret: bytes, answered: Callable[[int], None] | None = None
    ) -> None:
        forged = secret != _secret_of(known.store)
        captured = known.result == "captured" or forged or amount != known.amount
        notice = Notice(known.store, PaymentId(known.key), known.name, "captured" if captured else "failed", amount)
        body = msgspec.json.encode(notice)
        self._trace.note("gateway", "notice", body, secret)
        answered = answered or (self._caught if forged else self._heard)
        self.post(known.store, body, _signed(secret, body), answered)

    def _heard(self, status: int) -> None:
        """A notice that is not repeated: whether it has come is of no interest."""

    def _caught(self, status: int) -> None:
        """A forged notice is refused for its signature (S29)."""
        if status not in (0, HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE):
            self._fail("S29", "a forged notice", f"it was answered {status}")


class GatewayLine:
    """The adapter: the port of payments to the simulated gateway, over a line that fails."""

    name = "test"

    def __init__(self, gateway: SimulatedGateway, loop: SimulatedLoop, randomness: random.Random) -> None:
        self._gateway = gateway
        self._loop = loop
        self._random = randomness

    async def charge(self, store: str, key: PaymentId, amount: Money, source: str) -> GatewayOutcome:
        return await self._ask(lambda: self._gateway.charge(store, key, amount, source))

    async def find(self, store: str, key: PaymentId) -> GatewayOutcome | None:
        return await self._ask(lambda: self._gateway.find(store, key))

    async def void(self, store: str, key: PaymentId) -> GatewayOutcome:
        return await self._ask(lambda: self._gateway.void(store, key))

    async def refund(self, store: str, key: str, charge: str, amount: Money) -> bool:
        return await self._ask(lambda: self._gateway.refund(store, key, charge, amount))

    def read_notice(self, headers: Mapping[bytes, bytes], body: bytes) -> Notice:
        given = headers.get(SIGNATURE.encode(), b"").decode("latin-1")
        notice = msgspec.json.decode(body, type=Notice)
        if not hmac.compare_digest(given, _signed(_secret_of(notice.store), body)):
            raise NoticeRefused("the signature does not fit")
        return notice

    def close(self) -> None:
        """Nothing is held."""

    async def _ask(self, act: Callable[[], Said]) -> Said:
        """A call: a request, what the gateway does, an answer. Each of the three may go wrong."""
        gateway, weather = self._gateway, self._gateway.weather
        await asyncio.sleep(self._random.expovariate(1 / weather.delay))
        if gateway.happens(weather.gateway_lost):
            raise ConnectionError("the request was lost")
        if gateway.happens(weather.gateway_error):
            raise GatewayError("503")
        # The gateway does its part whether or not the process lives to hear of it.
        answer: asyncio.Future[Said] = self._loop.create_future()
        self._loop.call_outside(self._random.expovariate(1 / weather.delay), _answer, answer, act)
        outcome = await answer
        if gateway.happens(weather.gateway_stall):
            await asyncio.sleep(self._random.uniform(0.0, STALL))
        if gateway.happens(weather.gateway_lost):
            raise ConnectionError("the answer was lost")
        return outcome


def _answer(future: "asyncio.Future[Said]", act: Callable[[], Said]) -> None:
    outcome = act()
    if not future.done():
        future.set_result(outcome)


def _secret_of(store: str) -> bytes:
    return f"of the simulated gateway for {store}".encode()


def _signed(secret: bytes, body: bytes) -> str:
    return hmac.digest(secret, body, "sha256").hex()
