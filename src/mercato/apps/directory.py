"""Who is calling, asked of stores and users and remembered for a while.

Sessions are forgotten as soon as users tells that they ended; a store as soon as its settings changed. What is
remembered anyway ends after half a minute, so that a lost notice does no lasting harm.
"""

import hashlib

import msgspec

from mercato.contracts.stores import ApiKeyRevoked, FindStore, ResolveApiKey, SettingsChanged, Store, StoreOpened
from mercato.contracts.users import ResolveSession, SessionsEnded
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.access.sealed import Unsealer, Unsound, seal
from mercato.runtime.access.who import Holder, Tenant
from mercato.runtime.node import Node
from mercato.values.clock import DAY, Clock
from mercato.values.ids import Ids
from mercato.values.messages import BUYER, STAFF, USER, Caller, Envelope, Event, NotFound

REMEMBER = 30_000  # ms
MEMORY = 100_000  # tokens
GUEST_LIFE = 30 * DAY

_SYSTEM = Caller.system("", "edge")


class GuestPass(msgspec.Struct, frozen=True):
    """What the token of a guest says, signed: guests are stored nowhere."""

    store: str
    buyer: str
    expires_at: int


_GUESTS = Unsealer("guest", GuestPass)


class StoreDirectory:
    """The directory of this installation, over the services of this process."""

    def __init__(self, node: Node) -> None:
        self._calls = node.calls
        self._clock: Clock = node.parts.clock
        self._keyring: Keyring = node.parts.keyring
        self.changes = 0
        self._tenants: dict[tuple[str, str], Tenant] = {}
        self._holders: dict[str, tuple[int, Holder]] = {}
        self._tokens: dict[str, str] = {}
        for event in (StoreOpened, SettingsChanged):
            node.on(event, lambda _envelope, _event: self._forget_tenants())
        node.on(SessionsEnded, self._forget)
        node.on(ApiKeyRevoked, self._forget)

    def known_tenant(self, host: str, handle: str) -> Tenant | None:
        return self._tenants.get((host, handle))

    async def find_tenant(self, host: str, handle: str) -> Tenant:
        tenant = _tenant_of(await self._find_store(host, handle))
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
        holder = self._guest(token) if token.startswith("v1.") else await self._ask(token)
        if holder is None or holder.expires_at <= self._clock.now():
            return None
        if len(self._holders) > MEMORY:
            self._holders.clear()
            self._tokens.clear()
        self._holders[token] = (min(self._clock.now() + REMEMBER, holder.expires_at), holder)
        return holder

    async def _find_store(self, host: str, handle: str) -> Store:
        if handle:
            return await self._calls.ask(FindStore(handle=handle), _SYSTEM)
        try:
            return await self._calls.ask(FindStore(host=host), _SYSTEM)
        except NotFound:
            return await self._calls.ask(FindStore(), _SYSTEM)

    async def _ask(self, token: str) -> Holder | None:
        token_hash = hashlib.sha256(token.encode()).hexdigest()
        try:
            if token.startswith("mk_"):
                key = await self._calls.ask(ResolveApiKey(token_hash), _SYSTEM)
                self._tokens[key.id] = token
                return Holder(key.store, "", STAFF, self._clock.now() + REMEMBER)
            session = await self._calls.ask(ResolveSession(token_hash), _SYSTEM)
        except NotFound:
            return None
        self._tokens[session.id] = token
        return Holder(session.store, session.user_id, BUYER | USER, session.expires_at)

    def _guest(self, token: str) -> Holder | None:
        try:
            guest = _GUESTS.unseal(self._keyring, token)
        except Unsound:
            return None
        return Holder(guest.store, guest.buyer, 0, guest.expires_at, is_guest=True)

    def _forget_tenants(self) -> None:
        self.changes += 1
        self._tenants.clear()

    def _forget(self, _envelope: Envelope, event: Event) -> None:
        """Sessions or an API key are over."""
        ended: tuple[str, ...] = ()
        if isinstance(event, SessionsEnded):
            ended = event.session_ids
        elif isinstance(event, ApiKeyRevoked):
            ended = (event.key_id,)
        for holder_id in ended:
            token = self._tokens.pop(holder_id, None)
            if token is not None:
                self._holders.pop(token, None)


def guest_token(ids: Ids, keyring: Keyring, clock: Clock, store: str) -> str:
    """A token for a guest of this store, who is known by nothing else."""
    return seal(keyring, "guest", GuestPass(store, ids.new("gst"), clock.now() + GUEST_LIFE))


def _tenant_of(store: Store) -> Tenant:
    return Tenant(store.id, store.cart_access == "anyone", store.currency)
