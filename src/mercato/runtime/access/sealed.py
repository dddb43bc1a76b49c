"""Signed records: `version.key_id.payload.mac`, readable by everybody, made only by us."""

import base64
import binascii
from typing import Generic, TypeVar

import msgspec

from mercato.runtime.access.keyring import Keyring

Record = TypeVar("Record", bound=msgspec.Struct)

_VERSION = "v1"


class Unsealer(Generic[Record]):
    """Reads records that were signed for one purpose. `memo`: the keyring remembers them, as they are read again."""

    def __init__(self, purpose: str, record: type[Record], *, memo: bool = True) -> None:
        self._purpose = purpose
        self._memo = memo
        self._decoder = msgspec.json.Decoder(record)

    def unseal(self, keyring: Keyring, text: str) -> Record:
        """The record in a signed text. Raises Unsound for everything that `seal` did not make for this purpose."""
        if not self._memo:
            return _unseal(keyring, self._purpose, text, self._decoder)
        known: Record | None = keyring.signed.get((self._purpose, text))
        if known is None:
            known = _unseal(keyring, self._purpose, text, self._decoder)
            keyring.remember(self._purpose, text, known)
        return known


class Unsound(Exception):
    """A text that this installation has not signed for this purpose, or that was changed since."""


def seal(keyring: Keyring, purpose: str, record: msgspec.Struct, *, memo: bool = True) -> str:
    """The record signed for one purpose. `memo`: it will soon be read here."""
    payload = msgspec.json.encode(record)
    key_id, mac = keyring.sign(purpose.encode(), payload)
    text = f"{_VERSION}.{key_id}.{_to_text(payload)}.{_to_text(mac)}"
    if memo:
        keyring.remember(purpose, text, record)
    return text


def _unseal(keyring: Keyring, purpose: str, text: str, decoder: "msgspec.json.Decoder[Record]") -> Record:
    try:
        version, key_id, payload_text, mac_text = text.split(".")
        payload, mac = _to_bytes(payload_text), _to_bytes(mac_text)
    except (ValueError, binascii.Error):
        raise Unsound from None
    if version != _VERSION or not keyring.verifies(key_id, purpose.encode(), payload, mac):
        raise Unsound
    try:
        return decoder.decode(payload)
    except msgspec.DecodeError:
        raise Unsound from None


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _to_bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
