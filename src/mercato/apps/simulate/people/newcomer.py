"""Somebody who signs up, logs in, changes or forgets the password, logs out: no session outlives what ends it (I26)."""

import re
from http import HTTPStatus
from typing import Any

from mercato.apps.simulate.mail import SimulatedMailServer
from mercato.apps.simulate.people.client import Client

LOOKS = 40  # for a mail
_TOKEN = re.compile(r"token=([A-Za-z0-9_-]+)")


class Newcomer:
    """`client` is somebody without a token; `number` makes the address and the passwords."""

    def __init__(self, client: Client, mail: SimulatedMailServer, number: int) -> None:
        self._client = client
        self._mail = mail
        self._email = f"newcomer{number}@people.example"
        self._password = f"first password {number}"
        self._number = number

    async def run(self) -> None:
        client = self._client
        body = {"email": self._email, "name": client.who.mark, "password": self._password}
        if await client.insist("POST", "/v1/auth/signup", body) is None or not await self._verify():
            return
        await self._try_wrong_password("not this one")
        first, second = await self._log_in(), await self._log_in()
        if not first or not second:
            return
        if await self._change_password(first):
            await self._is_over(second, "a password change")
            await self._is_valid(first)
            await self._try_wrong_password(f"first password {self._number}")
        await client.think(0.5)
        if await self._reset():
            await self._is_over(first, "a reset of the password")
        third = await self._log_in()
        if third and await self._log_out(third):
            await self._is_over(third, "a log-out")

    async def _verify(self) -> bool:
        """Confirm the address. A mail that came twice makes the secret of the first one void."""
        used = ""
        for _ in range(LOOKS):
            token = self._mailed()
            if token and token != used:
                used = token
                answer = await self._client.insist("POST", "/v1/auth/verify", {"token": token})
                if answer is not None and answer.status == HTTPStatus.OK:
                    return True
                if await self._log_in():
                    return True  # an answer was lost, and the token is used
            await self._client.think(1.0)
        return False

    async def _log_in(self) -> str:
        """The token of a new session, "" where there is none."""
        body = {"email": self._email, "password": self._password}
        answer = await self._client.insist("POST", "/v1/auth/login", body)
        return str(answer.json()["token"]) if answer is not None and answer.status == HTTPStatus.CREATED else ""

    async def _try_wrong_password(self, password: str) -> None:
        body = {"email": self._email, "password": password}
        answer = await self._client.insist("POST", "/v1/auth/login", body)
        if answer is not None and answer.status == HTTPStatus.CREATED:
            self._client.around.fail("I26", "log-in", f"{self._client.who.name} got in with a wrong password")

    async def _change_password(self, token: str) -> bool:
        body = {"old_password": self._password, "new_password": f"second password {self._number}"}
        answer = await self._with(token, "POST", "/v1/users/me/password", body)
        if answer is not None and answer.status == HTTPStatus.OK:
            self._password = body["new_password"]
            return True
        return False

    async def _reset(self) -> bool:
        client = self._client
        before = self._mailed()
        if await client.insist("POST", "/v1/auth/forgot", {"email": self._email}) is None:
            return False
        for _ in range(LOOKS):
            token = self._mailed()
            if token and token != before:
                body = {"token": token, "password": f"third password {self._number}"}
                answer = await client.insist("POST", "/v1/auth/reset", body)
                if answer is not None and answer.status == HTTPStatus.OK:
                    self._password = body["password"]
                    return True
            await client.think(1.0)
        return False

    async def _log_out(self, token: str) -> bool:
        answer = await self._with(token, "POST", "/v1/auth/logout")
        return answer is not None and answer.status == HTTPStatus.NO_CONTENT

    async def _is_over(self, token: str, why: str) -> None:
        answer = await self._with(token, "GET", "/v1/users/me")
        if answer is not None and answer.status != HTTPStatus.UNAUTHORIZED:
            text = f"a session of {self._client.who.name} lives on after {why}: {answer.status}"
            self._client.around.fail("I26", "sessions", text)

    async def _is_valid(self, token: str) -> None:
        answer = await self._with(token, "GET", "/v1/users/me")
        if answer is not None and answer.status != HTTPStatus.OK:
            text = f"the session of {self._client.who.name} that changed its password is over: {answer.status}"
            self._client.around.fail("I26", "sessions", text)

    async def _with(self, token: str, method: str, path: str, body: Any = None) -> Any:
        """Send with this token."""
        client, before = self._client, self._client.token
        client.token = token
        try:
            return await client.insist(method, path, body)
        finally:
            client.token = before

    def _mailed(self) -> str:
        """The token in the latest mail that has one."""
        sender = f"{self._client.who.store.handle}.example"
        for mail in reversed(self._mail.inbox(self._email, sender)):
            if found := _TOKEN.search(mail.text):
                return found[1]
        return ""
