"""Somebody who signs up, logs in, changes or forgets the password, logs out: no session outlives what ends it (I26)."""

import asyncio
from http import HTTPStatus
from typing import Any

from mercato.apps.simulate.mail import SimulatedMailServer
from mercato.apps.simulate.network import AGAIN, SLOW
from mercato.apps.simulate.people.client import Client, Erased

LOOKS = 40  # for a mail


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
        await self._try_token("verify", self._mailed(), "was used already")
        first, second = await self._log_in(), await self._log_in()
        if not first or not second:
            return
        asked = await self._asked_for_reset() if client.does(0.5) else ""
        if await self._change_password(first):
            await self._is_over(second, "a password change")
            await self._try_token("reset", asked, "was mailed before the password was changed")
            await self._is_valid(first)
            await self._try_wrong_password(f"first password {self._number}")
        await client.think(0.5)
        if await self._reset():
            await self._is_over(first, "a reset of the password")
        third, fourth = await self._log_in(), await self._log_in()
        if third and await self._log_out(third):
            await self._is_over(third, "a log-out")
        if fourth and client.does(0.5) and await self._erase(fourth):
            await self._is_over(fourth, "the erasure of the account")

    async def _verify(self) -> bool:
        """Confirm the address. A mail that came twice makes the secret of the first one void."""
        await self._try_wrong_password(self._password)  # nobody gets in before that
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
        if not await self._asked_for_reset():
            return False
        tried = ""
        for _ in range(LOOKS):
            token = self._mailed()  # the latest: a mail that came twice makes the secret of the first one void
            if token != tried:
                tried, password = token, f"third password {self._number}"
                answer = await client.insist("POST", "/v1/auth/reset", {"token": token, "password": password})
                if answer is not None and answer.status == HTTPStatus.OK:
                    self._password = password
                    await self._try_token("reset", token, "was used already")
                    return True
            await client.think(1.0)
        return False

    async def _asked_for_reset(self) -> str:
        """The token of a mail that was asked for, "" where none came."""
        client, before = self._client, self._mailed()
        if await client.insist("POST", "/v1/auth/forgot", {"email": self._email}) is None:
            return ""
        for _ in range(LOOKS):
            token = self._mailed()
            if token and token != before:
                return token
            await client.think(1.0)
        return ""

    async def _try_token(self, what: str, token: str, why: str) -> None:
        """A token is good once, for one purpose, until something ends it."""
        body = {"token": token} if what == "verify" else {"token": token, "password": "a password of a thief"}
        answer = await self._client.insist("POST", f"/v1/auth/{what}", body) if token else None
        if answer is not None and answer.status == HTTPStatus.OK:
            self._client.around.fail("I26", "tokens", f"one of {self._client.who.name} that {why} was taken")

    async def _erase(self, token: str) -> bool:
        who = self._client.who
        account = await self._with(token, "GET", "/v1/users/me")
        await asyncio.sleep(AGAIN + SLOW + 1.0)  # no request that arrives twice comes after the erasure
        answer = await self._with(token, "DELETE", "/v1/users/me")
        if account is None or answer is None or answer.status not in (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
            return False
        self._client.around.erased.append(Erased(who.store.id, account.json()["id"], self._email))
        return True

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
        return self._mail.latest_token(self._email, sender)
