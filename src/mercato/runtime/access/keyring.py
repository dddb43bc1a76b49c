"""The keys that sign quotes and short-lived callers: one signs, a few older ones still verify.

The file holds `{"current": "k2", "keys": {"k1": "...", "k2": "..."}}` with 32 secret bytes each, in hex. A new key
signs from the moment it is added; an old one verifies until it is taken out, after the life of what it signed.
"""

import hmac
import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from mercato.values.ids import Ids


class _File(msgspec.Struct):
    current: str
    keys: dict[str, str]


REMEMBER = 4_096


class Keyring:
    """Signs and verifies bytes with keyed BLAKE2b (RFC 7693), 32 bytes long.

    `signed` are the latest texts that were made or verified with these keys, with their purposes, and what they say:
    most are made here and read again here, twice.
    """

    def __init__(self, current: str, keys: Mapping[str, bytes]) -> None:
        if current not in keys:
            raise ValueError(f"the keyring has no key {current!r}, which should sign")
        self.current = current
        self._keys = dict(keys)
        self.signed: dict[tuple[str, str], Any] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The ids of all keys, oldest first."""
        return tuple(self._keys)

    def remember(self, purpose: str, text: str, record: Any) -> None:
        """This text is signed with one of these keys, for this purpose, and says this."""
        if len(self.signed) >= REMEMBER:
            self.signed.clear()
        self.signed[purpose, text] = record

    def sign(self, purpose: bytes, payload: bytes) -> tuple[str, bytes]:
        """The id of the signing key and the MAC. `purpose` keeps a MAC made for one use from serving another."""
        return self.current, _mac(self._keys[self.current], purpose, payload)

    def verifies(self, key_id: str, purpose: bytes, payload: bytes, mac: bytes) -> bool:
        key = self._keys.get(key_id)
        return key is not None and hmac.compare_digest(_mac(key, purpose, payload), mac)

    def rotated(self, ids: Ids, keep: int = 2) -> "Keyring":
        """A keyring with a fresh signing key, and the `keep` - 1 latest of the others."""
        number = 1 + max(int(name[1:]) for name in self._keys)
        kept = list(self._keys.items())[-(keep - 1) :]
        return Keyring(f"k{number}", {**dict(kept), f"k{number}": ids.secret()})

    def save(self, path: Path) -> None:
        """Write the file so that only its owner can read it, all or nothing."""
        content = _File(self.current, {name: key.hex() for name, key in self._keys.items()})
        draft = path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(content))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    @classmethod
    def open(cls, path: Path, ids: Ids) -> "Keyring":
        """The keyring of this file; the file is made when it is not there."""
        if not path.exists():
            cls("k1", {"k1": ids.secret()}).save(path)
        try:
            content = msgspec.json.decode(path.read_bytes(), type=_File)
            return cls(content.current, {name: bytes.fromhex(key) for name, key in content.keys.items()})
        except (msgspec.DecodeError, ValueError) as error:
            raise ValueError(f"{path} is no keyring ({error}): restore it from a backup, or remove it") from error


def _mac(key: bytes, purpose: bytes, payload: bytes) -> bytes:
    return blake2b(purpose + b"\0" + payload, key=key, digest_size=32).digest()
