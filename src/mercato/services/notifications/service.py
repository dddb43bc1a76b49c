"""The manifest of notifications."""

from mercato.contracts.notifications import ListDeliveries
from mercato.contracts.orders import OrderCancelled, OrderPaid
from mercato.contracts.users import EmailVerificationAsked, PasswordChanged, PasswordResetAsked, SignUpRepeated
from mercato.runtime.service import Ask, Handle, Listen, Service, named
from mercato.runtime.setup import Setup
from mercato.services.notifications import commands, listeners, queries, storage
from mercato.services.notifications.adapters.letters import Letters
from mercato.services.notifications.adapters.mail_folder import MailFolder
from mercato.services.notifications.adapters.mailer import Mailer
from mercato.services.notifications.adapters.smtp import Smtp
from mercato.services.notifications.api import ROUTES
from mercato.services.notifications.messages import RecordDelivery
from mercato.services.notifications.work import MailWork

OF_ORDER = named("order_id", storage.DELIVERIES)


def service(setup: Setup, mailer: Mailer | None = None) -> Service:
    """Notifications, as this process runs it: mails go to the mailer that is handed in, else where the settings say."""
    if mailer is None:
        mailer = mailer_of(setup)
    return Service(
        name="notifications",
        package="mercato.services.notifications",
        tables=storage.metadata,
        handlers=(
            Handle(RecordDelivery, commands.record_delivery, keys=(named("mail.subject_id", storage.DELIVERIES),)),
        ),
        asks=(Ask(ListDeliveries, queries.list_deliveries),),
        listeners=(
            Listen(EmailVerificationAsked, listeners.when_email_verification_is_asked_mail_the_link),
            Listen(SignUpRepeated, listeners.when_sign_up_is_repeated_tell_the_owner),
            Listen(PasswordResetAsked, listeners.when_password_reset_is_asked_mail_the_link),
            Listen(PasswordChanged, listeners.when_password_is_changed_tell_the_owner),
            Listen(OrderPaid, listeners.when_order_is_paid_mail_the_receipt, keys=(OF_ORDER,)),
            Listen(OrderCancelled, listeners.when_order_is_cancelled_tell_its_shopper, keys=(OF_ORDER,)),
        ),
        work=MailWork(mailer, Letters(setup.parts.clock), setup.settings.url).rows,
        routes=ROUTES,
    )


def mailer_of(setup: Setup) -> Mailer:
    pool = setup.parts.pools.slow
    if setup.settings.mail == "folder":
        return MailFolder(setup.settings.mail_folder, pool)
    return Smtp(setup.settings.mail, pool)
