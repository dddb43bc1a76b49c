"""Letters: templates rendered to mails. Every template is a text and an HTML file; the text begins with the subject.

HTML is escaped by the engine. Text is not: a name in it can at most be a line of text, and headers are made by the
standard library, from values without line breaks.
"""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from importlib.resources import files
from typing import Any

from minijinja import Environment

from mercato.services.notifications.domain import Letter, one_line
from mercato.values.clock import SECOND, Clock

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

    def write(self, letter: Letter) -> EmailMessage:
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
        message = EmailMessage()
        message["Message-ID"] = f"<{letter.mail_id}@{domain}>"
        message["Date"] = format_datetime(datetime.fromtimestamp(self._clock.now() // SECOND, UTC))
        message["From"] = Address(one_line(store.name), addr_spec=store.mail_from)
        message["To"] = Address(values["name"], addr_spec=letter.contact.email)
        message["Subject"] = one_line(subject)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text.strip() + "\n")
        message.add_alternative(self._render(letter, "html", values), subtype="html")
        message.set_boundary(f"=_{letter.mail_id}")
        return message

    def _render(self, letter: Letter, form: str, values: dict[str, Any]) -> str:
        return self._engine.render_template(f"{letter.template}.{form}", **values)
