"""stores: the businesses of an installation, how a request finds its store, and keys for programs."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mercato.values.commerce import Line
from mercato.values.ids import StoreId
from mercato.values.messages import Anyone, Command, Conflict, Event, NotFound, Query, Refusal, Staff, System
from mercato.values.money import Currency

# The look-ahead at the end of each pattern: `$` alone lets a line break at the very end pass.
CartAccess = Literal["signed_in", "anyone"]
Handle = Annotated[
    str, Meta(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$(?!\n)", description="lower-case name in URLs")
]
Host = Annotated[str, Meta(pattern=r"^[a-z0-9.-]{1,253}$(?!\n)", description="host name without port")]
Origin = Annotated[
    str, Meta(max_length=300, pattern=r"^(?:https?://[a-z0-9.:-]+)?$(?!\n)", description="such as https://shop.example")
]
Sender = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"^[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$(?!\n)",
        description="mail address that letters come from",
    ),
]
TimeZone = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+/-]{1,64}$(?!\n)", description="IANA name")]


class Store(msgspec.Struct, frozen=True):
    """One business. `cart_access` says who may fill a cart.

    `url` is the public origin that mails link to; "" for the installation's own address with the store's handle.
    """

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


class ApiKeyRevoked(Event, frozen=True):
    """This key is void: caches forget it at once."""

    key_id: str


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
    time_zone: TimeZone = "UTC"
    cart_access: CartAccess = "signed_in"
    mail_from: Sender = "shop@localhost"
    url: Origin = ""


class ChangeSettings(Command[Store], frozen=True):
    """Change what is given, leave the rest. `if_version` refuses (Conflict) when somebody changed it first."""

    allow = Staff
    refusals = (NotFound, HandleTaken, Conflict)
    name: Line | None = None
    hosts: tuple[Host, ...] | None = None
    cart_access: CartAccess | None = None
    mail_from: Sender | None = None
    url: Origin | None = None
    if_version: int | None = None


class MakeApiKey(Command[ApiKey], frozen=True):
    """Make a key for a program. Its secret is in this answer and nowhere else."""

    allow = Staff
    name: Line


class RevokeApiKey(Command[None], frozen=True):
    """Make a key void. Nothing happens when it is void already."""

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
