"""Letters: templates rendered to mails. Every template is a text and an HTML file; the text begins with the subject.

HTML is escaped by the engine. Text is not: a name in it can at most be a line of text, and headers are made by the
standard library, from values without line breaks. It is its older, plain form of messages: the newer one parses
every header that it is given, and again when it writes them.
"""

from datetime import UTC, datetime
from email.charset import QP, Charset
from email.header import Header
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime, formataddr
from importlib.resources import files
from typing import Any

from minijinja import Environment

from mercato.services.notifications.domain import Letter, one_line
from mercato.values.clock import SECOND, Clock

_READABLE = Charset("utf-8")
_READABLE.body_encoding = QP

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

    def write(self, letter: Letter) -> Message:
        """The mail. Its Message-ID and its bytes follow from the letter and the clock alone."""
        store = letter.store
        values = {
            **letter.values,
            "store": one_line(store.name),
            "name": one_line(letter.contact.name),
            "origin": letter.origin,
        }
        subject, _, text = self._render(letter, "txt", values).partition("\n")
        domain = store.mail_from.rpartition("@")[2]
        message = MIMEMultipart("alternative", boundary=f"=_{letter.mail_id}")
        message["Message-ID"] = f"<{letter.mail_id}@{domain}>"
        message["Date"] = format_datetime(datetime.fromtimestamp(self._clock.now() // SECOND, UTC))
        message["From"] = formataddr((one_line(store.name), store.mail_from))
        message["To"] = formataddr((values["name"], letter.contact.email))
        message["Subject"] = _header(one_line(subject))
        message["Auto-Submitted"] = "auto-generated"
        message.attach(_part(text.strip() + "\n", "plain"))
        message.attach(_part(self._render(letter, "html", values), "html"))
        return message

    def _render(self, letter: Letter, form: str, values: dict[str, Any]) -> str:
        return self._engine.render_template(f"{letter.template}.{form}", **values)


def _header(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8").encode()


def _part(text: str, subtype: str) -> MIMENonMultipart:
    """A part that people can read in the file too: plain where it is ASCII, quoted-printable else."""
    part = MIMENonMultipart("text", subtype)
    part.set_payload(text, Charset("us-ascii") if text.isascii() else _READABLE)
    return part
