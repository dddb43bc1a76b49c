"""What may be changed in notifications: a delivery begins, and ends."""

import msgspec

from mercato.contracts.notifications import Delivery, NotificationFailed, NotificationSent, Template
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
    if any(row.template == template for row in tx.rows(storage.DELIVERIES, subject_id)):
        return
    mail_id = MailId(tx.new_id("mail"))
    row = Delivery(mail_id, UserId(user_id), template, subject_id, "waiting", 0, tx.now, None)
    tx.add(storage.DELIVERIES, row)
    tx.start("mail", mail_id, SendMail(mail_id, UserId(user_id), template, subject_id))


def record_delivery(tx: Transaction, command: RecordDelivery, _caller: Caller) -> None:
    mail = command.mail
    for row in tx.rows(storage.DELIVERIES, mail.subject_id):
        if row.id == mail.mail_id and row.state == "waiting":
            moment = tx.now if command.outcome == "sent" else None
            after = msgspec.structs.replace(row, state=command.outcome, attempts=command.attempts, sent_at=moment)
            tx.change(storage.DELIVERIES, row, after)
            told = NotificationSent if command.outcome == "sent" else NotificationFailed
            tx.emit(told(row.id, row.template), row.id, 2)
