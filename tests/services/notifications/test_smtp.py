"""Mails by SMTP, against a server that speaks the protocol as far as a mail needs it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mercato.runtime.parts import ThreadedWork
from mercato.services.notifications.adapters.mailer import Mail, MailRefused
from mercato.services.notifications.adapters.smtp import Smtp


class Server:
    """Takes mails, or answers a command as `answers` says."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.mails: list[str] = []
        self.answers: dict[str, str] = {}
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode().strip():
            self.lines.append(line)
            verb = line.split()[0].upper()
            answer = self.answers.get(verb, {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 fine"))
            writer.write(answer.encode() + b"\r\n")
            if answer.startswith("354"):
                self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(self.answers.get(".", "250 taken").encode() + b"\r\n")
            if verb == "QUIT":
                break
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    yield server
    listener.close()


@pytest.fixture
async def pool() -> AsyncIterator[ThreadedWork]:
    pool = ThreadedWork(asyncio.get_running_loop(), 1, "slow")
    yield pool
    pool.close()


def mail() -> Mail:
    head = b"Message-ID: <mail_1@red.example>\r\nFrom: shop@red.example\r\nTo: jo@example.org\r\n"
    return Mail("<mail_1@red.example>", "shop@red.example", "jo@example.org", head + b"\r\nHello\r\n.\r\nJo\r\n")


async def test_a_mail_is_handed_over(server: Server, pool: ThreadedWork) -> None:
    await Smtp(f"smtp://127.0.0.1:{server.port}", pool).send(mail())
    assert server.lines[0] == "ehlo red.example"
    assert [line.lower() for line in server.lines[-4:]] == [
        "mail from:<shop@red.example>",
        "rcpt to:<jo@example.org>",
        "data",
        "quit",
    ]
    (taken,) = server.mails
    assert "Message-ID: <mail_1@red.example>\r\n" in taken
    assert "Hello\r\n..\r\nJo\r\n" in taken


@pytest.mark.parametrize(("verb", "answer"), [("RCPT", "550 no such mailbox"), (".", "554 no spam")])
async def test_a_mail_that_is_refused_for_good_is_not_worth_a_second_try(
    server: Server, pool: ThreadedWork, verb: str, answer: str
) -> None:
    server.answers[verb] = answer
    with pytest.raises(MailRefused):
        await Smtp(f"smtp://127.0.0.1:{server.port}", pool).send(mail())


@pytest.mark.parametrize(
    ("verb", "answer"), [("RCPT", "451 later"), (".", "452 full"), ("MAIL", "550 not from you"), ("EHLO", "500 what?")]
)
async def test_what_may_pass_is_tried_again(server: Server, pool: ThreadedWork, verb: str, answer: str) -> None:
    server.answers.update({verb: answer, "HELO": "500 what?"} if verb == "EHLO" else {verb: answer})
    with pytest.raises(OSError, match=answer[:3]) as caught:
        await Smtp(f"smtp://127.0.0.1:{server.port}", pool).send(mail())
    assert not isinstance(caught.value, MailRefused)


async def test_a_server_that_is_down_is_tried_again(server: Server, pool: ThreadedWork) -> None:
    with pytest.raises(ConnectionRefusedError):
        await Smtp("smtp://127.0.0.1:1", pool).send(mail())
    assert server.lines == []


async def test_a_password_is_not_sent_in_the_clear(server: Server, pool: ThreadedWork) -> None:
    with pytest.raises(ConnectionError, match="no STARTTLS"):
        await Smtp(f"smtp://shop:secret@127.1:{server.port}", pool).send(mail())
    assert not [line for line in server.lines if line.upper().startswith("AUTH")]
    assert server.mails == []


async def test_user_and_password_are_given_to_a_server_on_the_own_machine(server: Server, pool: ThreadedWork) -> None:
    server.answers["EHLO"] = "250-test\r\n250 AUTH PLAIN"
    server.answers["AUTH"] = "235 welcome"
    await Smtp(f"smtp://shop%40red.example:s%2Fecret@127.0.0.1:{server.port}", pool).send(mail())
    assert "AUTH PLAIN AHNob3BAcmVkLmV4YW1wbGUAcy9lY3JldA==" in server.lines
    assert len(server.mails) == 1
