"""Messages that only the worker of notifications sends, and the body of its intents."""

from typing import Literal

import msgspec

from mercato.contracts.notifications import Template
from mercato.values.ids import MailId, UserId
from mercato.values.messages import Command, System


class SendMail(msgspec.Struct, frozen=True):
    """Write and send this mail. Ids only: persons and orders are asked for when it is sent."""

    mail_id: MailId
    user_id: UserId
    template: Template
    subject_id: str


class RecordDelivery(Command[None], frozen=True):
    """How a delivery ended. Nothing happens when that is known already."""

    allow = System
    mail: SendMail
    outcome: Literal["sent", "gave_up"]
    attempts: int
