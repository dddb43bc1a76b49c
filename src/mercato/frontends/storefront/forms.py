"""Forms: what was typed, and what is wrong with it. Typed values are never lost, except passwords."""

import hashlib
import re
from collections.abc import Mapping

import msgspec

from mercato.contracts.users import Email
from mercato.frontends.storefront import texts
from mercato.frontends.storefront.visit import Visit
from mercato.runtime.answers import IdempotencyKey
from mercato.values.messages import Malformed

LINE = 120  # characters of a name or a line of an address
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 256

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_KEY = re.compile(r"[A-Za-z0-9_]{8,64}")


class Form:
    """Values by field name, and errors by field name in the order in which they were found."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values: dict[str, str] = dict(values or {})
        self.errors: dict[str, str] = {}
        self.problem = ""  # what is wrong with the form as a whole

    @property
    def ok(self) -> bool:
        return not self.errors and not self.problem

    def text(self, name: str) -> str:
        """What was typed, "" for nothing."""
        return self.values.get(name, "")

    def error(self, name: str) -> str:
        return self.errors.get(name, "")

    def refuse(self, name: str, error: str) -> None:
        self.errors.setdefault(name, error)

    def line(self, name: str, *, required: bool = True, most: int = LINE) -> str:
        """One line of text without blanks around it; what is wrong with it is noted."""
        text = self.text(name).strip()
        if required and not text:
            self.refuse(name, texts.FIELD_REQUIRED)
        elif len(text) > most:
            self.refuse(name, texts.FIELD_TOO_LONG.format(most=most))
        elif _CONTROL.search(text):
            self.refuse(name, texts.FIELD_CONTROL)
        return text

    def email(self, name: str) -> str:
        text = self.text(name).strip()
        try:
            return msgspec.convert(text, Email)
        except msgspec.ValidationError:
            self.refuse(name, texts.FIELD_EMAIL if text else texts.FIELD_REQUIRED)
            return text

    def new_password(self, name: str, email: str) -> str:
        """A password to be set; it must not be the e-mail address of its account."""
        password = self.text(name)
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            self.refuse(name, texts.FIELD_PASSWORD)
        elif password.strip().casefold() == email.strip().casefold():
            self.refuse(name, texts.FIELD_PASSWORD_IS_EMAIL)
        return password

    def old_password(self, name: str) -> str:
        password = self.text(name)
        if not password:
            self.refuse(name, texts.FIELD_REQUIRED)
        return password


def sent_form(visit: Visit) -> Form:
    """The form of this request."""
    return Form(visit.request.form())


def new_key(visit: Visit) -> str:
    """A key for a form that buys or pays: minted when the form is made, so that sending it twice does one thing."""
    return visit.edge.ids.new("req")


def sent_key(form: Form) -> str:
    """The key of a form that was sent."""
    text = form.text("key")
    if not _KEY.fullmatch(text):
        raise Malformed("the form has no key")
    return text


def key_of(visit: Visit, form: Form) -> IdempotencyKey:
    """The key of a form that was sent, bound to its shopper, its page and what it says."""
    text = sent_key(form)
    scope = f"{visit.caller.buyer} POST {visit.request.path}"[:120]
    return IdempotencyKey(scope, text, hashlib.sha256(visit.request.body).hexdigest(), 201)
