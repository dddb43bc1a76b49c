"""Routes of payments. Paying waits for the outcome; webhooks are believed only after their signature."""

from typing import Any

import msgspec

from mercato.contracts.orders import GetOrder
from mercato.contracts.payments import (
    AwaitDue,
    BadSignature,
    CompleteAction,
    DueUnknown,
    GetPayment,
    ListPayments,
    ListRefunds,
    PaymentAnswer,
    PayOrder,
    RecordNotice,
    Source,
)
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Endpoint, Route
from mercato.runtime.http.routes import asks, does, finished, key_of, read_body
from mercato.services.payments.adapters.gateway import Gateway, NoticeRefused
from mercato.services.payments.adapters.test_gateway import TestGateway
from mercato.services.payments.messages import DecideStep
from mercato.values.ids import OrderId, PaymentId
from mercato.values.messages import Anyone, Buyer, Caller, KeyInFlight, NotFound, Unavailable

PATIENCE = 2.9  # seconds after which a shopper is told that the outcome is pending, whatever was preferred (F8)


class PayBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`source` names the means of payment that the gateway's page gave the shopper; never a card number."""

    order_id: OrderId
    source: Source


class DecisionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    approve: bool


_PAY = msgspec.json.Decoder(PayBody)
_DECISION = msgspec.json.Decoder(DecisionBody)


async def pay(edge: Edge, request: Request, caller: Caller) -> Reply:
    body: PayBody = read_body(request, _PAY)
    key = key_of(request, caller, 201, required=True)
    assert key is not None, "key_of has refused a request without its key"
    payment_id = PaymentId(edge.ids.new("pay"))
    seconds = min(request.wait_seconds(), PATIENCE)
    command = PayOrder(payment_id, body.order_id, body.source)
    try:
        answer = await edge.calls.do_once(command, caller, key, seconds)
    except DueUnknown:
        comes = await until_due(edge, body.order_id, caller)
        try:
            answer = await edge.calls.do_once(command, caller, key, seconds)
        except DueUnknown:
            if not comes:
                raise NotFound("nothing is due for this order, or it is not yours") from None
            raise Unavailable("payments has not heard of this order yet; nothing was charged") from None
    if answer.body is None and answer.subject != payment_id and not seconds:
        raise KeyInFlight
    reply = finished(answer)
    if reply.status in (201, 202):
        reply.headers = (*reply.headers, (b"location", f"/v1/payments/{answer.subject}".encode()))
    return reply


async def until_due(edge: Edge, order_id: OrderId, caller: Caller) -> bool:
    """Who has just heard from orders that a payment is due may be faster here than orders' event: wait for that. False:
    nothing will ever be due, or was. Raises NotFound where the caller has no such order."""
    order = await edge.calls.ask(GetOrder(order_id), caller)
    if order.stage not in ("placed", "payment_due"):
        return False
    await edge.calls.ask(AwaitDue(order_id, PATIENCE), caller)
    return True


def webhook_of(gateway: Gateway) -> Endpoint:
    """Takes a gateway's notices. No state is read before the signature has been verified (S29)."""

    async def take_notice(edge: Edge, request: Request, caller: Caller) -> Reply:
        if request.params["gateway"] != gateway.name:
            raise NotFound("there is no such gateway")
        try:
            notice = gateway.read_notice(request.headers, request.body)
        except NoticeRefused as error:
            raise BadSignature(str(error)) from None
        command = RecordNotice(
            gateway.name, notice.payment_id, notice.charge, notice.outcome, notice.amount, notice.failure
        )
        await edge.calls.do(command, Caller.system(notice.store, caller.request))
        return Reply(204)

    return take_notice


async def decide(edge: Edge, request: Request, caller: Caller) -> Reply:
    """What the page of a real gateway would do: the shopper confirms or refuses the further step."""
    body: DecisionBody = read_body(request, _DECISION)
    payment_id = PaymentId(request.params["payment_id"])
    await edge.calls.ask(DecideStep(payment_id, body.approve), Caller.system(caller.store, caller.request))
    return Reply(204)


def routes(gateway: Gateway) -> tuple[Route, ...]:
    own: tuple[Any, ...] = (
        Route(
            "POST",
            "/v1/payments/pay",
            pay,
            "PayOrder",
            allow=Buyer,
            body=PayBody,
            reply=PaymentAnswer,
            status=201,
            refusals=PayOrder.refusals,
            hot=True,
            limit="write",
            takes_key=True,
            description="Try to pay an order. Needs an Idempotency-Key; `Prefer: wait=N` waits for the outcome.",
        ),
        asks("GET", "/v1/payments", ListPayments),
        asks("GET", "/v1/payments/refunds", ListRefunds),
        asks("GET", "/v1/payments/{payment_id}", GetPayment),
        does("POST", "/v1/payments/{payment_id}/completion", CompleteAction),
        Route(
            "POST",
            "/v1/payments/webhooks/{gateway}",
            webhook_of(gateway),
            "TakeNotice",
            allow=Anyone,
            status=204,
            refusals=(BadSignature, NotFound),
            limit="none",
            description="A gateway's notice about a charge, signed by the gateway.",
        ),
    )
    if not isinstance(gateway, TestGateway):
        return own
    decision = Route(
        "POST",
        "/v1/payments/test-gateway/{payment_id}",
        decide,
        "DecideAtTestGateway",
        body=DecisionBody,
        status=204,
        refusals=(NotFound,),
        limit="write",
        description="The test gateway's own page: confirm or refuse a further step.",
    )
    return (*own, decision)
