"""What a store is made of, and the form of the secrets that programs show: pure."""

import base64
import hashlib

import msgspec

from mercato.contracts.stores import CartAccess, ChangeSettings, OpenStore, Store
from mercato.values.ids import StoreId

_HOSTS = msgspec.json.Decoder(tuple[str, ...])

CHANGEABLE = ("name", "hosts", "cart_access", "mail_from", "url")


class StoreRow(msgspec.Struct, frozen=True):
    """A store as it is kept; `hosts` is a JSON array."""

    store: str
    handle: str
    name: str
    hosts: str
    currency: str
    time_zone: str
    cart_access: CartAccess
    mail_from: str
    url: str
    opened_at: int
    version: int


def store_of(row: StoreRow) -> Store:
    return Store(
        StoreId(row.store),
        row.handle,
        row.name,
        _HOSTS.decode(row.hosts),
        row.currency,
        row.time_zone,
        row.cart_access,
        row.mail_from,
        row.url,
        row.version,
    )


def new_store(command: OpenStore, now: int) -> StoreRow:
    return StoreRow(
        store=command.store_id,
        handle=command.handle,
        name=command.name,
        hosts=hosts_text(command.hosts),
        currency=command.currency,
        time_zone=command.time_zone,
        cart_access=command.cart_access,
        mail_from=command.mail_from,
        url=command.url,
        opened_at=now,
        version=1,
    )


def changed(row: StoreRow, command: ChangeSettings) -> StoreRow:
    """The row after a change; the version is raised by the statement that stores it."""
    given = {name: value for name in CHANGEABLE if (value := getattr(command, name)) is not None}
    if command.hosts is not None:
        given["hosts"] = hosts_text(command.hosts)
    return msgspec.structs.replace(row, **given)


def differences(before: StoreRow, after: StoreRow) -> tuple[str, ...]:
    """The names of the settings that are not the same."""
    return tuple(name for name in CHANGEABLE if getattr(before, name) != getattr(after, name))


def distinct(hosts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(hosts))


def hosts_text(hosts: tuple[str, ...]) -> str:
    return msgspec.json.encode(distinct(hosts)).decode()


def secret_text(secret: bytes) -> str:
    """What a program shows as its key."""
    return "mk_" + base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def hash_of(secret: str) -> str:
    """What is stored of a secret: it has 256 random bits, so that no salt and no slow hash are needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
