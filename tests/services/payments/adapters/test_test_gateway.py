"""The test gateway's file on a disk that is full: what is not written has not happened."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mercato.runtime.access.keyring import Keyring
from mercato.services.payments.adapters.test_gateway import TestGateway
from mercato.values.clock import ManualClock
from mercato.values.ids import PaymentId
from mercato.values.money import Money

STORE = "sto_one"
FIRST, SECOND = PaymentId("pay_1"), PaymentId("pay_2")
AMOUNT = Money(500, "EUR")


@contextmanager
def no_growth(size: int) -> Iterator[None]:
    """No file can be written beyond `size` (EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def opened(file: Path) -> TestGateway:
    return TestGateway(file, ManualClock(), Keyring("k1", {"k1": b"0" * 32}), "http://shop.example")


@pytest.mark.parametrize("room", [0, 10])  # bytes: for nothing, and for the beginning of a line
async def test_a_charge_that_cannot_be_written_was_not_made(tmp_path: Path, room: int) -> None:
    file = tmp_path / "charges.jsonl"
    gateway = opened(file)
    await gateway.charge(STORE, FIRST, AMOUNT, "approve")
    before = file.read_bytes()
    with no_growth(len(before) + room), pytest.raises(OSError, match="File too large"):
        await gateway.charge(STORE, SECOND, AMOUNT, "approve")
    assert await gateway.find(STORE, SECOND) is None
    assert file.read_bytes() == before
    assert (await gateway.charge(STORE, SECOND, AMOUNT, "approve")).result == "captured"
    gateway.close()
    again = opened(file)
    for key in (FIRST, SECOND):
        found = await again.find(STORE, key)
        assert found is not None
        assert found.result == "captured"
    again.close()


async def test_a_refund_and_a_decision_that_cannot_be_written_may_be_repeated(tmp_path: Path) -> None:
    file = tmp_path / "charges.jsonl"
    gateway = opened(file)
    charged = await gateway.charge(STORE, FIRST, AMOUNT, "approve")
    await gateway.charge(STORE, SECOND, AMOUNT, "step")
    with no_growth(file.stat().st_size):
        with pytest.raises(OSError, match="File too large"):
            await gateway.refund(STORE, "ref_1", charged.charge, AMOUNT)
        with pytest.raises(OSError, match="File too large"):
            await gateway.decide(STORE, SECOND, approve=True)
    undecided = await gateway.find(STORE, SECOND)
    assert undecided is not None
    assert undecided.result == "action_needed"
    assert await gateway.refund(STORE, "ref_2", charged.charge, AMOUNT)
    assert not await gateway.refund(STORE, "ref_1", charged.charge, AMOUNT)  # all of it has gone back by then
    assert await gateway.decide(STORE, SECOND, approve=True)
    gateway.close()
