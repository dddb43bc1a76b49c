"""notifications: templates and deliveries. A mail is written once, sent at least once, with a stable Message-ID."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mercato.values.ids import MailId, UserId
from mercato.values.messages import Event, Query, Staff
from mercato.values.page import Page

Template = Literal[
    "verify_email", "welcome", "reset_password", "password_changed", "account_exists", "receipt", "order_cancelled"
]


class Delivery(msgspec.Struct, frozen=True):
    """One mail: whom it is for, why, and how far it is. `subject_id` is the order or token that it is about."""

    id: MailId
    user_id: UserId
    template: Template
    subject_id: str
    state: Literal["waiting", "sent", "gave_up"]
    attempts: int
    created_at: int
    sent_at: int | None


class NotificationSent(Event, frozen=True):
    mail_id: MailId
    template: Template


class NotificationFailed(Event, frozen=True):
    mail_id: MailId
    template: Template


class ListDeliveries(Query[Page[Delivery]], frozen=True):
    """Newest first."""

    allow = Staff
    cursor: str = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
