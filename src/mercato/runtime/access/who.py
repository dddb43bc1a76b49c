"""Who is calling: what the edge needs to know about stores and tokens, asked of whoever puts the parts together."""

from typing import Protocol

import msgspec

from mercato.values.messages import BUYER, Caller


class Tenant(msgspec.Struct, frozen=True):
    """The store that a request is for. `guests_buy`: a guest may fill a cart."""

    store: str
    guests_buy: bool
    currency: str


class Holder(msgspec.Struct, frozen=True):
    """Whom a token stands for. `roles` are bits of values/messages.py, `expires_at` in ms since the epoch."""

    store: str
    buyer: str
    roles: int
    expires_at: int
    is_guest: bool = False

    def caller(self, tenant: Tenant, request: str) -> Caller:
        roles = self.roles | (BUYER if self.is_guest and tenant.guests_buy else 0)
        return Caller(store=self.store, buyer=self.buyer, roles=roles, request=request, trace=request)


class Directory(Protocol):
    """Finds stores and token holders. The `known_` forms answer from memory, without waiting; None: not in memory.

    `changes` counts how often stores may have got another host, handle or setting.
    """

    changes: int

    def known_tenant(self, host: str, handle: str) -> Tenant | None: ...

    async def find_tenant(self, host: str, handle: str) -> Tenant:
        """Raises NotFound where there is no such store."""

    def known_holder(self, token: str) -> Holder | None: ...

    async def find_holder(self, token: str) -> Holder | None:
        """None for a token that is unknown, ended or expired."""
