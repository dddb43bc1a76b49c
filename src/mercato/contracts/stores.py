"""stores: the businesses of an installation, how a request finds its store, and keys for programs."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mercato.values.commerce import Line
from mercato.values.ids import StoreId
from mercato.values.messages import Anyone, Command, Event, NotFound, Query, Refusal, Staff, System
from mercato.values.money import Currency

CartAccess = Literal["signed_in", "anyone"]
Handle = Annotated[str, Meta(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$", description="lower-case name in URLs")]
Host = Annotated[str, Meta(pattern=r"^[a-z0-9.-]{1,253}$", description="host name without port")]


class Store(msgspec.Struct, frozen=True):
    """One business. `cart_access` says who may fill a cart; `url` is the public origin that mails link to."""

    id: StoreId
    handle: str
    name: str
    hosts: tuple[str, ...]
    currency: str
    time_zone: str
    cart_access: CartAccess
    mail_from: str
    url: str
    version: int


class ApiKey(msgspec.Struct, frozen=True):
    """A key for programs that act as staff of one store. `secret` is shown once, when the key is made."""

    id: str
    store: StoreId
    name: str
    secret: str


class ApiKeyHolder(msgspec.Struct, frozen=True):
    """What a valid key stands for."""

    id: str
    store: StoreId


class StoreOpened(Event, frozen=True):
    store_id: StoreId
    currency: str


class SettingsChanged(Event, frozen=True):
    store_id: StoreId
    changed: tuple[str, ...]


class HandleTaken(Refusal):
    status, code = 409, "store_handle_taken"
    advice = "Another store has this handle or host: choose another one."


class OpenStore(Command[Store], frozen=True):
    """Open a store. `store_id` is made by the sender, so that a repetition opens nothing twice."""

    allow = System
    refusals = (HandleTaken,)
    store_id: StoreId
    handle: Handle
    name: Line
    currency: Currency
    hosts: tuple[Host, ...] = ()
    time_zone: str = "UTC"
    cart_access: CartAccess = "signed_in"
    mail_from: str = "shop@localhost"
    url: str = ""


class ChangeSettings(Command[Store], frozen=True):
    """Change what is given, leave the rest."""

    allow = Staff
    refusals = (NotFound, HandleTaken)
    name: Line | None = None
    hosts: tuple[Host, ...] | None = None
    cart_access: CartAccess | None = None
    mail_from: str | None = None
    url: str | None = None


class MakeApiKey(Command[ApiKey], frozen=True):
    allow = Staff
    name: Line


class RevokeApiKey(Command[None], frozen=True):
    allow = Staff
    refusals = (NotFound,)
    key_id: str


class GetStore(Query[Store], frozen=True):
    """The caller's store."""

    allow = Anyone
    refusals = (NotFound,)


class FindStore(Query[Store], frozen=True):
    """The store that a request is for, by host name or by handle; neither given: the first one that was opened."""

    allow = System
    refusals = (NotFound,)
    host: str = ""
    handle: str = ""


class ListStores(Query[tuple[Store, ...]], frozen=True):
    """All stores of the installation, in the order in which they were opened."""

    allow = System


class ResolveApiKey(Query[ApiKeyHolder], frozen=True):
    """Whose key has this hash (SHA-256 of the secret, hex)? Refused as NotFound when unknown or revoked."""

    allow = System
    refusals = (NotFound,)
    secret_hash: str
