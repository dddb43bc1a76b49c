"""Who is calling, asked of stores and users and remembered for a while.

Sessions are forgotten as soon as users tells that they ended; a store as soon as its settings changed. What is
remembered anyway of a session ends half a minute after it was asked for, so that a lost notice does no lasting harm.

Where processes share a cache, what one has found out the others need not ask. An end is told to the cache before this
process forgets, and is remembered here: whatever the cache says later, the session stays over.
"""

import hashlib

import msgspec

from mercato.contracts.stores import ApiKeyRevoked, FindStore, ResolveApiKey, SettingsChanged, Store, StoreOpened
from mercato.contracts.users import ResolveSession, SessionsEnded
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.access.sealed import Unsealer, Unsound, seal
from mercato.runtime.access.who import Holder, Tenant
from mercato.runtime.cache.shelf import Shelf
from mercato.runtime.node import Node
from mercato.values.clock import DAY, Clock
from mercato.values.ids import Ids
from mercato.values.messages import BUYER, STAFF, USER, Caller, Envelope, Event, NotFound

REMEMBER = 30_000  # ms
MEMORY = 100_000  # tokens
ENDED_FOR = 2 * REMEMBER / 1_000  # seconds: longer than anybody can still find a session that was asked for before
GUEST_LIFE = 30 * DAY

_ANY_STORE = "any"  # a change of one store may be one of another: a host is given away, or found before
_SYSTEM = Caller.system("", "edge")


class GuestPass(msgspec.Struct, frozen=True):
    """What the token of a guest says, signed: guests are stored nowhere."""

    store: str
    buyer: str
    expires_at: int


_GUESTS = Unsealer("guest", GuestPass)


class _Known(msgspec.Struct, frozen=True):
    """A holder, and the id of the session or key that the token is of."""

    id: str
    holder: Holder


class StoreDirectory:
    """The directory of this installation, over the services of this process."""

    def __init__(self, node: Node) -> None:
        self._shared_holders: Shelf[_Known] | None = None
        self._shared_tenants: Shelf[Tenant] | None = None
        if node.parts.cache is not None and node.parts.cache.shared:
            self._shared_holders = Shelf(node.parts.cache, node.parts, "holder", _Known)
            self._shared_tenants = Shelf(node.parts.cache, node.parts, "tenant", Tenant)
        self._calls = node.calls
        self._clock: Clock = node.parts.clock
        self._keyring: Keyring = node.parts.keyring
        self.changes = 0
        self._tenants: dict[tuple[str, str], Tenant] = {}
        self._holders: dict[str, tuple[int, Holder]] = {}
        self._tokens: dict[str, str] = {}
        self._ended: dict[str, float] = {}
        for event in (StoreOpened, SettingsChanged):
            node.on(event, lambda _envelope, _event: self._forget_tenants())
        node.on(SessionsEnded, self._forget)
        node.on(ApiKeyRevoked, self._forget)

    def known_tenant(self, host: str, handle: str) -> Tenant | None:
        return self._tenants.get((host, handle))

    async def find_tenant(self, host: str, handle: str) -> Tenant:
        while True:
            changes = self.changes
            tenant = await self._ask_for_tenant(host, handle)
            if changes == self.changes:
                break
        if len(self._tenants) > MEMORY:
            self._tenants.clear()
        self._tenants[host, handle] = tenant
        return tenant

    def known_holder(self, token: str) -> Holder | None:
        entry = self._holders.get(token)
        if entry is None:
            return None
        until, holder = entry
        return holder if until > self._clock.now() else None

    async def find_holder(self, token: str) -> Holder | None:
        asked_at = self._clock.now()
        left = REMEMBER
        if token.startswith("v1."):
            holder = self._guest(token)
        else:
            known, left = await self._ask_for_holder(token)
            if known is None or known.id in self._ended:
                return None
            self._tokens[known.id] = token
            holder = known.holder
        if holder is None or holder.expires_at <= self._clock.now():
            return None
        if len(self._holders) > MEMORY:
            self._holders.clear()
            self._tokens.clear()
        self._holders[token] = (min(asked_at + left, holder.expires_at), holder)
        return holder

    async def _ask_for_tenant(self, host: str, handle: str) -> Tenant:
        shelf, key = self._shared_tenants, f"{len(host)} {host} {handle}"
        if shelf is None:
            return _tenant_of(await self._find_store(host, handle))
        lying = await shelf.find(key)
        if lying.record is not None:
            return lying.record
        tenant = _tenant_of(await self._find_store(host, handle))
        shelf.lay(lying.permit, _ANY_STORE, tenant)
        return tenant

    async def _ask_for_holder(self, token: str) -> tuple[_Known | None, int]:
        """Who it is, and for how many ms that may be remembered."""
        shelf = self._shared_holders
        token_hash = hashlib.sha256(token.encode()).hexdigest()
        if shelf is None:
            return await self._ask(token, token_hash), REMEMBER
        lying = await shelf.find(token_hash)
        if lying.record is not None:
            return lying.record, min(lying.left, REMEMBER)
        known = await self._ask(token, token_hash)
        if known is not None:
            shelf.lay(lying.permit, known.id, known, known.holder.expires_at - self._clock.now())
        return known, REMEMBER

    async def _find_store(self, host: str, handle: str) -> Store:
        if handle:
            return await self._calls.ask(FindStore(handle=handle), _SYSTEM)
        try:
            return await self._calls.ask(FindStore(host=host), _SYSTEM)
        except NotFound:
            return await self._calls.ask(FindStore(), _SYSTEM)

    async def _ask(self, token: str, token_hash: str) -> _Known | None:
        try:
            if token.startswith("mk_"):
                key = await self._calls.ask(ResolveApiKey(token_hash), _SYSTEM)
                return _Known(key.id, Holder(key.store, "", STAFF, self._clock.now() + REMEMBER))
            session = await self._calls.ask(ResolveSession(token_hash), _SYSTEM)
        except NotFound:
            return None
        return _Known(session.id, Holder(session.store, session.user_id, BUYER | USER, session.expires_at))

    def _guest(self, token: str) -> Holder | None:
        try:
            guest = _GUESTS.unseal(self._keyring, token)
        except Unsound:
            return None
        return Holder(guest.store, guest.buyer, 0, guest.expires_at, is_guest=True)

    def _forget_tenants(self) -> None:
        if self._shared_tenants is not None:
            self._shared_tenants.drop((_ANY_STORE,))
            self._shared_tenants.doubt()
        self.changes += 1
        self._tenants.clear()

    def _forget(self, _envelope: Envelope, event: Event) -> None:
        """Sessions or an API key are over."""
        ended: tuple[str, ...] = ()
        if isinstance(event, SessionsEnded):
            ended = event.session_ids
        elif isinstance(event, ApiKeyRevoked):
            ended = (event.key_id,)
        if self._shared_holders is not None and ended:
            self._shared_holders.drop(ended)
        now = self._clock.elapsed()
        while self._ended and next(iter(self._ended.values())) < now:
            del self._ended[next(iter(self._ended))]
        for holder_id in ended:
            self._ended[holder_id] = now + ENDED_FOR
            token = self._tokens.pop(holder_id, None)
            if token is not None:
                self._holders.pop(token, None)


def guest_token(ids: Ids, keyring: Keyring, clock: Clock, store: str) -> str:
    """A token for a guest of this store, who is known by nothing else."""
    return seal(keyring, "guest", GuestPass(store, ids.new("gst"), clock.now() + GUEST_LIFE))


def _tenant_of(store: Store) -> Tenant:
    return Tenant(store.id, store.cart_access == "anyone", store.currency)
