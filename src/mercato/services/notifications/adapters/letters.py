"""Letters: templates rendered to mails. Every template is a text and an HTML file; the text begins with the subject.

HTML is escaped by the engine. Text is not: a name in it can at most be a line of text. Mails are put together here, in
the one form that they have, because the standard library takes five times as long; it still writes what is not plain:
headers that are long or not ASCII, addresses and bodies.
"""

from binascii import b2a_qp
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from importlib.resources import files
from typing import Any

from minijinja import Environment

from mercato.services.notifications.adapters.mailer import Mail
from mercato.services.notifications.domain import Letter, one_line
from mercato.values.clock import SECOND, Clock

CRLF = "\r\n"
LONGEST_HEADER = 78  # characters of a header that stand in one line
LONGEST_LINE = 998  # characters that a line of a mail may have

_HOME = "mercato.services.notifications.adapters"


class Letters:
    """Writes mails. All templates are compiled once, when it is made."""

    def __init__(self, clock: Clock) -> None:
        folder = files(_HOME) / "templates"
        templates = {entry.name: entry.read_text("utf-8") for entry in folder.iterdir()}
        self._clock = clock
        self._engine = Environment(
            templates=templates, undefined_behavior="strict", trim_blocks=True, lstrip_blocks=True, debug=False
        )

    def write(self, letter: Letter) -> Mail:
        """The mail. Its Message-ID and its bytes follow from the letter and the clock alone."""
        store, contact = letter.store, letter.contact
        name, sender = one_line(contact.name), one_line(store.name)
        values = {**letter.values, "store": sender, "name": name, "origin": letter.origin}
        subject, _, text = self._render(letter, "txt", values).partition("\n")
        message_id = f"<{letter.mail_id}@{store.mail_from.rpartition('@')[2]}>"
        boundary = f"=_{letter.mail_id}"
        head = (
            f'Content-Type: multipart/alternative;{CRLF} boundary="{boundary}"',
            _header("MIME-Version", "1.0"),
            _header("Message-ID", message_id),
            _header("Date", format_datetime(datetime.fromtimestamp(self._clock.now() // SECOND, UTC))),
            _header("From", formataddr((sender, store.mail_from))),
            _header("To", formataddr((name, contact.email))),
            _header("Subject", one_line(subject)),
            _header("Auto-Submitted", "auto-generated"),
        )
        plain, page = _part(text.strip() + "\n", "plain"), _part(self._render(letter, "html", values), "html")
        content = f"{CRLF.join(head)}\r\n\r\n--{boundary}\r\n{plain}\r\n--{boundary}\r\n{page}\r\n--{boundary}--\r\n"
        return Mail(message_id, store.mail_from, contact.email, content.encode("ascii"))

    def _render(self, letter: Letter, form: str, values: dict[str, Any]) -> str:
        return self._engine.render_template(f"{letter.template}.{form}", **values)


def _header(name: str, value: str) -> str:
    if value.isascii() and len(name) + len(value) < LONGEST_HEADER - 1:
        return f"{name}: {value}"
    charset = "us-ascii" if value.isascii() else "utf-8"
    return f"{name}: {Header(value, charset, LONGEST_HEADER, name).encode(linesep=CRLF)}"


def _part(text: str, subtype: str) -> str:
    """A part that people can read in the file too: plain where it is ASCII with short lines, quoted-printable else."""
    charset, encoding = "us-ascii", "7bit"
    if not text.isascii() or max(map(len, text.splitlines())) > LONGEST_LINE:
        charset, encoding = "utf-8", "quoted-printable"
        text = b2a_qp(text.encode(), istext=True).decode("ascii")
    body = CRLF.join(text.split("\n"))
    return f'Content-Type: text/{subtype}; charset="{charset}"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}'
