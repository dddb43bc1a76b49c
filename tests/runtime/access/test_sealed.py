"""Signed records: only what was signed here for this purpose is read, whether it is remembered or not."""

import msgspec
import pytest

from mercato.runtime.access import keyring as keyrings
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.access.sealed import Unsealer, Unsound, seal


class Ticket(msgspec.Struct, frozen=True):
    seat: int


TICKETS = Unsealer("ticket", Ticket)


def _keyring(secret: bytes = b"1") -> Keyring:
    return Keyring("k1", {"k1": secret * 32})


def test_what_was_sealed_is_read_here_and_by_whoever_has_the_key() -> None:
    keyring = _keyring()
    text = seal(keyring, "ticket", Ticket(7))
    assert TICKETS.unseal(keyring, text) == TICKETS.unseal(_keyring(), text) == Ticket(7)


@pytest.mark.parametrize("place", [0, 4, 8, -1])
def test_a_text_with_another_letter_is_not_read(place: int) -> None:
    keyring = _keyring()
    text = seal(keyring, "ticket", Ticket(7))
    letters = list(text)
    letters[place] = "x" if letters[place] != "x" else "y"
    with pytest.raises(Unsound):
        TICKETS.unseal(keyring, "".join(letters))


def test_a_text_for_another_purpose_or_with_another_key_is_not_read() -> None:
    keyring = _keyring()
    with pytest.raises(Unsound):
        TICKETS.unseal(keyring, seal(keyring, "coupon", Ticket(7)))
    with pytest.raises(Unsound):
        TICKETS.unseal(keyring, seal(_keyring(b"2"), "ticket", Ticket(7)))


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyrings, "REMEMBER", 3)
    keyring = _keyring()
    texts = [seal(keyring, "ticket", Ticket(seat)) for seat in range(10)]
    assert len(keyring.signed) <= 3
    assert [TICKETS.unseal(keyring, text).seat for text in texts] == list(range(10))
