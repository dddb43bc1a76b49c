"""What notifications does about others' events: each is the cause of one mail."""

from mercato.contracts.orders import OrderCancelled, OrderPaid
from mercato.contracts.users import EmailVerificationAsked, PasswordChanged, PasswordResetAsked, SignUpRepeated
from mercato.runtime.transaction import Transaction
from mercato.services.notifications.commands import deliver
from mercato.values.messages import Caller


def when_email_verification_is_asked_mail_the_link(
    tx: Transaction, event: EmailVerificationAsked, _caller: Caller
) -> None:
    deliver(tx, event.user_id, "verify_email", event.token_id)


def when_sign_up_is_repeated_tell_the_owner(tx: Transaction, event: SignUpRepeated, caller: Caller) -> None:
    """It may happen again, so that the event itself is what the mail is about."""
    deliver(tx, event.user_id, "account_exists", caller.cause)


def when_password_reset_is_asked_mail_the_link(tx: Transaction, event: PasswordResetAsked, _caller: Caller) -> None:
    deliver(tx, event.user_id, "reset_password", event.token_id)


def when_password_is_changed_tell_the_owner(tx: Transaction, event: PasswordChanged, caller: Caller) -> None:
    deliver(tx, event.user_id, "password_changed", caller.cause)


def when_order_is_paid_mail_the_receipt(tx: Transaction, event: OrderPaid, _caller: Caller) -> None:
    deliver(tx, event.buyer, "receipt", event.order_id)


def when_order_is_cancelled_tell_its_shopper(tx: Transaction, event: OrderCancelled, _caller: Caller) -> None:
    """Shoppers who cancel themselves know it."""
    if event.reason != "by_shopper":
        deliver(tx, event.buyer, "order_cancelled", event.order_id)
