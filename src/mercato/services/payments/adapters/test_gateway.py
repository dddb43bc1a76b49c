"""The test gateway: a stateful gateway that misbehaves on request, for trying a shop and for tests.

The source of a payment says what happens:

approve             captured
decline             refused
step                a further step first: the shopper must confirm on the gateway's page
lose_answer         captured, but the answer is lost
lose_request        the gateway never gets the first request
stall               captured after 30 seconds
webhook_first       the notice comes before the answer
webhook_twice       two notices after the answer
webhook_late        no answer, a notice after 5 seconds
error               an error for a minute, whatever is asked about it, then captured

It keeps its charges in a file of its own (one JSON line each), as a real gateway would survive our crash.
"""

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from mercato.runtime.access.keyring import Keyring
from mercato.services.payments.adapters.gateway import GatewayError, Notice, NoticeRefused
from mercato.services.payments.domain import GatewayOutcome, Result
from mercato.values.clock import MINUTE, Clock
from mercato.values.ids import PaymentId
from mercato.values.money import Money

SIGNATURE = b"x-test-gateway-signature"
STALL = 30.0  # seconds
LATE = 5.0
OUTAGE = MINUTE
MAX_AGE = 5 * MINUTE
LONGEST_STAMP = 15  # digits

Deliver = Callable[[bytes, str], Awaitable[None]]


class Charged(msgspec.Struct, frozen=True):
    """A charge as the gateway knows it."""

    store: str
    key: str
    amount: Money
    source: str
    result: Result
    refunds: dict[str, int] = {}

    @property
    def charge(self) -> str:
        return "tg_" + self.key


class TestGateway:
    """See the module's text. `deliver` posts a notice to our webhook address; without it no notice is sent."""

    __test__ = False
    name = "test"

    def __init__(self, file: Path | None, clock: Clock, keyring: Keyring, public_url: str) -> None:
        self.deliver: Deliver | None = None
        self._clock = clock
        self._keyring = keyring
        self._public_url = public_url
        self._charges: dict[tuple[str, str], Charged] = {}
        self._lost: set[str] = set()
        self._out_until: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unwritten: list[bytes] = []
        self._written: asyncio.Future[None] | None = None
        self._file = None
        if file is not None:
            self._read(file)
            self._file = file.open("ab", buffering=0)

    def close(self) -> None:
        """Close the file and send nothing more. Nothing may be asked of the gateway afterwards."""
        for task in self._tasks:
            task.cancel()
        if self._file is not None:
            self._file.close()

    async def charge(self, store: str, key: PaymentId, amount: Money, source: str) -> GatewayOutcome:
        known = self._charges.get((store, key))
        if known is not None:
            return self._outcome(known)
        if source == "error":
            self._out_until.setdefault(key, self._clock.now() + OUTAGE)
        self._require_order(key)
        if source == "lose_request" and key not in self._lost:
            self._lost.add(key)
            raise ConnectionError("the test gateway lost the request")
        result: Result = {"decline": "failed", "step": "action_needed"}.get(source, "captured")  # type: ignore[assignment]
        charged = Charged(store, key, amount, source, result)
        await self._keep(charged)
        await self._misbehave(charged)
        return self._outcome(charged)

    async def find(self, store: str, key: PaymentId) -> GatewayOutcome | None:
        self._require_order(key)
        known = self._charges.get((store, key))
        return self._outcome(known) if known else None

    async def void(self, store: str, key: PaymentId) -> GatewayOutcome:
        self._require_order(key)
        known = self._charges.get((store, key)) or Charged(store, key, Money(0, "XXX"), "void", "failed")
        if known.result == "captured":
            return self._outcome(known)
        voided = msgspec.structs.replace(known, result="failed")
        await self._keep(voided)
        return self._outcome(voided)

    async def refund(self, store: str, key: str, charge: str, amount: Money) -> bool:
        known = self._charges.get((store, charge.removeprefix("tg_")))
        if known is None or known.result != "captured":
            return False
        if key not in known.refunds:
            if sum(known.refunds.values()) + amount.amount > known.amount.amount:
                return False
            await self._keep(msgspec.structs.replace(known, refunds={**known.refunds, key: amount.amount}))
        return True

    async def decide(self, store: str, key: PaymentId, *, approve: bool) -> bool:
        """The shopper has answered on the gateway's page; False when there is nothing to decide."""
        known = self._charges.get((store, key))
        if known is None or known.result != "action_needed":
            return False
        decided = msgspec.structs.replace(known, result="captured" if approve else "failed")
        await self._keep(decided)
        self._later(0.0, decided)
        return True

    def read_notice(self, headers: Mapping[bytes, bytes], body: bytes) -> Notice:
        stamp, _, mac = headers.get(SIGNATURE, b"").partition(b".")
        if not stamp.isdigit() or len(stamp) > LONGEST_STAMP or abs(self._clock.now() - int(stamp)) > MAX_AGE:
            raise NoticeRefused("the notice is too old, or has no time")
        try:
            notice = msgspec.json.decode(body, type=Notice)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise NoticeRefused(f"the notice cannot be read: {error}") from error
        if not hmac.compare_digest(mac, self._mac(notice.store, stamp, body)):
            raise NoticeRefused("the signature does not fit")
        return notice

    def sign(self, store: str, body: bytes) -> str:
        """The signature header of a notice to this store with this body."""
        stamp = str(self._clock.now()).encode()
        return (stamp + b"." + self._mac(store, stamp, body)).decode()

    def _require_order(self, key: str) -> None:
        if self._clock.now() < self._out_until.get(key, 0):
            raise GatewayError("503: the test gateway is out of order")

    def _mac(self, store: str, stamp: bytes, body: bytes) -> bytes:
        """Each store has a secret of its own: a notice to one proves nothing to another (S29)."""
        _, secret = self._keyring.sign(b"test gateway", store.encode())
        return hmac.digest(secret, stamp + b"." + body, "sha256").hex().encode()

    def _outcome(self, charged: Charged) -> GatewayOutcome:
        match charged.result:
            case "captured":
                return GatewayOutcome("captured", charged.charge, charged.amount)
            case "failed":
                return GatewayOutcome("failed", charged.charge, failure="the test gateway declined this payment")
            case _:
                url = f"{self._public_url}/test-gateway/{charged.key}"
                return GatewayOutcome("action_needed", charged.charge, action_url=url)

    async def _misbehave(self, charged: Charged) -> None:
        match charged.source:
            case "lose_answer":
                raise ConnectionError("the test gateway's answer was lost")
            case "stall":
                await asyncio.sleep(STALL)
            case "webhook_first":
                await self._notify(charged)
            case "webhook_twice":
                self._later(0.0, charged)
                self._later(0.05, charged)
            case "webhook_late":
                self._later(LATE, charged)
                raise ConnectionError("the test gateway answers by a notice only")

    def _later(self, seconds: float, charged: Charged) -> None:
        async def notify() -> None:
            await asyncio.sleep(seconds)
            await self._notify(charged)

        task = asyncio.get_running_loop().create_task(notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self, charged: Charged) -> None:
        if self.deliver is None or charged.result not in ("captured", "failed"):
            return
        notice = Notice(
            charged.store,
            PaymentId(charged.key),
            charged.charge,
            "captured" if charged.result == "captured" else "failed",
            charged.amount,
        )
        body = msgspec.json.encode(notice)
        await self.deliver(body, self.sign(notice.store, body))

    async def _keep(self, charged: Charged) -> None:
        """Write a charge down before anybody hears of it; charges of one turn of the loop share a write.

        Raises OSError where it cannot be written: then the charge is as it was before.
        """
        place = (charged.store, charged.key)
        before = self._charges.get(place)
        self._charges[place] = charged
        if self._file is None:
            return
        self._unwritten.append(msgspec.json.encode(charged) + b"\n")
        if self._written is None:
            loop = asyncio.get_running_loop()
            self._written = loop.create_future()
            loop.call_soon(self._write, self._written)
        try:
            await self._written
        except OSError:
            if before is None:
                del self._charges[place]
            else:
                self._charges[place] = before
            raise

    def _write(self, written: "asyncio.Future[None]") -> None:
        assert self._file is not None, "only a gateway with a file writes"
        lines, self._unwritten, self._written = self._unwritten, [], None
        end = self._file.seek(0, os.SEEK_END)
        left = b"".join(lines)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._file.truncate(end)  # a part of a line would spoil the next one
            written.set_exception(error)
        else:
            written.set_result(None)

    def _read(self, file: Path) -> None:
        if not file.exists():
            return
        for line in file.read_bytes().splitlines():
            try:
                charged = msgspec.json.decode(line, type=Charged)
            except msgspec.DecodeError:
                continue  # the last line of a process that was killed while it wrote
            self._charges[charged.store, charged.key] = charged
