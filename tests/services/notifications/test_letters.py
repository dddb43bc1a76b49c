"""Letters: headers stay one line each whatever stands in a name, and the same letter is the same bytes."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from mercato.contracts.notifications import Template
from mercato.contracts.stores import Store
from mercato.contracts.users import Contact
from mercato.services.notifications.adapters.letters import LONGEST_LINE, Letters
from mercato.services.notifications.adapters.mailer import Mail
from mercato.services.notifications.domain import Letter, one_line, origin_of
from mercato.values.clock import ManualClock
from mercato.values.ids import MailId, StoreId

MAIL = MailId("mail_0193a6f4c1d27a3b9c4de5f60718293a")


def store(name: str = "Red", url: str = "https://red.example") -> Store:
    return Store(StoreId("sto_red"), "red", name, (), "EUR", "UTC", "signed_in", "shop@red.example", url, 1)


def letter(template: Template = "password_changed", contact: str = "Jo", name: str = "Red") -> Letter:
    values = {"token": "t"} if template in ("verify_email", "reset_password") else {}
    return Letter(MAIL, template, store(name), Contact("jo@example.org", contact), "https://red.example", values)


def read(mail: Mail) -> EmailMessage:
    """The mail as who receives it reads it."""
    return message_from_bytes(mail.content, policy=policy.default)


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00"])
def test_a_line_break_in_a_name_adds_no_header(break_: str) -> None:
    evil = f"Jo{break_}Bcc: all@example.org{break_}{break_}<p>"
    mail = Letters(ManualClock()).write(letter(contact=evil, name=evil))
    message = read(mail)
    assert message["Bcc"] is None
    assert [address.addr_spec for address in message["To"].addresses] == ["jo@example.org"]
    head = mail.content.partition(b"\r\n\r\n")[0]
    assert sorted(line.split(b":")[0] for line in head.splitlines() if line[:1] not in b" \t") == sorted(
        [b"Message-ID", b"Date", b"From", b"To", b"Subject", b"Auto-Submitted", b"MIME-Version", b"Content-Type"]
    )


def test_the_same_letter_at_the_same_time_is_the_same_bytes() -> None:
    clock = ManualClock()
    first, second = (Letters(clock).write(letter()).content for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "name", ["Jo", "Jörg Łukasz 王芳", "Johanna " * 20, "王芳" * 40, 'Jo "the" (Great), Ltd.', "J" * 700]
)
def test_a_mail_is_read_as_it_was_written_whatever_the_name(name: str) -> None:
    mail = Letters(ManualClock()).write(letter(contact=name, name=name))
    message = read(mail)
    (recipient,) = message["To"].addresses
    assert (" ".join(recipient.display_name.split()), recipient.addr_spec) == (name.strip(), "jo@example.org")
    assert name.strip() in " ".join(message["Subject"].split())
    text, html = (part.get_content() for part in message.iter_parts())
    assert f"Hello {name.strip()},\r\n" in text
    assert "</html>" in html
    assert mail.content.isascii()
    assert max(map(len, mail.content.split(b"\r\n"))) <= LONGEST_LINE
    assert mail.content.count(b"\n") == mail.content.count(b"\r\n")


@pytest.mark.parametrize("template", ["verify_email", "reset_password", "password_changed", "account_exists"])
def test_every_template_has_a_subject_a_text_and_a_page(template: Template) -> None:
    message = read(Letters(ManualClock()).write(letter(template)))
    assert "Red" in message["Subject"]
    text, html = (part.get_content() for part in message.iter_parts())
    assert "\n\n\n" not in text
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    assert "{" not in message["Subject"] + text + html


def test_links_lead_to_the_store_or_to_its_place_at_the_installation() -> None:
    assert origin_of(store(), "http://127.0.0.1:8000") == "https://red.example"
    assert origin_of(store(url=""), "http://127.0.0.1:8000") == "http://127.0.0.1:8000/s/red"


def test_one_line_keeps_letters_of_all_scripts() -> None:
    assert one_line(" Jörg\t Łukasz\r\n王芳 \u202e ") == "Jörg Łukasz 王芳"
