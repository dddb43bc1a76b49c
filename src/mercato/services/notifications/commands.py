"""What may be changed in notifications: a delivery begins, and ends."""

from mercato.contracts.notifications import NotificationFailed, NotificationSent, Template
from mercato.runtime.transaction import Transaction
from mercato.services.notifications import storage
from mercato.services.notifications.domain import can_be_written_to
from mercato.services.notifications.messages import RecordDelivery, SendMail
from mercato.values.ids import MailId, UserId
from mercato.values.messages import Caller


def deliver(tx: Transaction, user_id: str, template: Template, subject_id: str) -> None:
    """Begin a delivery: one for each template and subject, whatever happens twice (I23)."""
    if not can_be_written_to(user_id):
        return
    if tx.one(storage.FIND_BY_SUBJECT, subject_id=subject_id, template=template) is not None:
        return
    mail_id = MailId(tx.new_id("mail"))
    tx.defer(
        storage.ADD_DELIVERY,
        id=mail_id,
        user_id=user_id,
        template=template,
        subject_id=subject_id,
        state="waiting",
        attempts=0,
        created_at=tx.now,
        sent_at=None,
    )
    tx.start("mail", mail_id, SendMail(mail_id, UserId(user_id), template, subject_id))


def record_delivery(tx: Transaction, command: RecordDelivery, _caller: Caller) -> None:
    sent = command.outcome == "sent"
    moment = tx.now if sent else None
    settled = tx.run(
        storage.SETTLE_DELIVERY,
        id=command.mail_id,
        new_state=command.outcome,
        tried=command.attempts,
        moment=moment,
    )
    row = tx.one(storage.FIND_DELIVERY, id=command.mail_id) if settled else None
    if row is not None:
        tx.emit((NotificationSent if sent else NotificationFailed)(row.id, row.template), row.id, 2)
