"""The manifest of payments."""

from functools import partial

from mercato.contracts.orders import HoldExtended, OrderCancelled, OrderPaid, PaymentDue, RefundDue
from mercato.contracts.payments import (
    AwaitDue,
    CompleteAction,
    GatewayUnavailable,
    GetPayment,
    ListPayments,
    ListRefunds,
    PayOrder,
    RecordNotice,
)
from mercato.runtime.service import Ask, Await, Consult, Handle, Listen, Needs, Service, named
from mercato.runtime.setup import Setup
from mercato.services.payments import commands, listeners, queries, storage
from mercato.services.payments.adapters.gateway import Gateway
from mercato.services.payments.adapters.notices import PostNotice
from mercato.services.payments.adapters.test_gateway import TestGateway
from mercato.services.payments.api import routes
from mercato.services.payments.messages import DecideStep, IsWanted, RecordOutcome, RecordRefund
from mercato.services.payments.work import GatewayWork, decide_step

DUE = named("order_id", storage.DUES)
PAYMENT = named("payment_id", storage.PAYMENTS)


def service(setup: Setup, gateway: Gateway | None = None) -> Service:
    """Payments, as this process runs it: with the gateway that is handed in, else with the test gateway."""
    if gateway is None:
        gateway = _test_gateway(setup)
    return Service(
        name="payments",
        package="mercato.services.payments",
        tables=storage.metadata,
        handlers=(
            Handle(
                PayOrder,
                commands.pay_order,
                keys=(DUE,),
                subject=lambda command: command.payment_id,
                needs=Needs("charge", GatewayUnavailable),
            ),
            Handle(CompleteAction, commands.complete_action, keys=(PAYMENT,)),
            Handle(RecordNotice, commands.record_notice, keys=(PAYMENT, commands.due_of_payment)),
            Handle(RecordOutcome, commands.record_outcome, keys=(PAYMENT, commands.due_of_payment)),
            Handle(RecordRefund, commands.record_refund),
        ),
        asks=(
            Ask(GetPayment, queries.get_payment, snapshot=False, keys=(PAYMENT,)),
            Ask(IsWanted, queries.is_wanted, snapshot=False, keys=(DUE,)),
            Ask(ListPayments, queries.list_payments),
            Ask(ListRefunds, queries.list_refunds),
        ),
        awaits=(
            Await(
                AwaitDue,
                read=queries.is_due_known,
                settled=lambda is_known, _query: is_known,
                subject=lambda query: query.order_id,
                keys=(DUE,),
            ),
        ),
        consults=(Consult(DecideStep, partial(decide_step, gateway)),) if isinstance(gateway, TestGateway) else (),
        listeners=(
            Listen(PaymentDue, listeners.when_payment_is_due_expect_it),
            Listen(HoldExtended, listeners.when_hold_is_extended_extend_what_is_due, keys=(DUE,)),
            Listen(
                OrderPaid,
                listeners.when_order_is_paid_answer_its_shopper,
                keys=(DUE, listeners.payment_of_due),
            ),
            Listen(OrderCancelled, listeners.when_order_is_cancelled_refund_it, keys=(DUE,)),
            Listen(RefundDue, listeners.when_refund_is_due_give_it_back, keys=(PAYMENT,)),
        ),
        work=GatewayWork(gateway, setup.parts.clock).rows,
        routes=routes(gateway),
        close=gateway.close,
    )


def _test_gateway(setup: Setup) -> TestGateway:
    parts, settings = setup.parts, setup.settings
    file = settings.data / "test_gateway.jsonl" if setup.here("payments") else None
    gateway = TestGateway(file, parts.clock, parts.keyring, settings.url)
    gateway.deliver = PostNotice(f"http://{settings.host}:{settings.port}/v1/payments/webhooks/{gateway.name}")
    return gateway
