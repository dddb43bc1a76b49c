"""Orders after the checkout: the list, one of them, and its cancellation."""

from mercato.contracts.orders import CancelOrder, CannotCancel, GetOrder, ListOrders
from mercato.contracts.payments import ListPayments
from mercato.frontends.storefront.payment_pages import OPEN
from mercato.frontends.storefront.texts import CANCEL_REASONS
from mercato.frontends.storefront.visit import Visit
from mercato.runtime.http.exchange import Reply
from mercato.values.ids import OrderId

PAGE = 10


async def orders(visit: Visit) -> Reply:
    cursor = visit.request.query_values().get("cursor", "")
    page = await visit.ask(ListOrders(cursor, PAGE))
    return await visit.show("orders.html", orders=page.items, next=page.next, begun=bool(cursor))


async def order(visit: Visit) -> Reply:
    found = await visit.ask(GetOrder(_order_id(visit)))
    payments = await visit.ask(ListPayments(found.id))
    under_way = any(payment.state in OPEN for payment in payments)
    return await visit.show(
        "order.html",
        order=found,
        payments=payments,
        reason=CANCEL_REASONS.get(found.cancel_reason, ""),
        can_pay=found.stage == "payment_due" and not under_way,
        under_way=under_way and found.status == "pending",
        can_cancel=found.stage in ("placed", "payment_due", "paid"),
    )


async def cancel(visit: Visit) -> Reply:
    order_id = _order_id(visit)
    try:
        await visit.do(CancelOrder(order_id))
    except CannotCancel:
        return visit.go(f"/orders/{order_id}", notice="cannot_cancel")
    return visit.go(f"/orders/{order_id}", notice="order_cancelled")


def _order_id(visit: Visit) -> OrderId:
    return OrderId(visit.request.params["order_id"])
