"""Slow work of notifications: a mail is written with what is true when it is sent, and handed to the mailer."""

from typing import Any

from mercato.contracts.notifications import Template
from mercato.contracts.orders import GetOrder
from mercato.contracts.stores import GetStore
from mercato.contracts.users import Contact, GetContact, InvalidToken, IssueToken
from mercato.runtime.service import Door, Work
from mercato.runtime.transaction import Intent
from mercato.services.notifications.adapters.letters import Letters
from mercato.services.notifications.adapters.mailer import Mailer, MailRefused
from mercato.services.notifications.domain import Letter, order_values, origin_of
from mercato.services.notifications.messages import RecordDelivery, SendMail
from mercato.values.ids import OrderId, TokenId
from mercato.values.messages import Caller, NotFound

TRIES = 300  # with the pauses between them three days (I23)

# What the subject of a mail is: a one-time token, an order, or only the cause of the mail.
TOKENS: tuple[Template, ...] = ("verify_email", "reset_password")
ORDERS: tuple[Template, ...] = ("receipt", "order_cancelled")


class MailWork:
    """The work of one mailer. `installation` is the address of links for stores that have none of their own."""

    def __init__(self, mailer: Mailer, letters: Letters, installation: str) -> None:
        self._mailer = mailer
        self._letters = letters
        self._installation = installation
        mail = Work(
            "mail",
            SendMail,
            self.send,
            self.give_up,
            mailer.name,
            at_once=mailer.at_once,
            tries=TRIES,
            background=True,
        )
        self.rows = (mail,)

    async def send(self, body: SendMail, intent: Intent, calls: Door) -> RecordDelivery:
        """A second run after a crash sends the same Message-ID again; the token of the first mail is void then.

        Who is erased by now gets no mail, and a token that was used or is too old needs none: nothing is tried again.
        """
        caller = Caller.system(intent.store, intent.id)
        store = await calls.ask(GetStore(), caller)
        try:
            contact, values = await self._contents(body, calls, caller)
        except (NotFound, InvalidToken):
            return self.give_up(body, intent)
        origin = origin_of(store, self._installation)
        mail = self._letters.write(Letter(body.mail_id, body.template, store, contact, origin, values))
        try:
            await self._mailer.send(mail)
        except MailRefused:
            return self.give_up(body, intent)
        return RecordDelivery(body, "sent", intent.attempts + 1)

    @staticmethod
    def give_up(body: SendMail, intent: Intent) -> RecordDelivery:
        return RecordDelivery(body, "gave_up", intent.attempts + 1)

    async def _contents(self, body: SendMail, calls: Door, caller: Caller) -> tuple[Contact, dict[str, Any]]:
        if body.template in TOKENS:
            issued = await calls.do(IssueToken(TokenId(body.subject_id)), caller)
            return issued.contact, {"token": issued.secret}
        contact = await calls.ask(GetContact(body.user_id), caller)
        if body.template in ORDERS:
            order = await calls.ask(GetOrder(OrderId(body.subject_id)), caller)
            return contact, order_values(order)
        return contact, {}
