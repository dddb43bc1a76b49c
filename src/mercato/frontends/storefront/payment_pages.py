"""Paying an order: choosing how, waiting for the outcome, the test gateway's own page, and the end of the story."""

from contextlib import suppress

import msgspec

from mercato.contracts.orders import AwaitOutcome, GetOrder, Order
from mercato.contracts.payments import (
    AwaitDue,
    CompleteAction,
    DueUnknown,
    GatewayUnavailable,
    GetPayment,
    ListPayments,
    NothingDue,
    Payment,
    PaymentAnswer,
    PaymentDeclined,
    PaymentInProgress,
    PayOrder,
)
from mercato.frontends.storefront.forms import key_of, new_key, sent_form
from mercato.frontends.storefront.texts import TEST_SOURCES
from mercato.frontends.storefront.visit import Sent, Visit
from mercato.runtime.answers import Answer, IdempotencyKey
from mercato.runtime.http.exchange import Reply
from mercato.values.ids import OrderId, PaymentId
from mercato.values.messages import Conflict, KeyReused, Malformed, NotFound, Refusal

WAIT = 4.0  # seconds for which a shopper waits for the gateway before seeing a page that waits
LOOKS, LOOK = 8, 0.25  # the page that waits looks so often, every so many seconds, before it is shown
OPEN = ("calling", "unknown", "action_needed")


async def choose_payment(visit: Visit) -> Reply:
    order = await _order(visit)
    if order.stage != "payment_due":
        return _elsewhere(visit, order)
    last = await _last_payment(visit, order.id)
    if last is not None and last.state != "failed":
        return visit.go(f"/orders/{order.id}/waiting")
    return await visit.show("payment.html", order=order, sources=TEST_SOURCES, key=new_key(visit))


async def pay(visit: Visit) -> Reply:
    """Try to pay, once for the form's key, and wait a little for the outcome."""
    order = await _order(visit)
    form = sent_form(visit)
    source = form.text("source")
    if source not in {known for known, _, _ in TEST_SOURCES}:
        raise Malformed("there is no such means of payment")
    command = PayOrder(PaymentId(visit.edge.ids.new("pay")), order.id, source)
    try:
        answer = await _paid(visit, command, key_of(visit, form))
    except KeyReused:
        return visit.go(f"/orders/{order.id}/payment", notice="form_used")
    except (GatewayUnavailable, DueUnknown):
        return visit.go(f"/orders/{order.id}/payment", notice="pay_later")
    return _after_paying(visit, order, answer)


async def _paid(visit: Visit, command: PayOrder, key: IdempotencyKey) -> Answer:
    """What came of it. payments may not have heard yet that the order waits for its payment."""
    try:
        return await visit.calls.do_once(command, visit.caller, key, WAIT)
    except DueUnknown:
        await visit.ask(AwaitDue(command.order_id, WAIT))
        return await visit.calls.do_once(command, visit.caller, key, WAIT)


async def waiting(visit: Visit) -> Reply:
    """A page that asks for itself again until there is something to say."""
    order = await _order(visit)
    last: Payment | None = None
    for _ in range(LOOKS):
        last = await _last_payment(visit, order.id)
        if order.stage in ("paid", "cancelled"):
            return _elsewhere(visit, order)
        if order.stage == "payment_due" and (last is None or last.state == "failed"):
            return visit.go(f"/orders/{order.id}/payment", notice="declined" if last else "")
        order = await visit.ask(AwaitOutcome(order.id, order.version, LOOK))
    step = last.id if last is not None and last.state == "action_needed" else ""
    return await visit.show("waiting.html", order=order, step=step)


async def success(visit: Visit) -> Reply:
    order = await _order(visit)
    if order.status != "paid":
        return _elsewhere(visit, order)
    return await visit.show("success.html", order=order)


async def further_step(visit: Visit) -> Reply:
    """What would be the page of a gateway: the shopper confirms or refuses."""
    payment = await _payment(visit)
    if payment.state != "action_needed":
        return visit.go(f"/orders/{payment.order_id}/waiting")
    return await visit.show("further_step.html", payment=payment)


async def decide(visit: Visit) -> Reply:
    payment = await _payment(visit)
    decision = sent_form(visit).text("decision")
    if decision not in ("confirm", "refuse"):
        raise Malformed("the form does not say what was decided")
    with suppress(NotFound):  # decided before, by an earlier click: what follows shows how it ended
        sent = Sent({"approve": decision == "confirm"}, {"payment_id": payment.id})
        await visit.compose("DecideAtTestGateway", sent)
    await visit.do(CompleteAction(payment.id))
    return visit.go(f"/orders/{payment.order_id}/waiting")


def _after_paying(visit: Visit, order: Order, answer: Answer) -> Reply:
    if answer.body is None:
        return visit.go(f"/orders/{order.id}/waiting")
    if answer.status < 400:  # noqa: PLR2004 - the first status of refusals
        payment = msgspec.json.decode(answer.body, type=PaymentAnswer).payment
        if payment.state == "action_needed":
            return visit.go(f"/test-gateway/{payment.id}")
        return visit.go(f"/orders/{order.id}/success")
    code = msgspec.json.decode(answer.body, type=_Problem).code
    if code == PaymentInProgress.code:
        return visit.go(f"/orders/{order.id}/waiting")
    if code == NothingDue.code:
        return visit.go(f"/orders/{order.id}", notice="nothing_due")
    notices = {PaymentDeclined.code: "declined", NotFound.code: "not_ready"}
    if code in notices:
        return visit.go(f"/orders/{order.id}/payment", notice=notices[code])
    raise Refusal.by_code.get(code, Conflict)


class _Problem(msgspec.Struct):
    """What a page needs to know of a stored refusal."""

    code: str = ""


async def _order(visit: Visit) -> Order:
    return await visit.ask(GetOrder(OrderId(visit.request.params["order_id"])))


async def _payment(visit: Visit) -> Payment:
    return await visit.ask(GetPayment(PaymentId(visit.request.params["payment_id"])))


async def _last_payment(visit: Visit, order_id: OrderId) -> Payment | None:
    payments = await visit.ask(ListPayments(order_id))
    return payments[-1] if payments else None


def _elsewhere(visit: Visit, order: Order) -> Reply:
    """Where a shopper belongs whose order is not waiting for a payment."""
    if order.stage == "placed":
        return visit.go(f"/orders/{order.id}/waiting")
    if order.status == "paid":
        return visit.go(f"/orders/{order.id}/success")
    return visit.go(f"/orders/{order.id}")
