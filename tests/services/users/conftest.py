"""Two stores, and people in them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mercato.contracts.stores import MakeApiKey
from mercato.contracts.users import (
    EmailVerificationAsked,
    IssuedToken,
    IssueToken,
    ListLoginAttempts,
    LoginAttempt,
    PasswordResetAsked,
)
from mercato.values.ids import TokenId
from mercato.values.messages import Event
from tests.services.conftest import Response, Running, Web, open_store, running, staff, system

PASSWORD = "correct horse battery"
RED, BLUE = "sto_red", "sto_blue"


class Person(msgspec.Struct):
    """Somebody with a confirmed account and a session."""

    id: str
    email: str
    token: str


class Town:
    """A node with the stores `red` and `blue`, and short ways to do what people do at their doors."""

    def __init__(self, node: Running) -> None:
        self.node = node
        self.web = Web(node)

    async def post(
        self, path: str, body: Any = None, *, store: str = "red", token: str = "", agent: str = "browser"
    ) -> Response:
        headers = {"user_agent": agent}
        return await self.web("POST", path, body, host=f"{store}.example", token=token, **headers)

    async def sign_up(
        self, email: str = "jo@example.org", password: str = PASSWORD, *, name: str = "Jo", store: str = "red"
    ) -> Response:
        body = {"email": email, "name": name, "password": password}
        return await self.post("/v1/auth/signup", body, store=store)

    async def log_in(
        self, email: str = "jo@example.org", password: str = PASSWORD, *, store: str = "red", token: str = ""
    ) -> Response:
        return await self.post("/v1/auth/login", {"email": email, "password": password}, store=store, token=token)

    async def issue(self, kind: type[Event], store: str = "red") -> IssuedToken:
        """The secret of the token that was asked for last, as its mail would carry it."""
        return await self.issue_token(self.node.told_of(kind)[-1].token_id, store)

    async def issue_token(self, token_id: TokenId, store: str = "red") -> IssuedToken:
        return await self.node.calls.do(IssueToken(token_id), system(f"sto_{store}"))

    async def verify(self, secret: str, *, store: str = "red") -> Response:
        return await self.post("/v1/auth/verify", {"token": secret}, store=store)

    async def settle_down(self, email: str = "jo@example.org", *, store: str = "red", name: str = "Jo") -> Person:
        """A person who has signed up, confirmed the address and logged in."""
        assert (await self.sign_up(email, store=store, name=name)).status == 202
        issued = await self.issue(EmailVerificationAsked, store)
        verified = await self.verify(issued.secret, store=store)
        assert verified.status == 200
        logged_in = await self.log_in(email, store=store)
        assert logged_in.status == 201
        return Person(verified.json()["id"], email, logged_in.json()["token"])

    async def reset_token(self, email: str = "jo@example.org", *, store: str = "red") -> str:
        assert (await self.post("/v1/auth/forgot", {"email": email}, store=store)).status == 202
        return (await self.issue(PasswordResetAsked, store)).secret

    async def attempts(self, store: str = "red") -> list[LoginAttempt]:
        """All attempts at a store, oldest first."""
        page = await self.node.calls.ask(ListLoginAttempts(limit=100), staff(f"sto_{store}"))
        return list(reversed(page.items))

    async def outcomes(self, store: str = "red") -> list[str]:
        return [attempt.outcome for attempt in await self.attempts(store)]

    async def is_logged_in(self, token: str, *, store: str = "red") -> bool:
        response = await self.web("GET", "/v1/users/me", host=f"{store}.example", token=token)
        assert response.status in (200, 401)
        return response.status == 200

    async def staff_key(self, store: str = "red") -> str:
        key = await self.node.calls.do(MakeApiKey("test"), staff(f"sto_{store}"))
        return key.secret


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with running(tmp_path, ["stores", "users"]) as node:
        await open_store(node.calls, "red")
        await open_store(node.calls, "blue")
        yield Town(node)
