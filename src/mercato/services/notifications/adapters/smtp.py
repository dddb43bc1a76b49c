"""Mails by SMTP, with STARTTLS where the server offers it."""

import smtplib
import ssl
from urllib.parse import unquote, urlsplit

from mercato.runtime.parts import WorkPool
from mercato.services.notifications.adapters.mailer import Mail, MailRefused

TIMEOUT = 10.0  # seconds for each step of the conversation
FOR_GOOD = 500  # replies from here on are not worth a second try

_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class Smtp:
    """A server at smtp://USER:PASSWORD@HOST:PORT; user and password may be left out.

    It takes one mail at a time: a slow server must not hold more than one thread of the pool that also hashes
    passwords.
    """

    name = "mail server"
    at_once = 1

    def __init__(self, url: str, pool: WorkPool) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "localhost"
        self._port = parts.port or 587
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._pool = pool

    async def send(self, mail: Mail) -> None:
        await self._pool.run(lambda: self._send(mail))

    def _send(self, mail: Mail) -> None:
        domain = mail.message_id.strip("<>").rpartition("@")[2]
        try:
            with smtplib.SMTP(self._host, self._port, local_hostname=domain, timeout=TIMEOUT) as server:
                self._enter(server)
                server.sendmail(mail.sender, [mail.recipient], mail.content)
        except smtplib.SMTPRecipientsRefused as error:
            if all(code >= FOR_GOOD for code, _ in error.recipients.values()):
                raise MailRefused(str(error)) from error
            raise
        except smtplib.SMTPDataError as error:
            if error.smtp_code >= FOR_GOOD:
                raise MailRefused(str(error)) from error
            raise

    def _enter(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        encrypted = server.has_extn("starttls")
        if encrypted:
            server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
        if not self._user:
            return
        if not encrypted and self._host not in _OWN_MACHINE:
            raise ConnectionError(f"{self._host} offers no STARTTLS: the password is not sent in the clear")
        server.login(self._user, self._password)
