"""The manifest of orders."""

from mercato.contracts.inventory import StockRefused, StockReserved
from mercato.contracts.orders import (
    AwaitOutcome,
    CancelOrder,
    GetOrder,
    ListOrders,
    OrderCancelled,
    OrderPaid,
    PaymentDue,
    PlaceOrder,
)
from mercato.contracts.payments import PaymentCaptured, PaymentPending, PaymentRefunded
from mercato.runtime.service import Ask, Await, Handle, Job, Listen, Service, named
from mercato.runtime.setup import Setup
from mercato.services.orders import commands, jobs, listeners, queries, storage
from mercato.services.orders.api import ROUTES
from mercato.services.orders.messages import ExpireOrder, ListExpired, RefuseSoldOut
from mercato.values.clock import SECOND

ORDER = named("order_id", storage.ORDERS)
WHOLE_ORDER = named("order_id", storage.ORDERS, storage.BODIES)
ANSWERS = named("order_id", storage.ANSWERS)


def service(_setup: Setup) -> Service:
    """Orders, as this process runs it."""
    return Service(
        name="orders",
        package="mercato.services.orders",
        tables=storage.metadata,
        handlers=(
            Handle(PlaceOrder, commands.place_order, subject=lambda command: command.order_id),
            Handle(RefuseSoldOut, commands.refuse_sold_out),
            Handle(CancelOrder, commands.cancel_order, keys=(WHOLE_ORDER,)),
            Handle(ExpireOrder, commands.expire_order, keys=(WHOLE_ORDER,)),
        ),
        asks=(
            Ask(GetOrder, queries.get_order, snapshot=False, keys=(WHOLE_ORDER,)),
            Ask(ListOrders, queries.list_orders),
            Ask(ListExpired, queries.list_expired),
        ),
        awaits=(
            Await(
                AwaitOutcome,
                read=queries.get_order,
                settled=queries.is_outcome,
                subject=lambda query: query.order_id,
                events=(PaymentDue, OrderPaid, OrderCancelled),
                keys=(WHOLE_ORDER,),
            ),
        ),
        listeners=(
            Listen(StockReserved, listeners.when_stock_is_reserved_ask_for_payment, keys=(WHOLE_ORDER, ANSWERS)),
            Listen(StockRefused, listeners.when_stock_is_refused_cancel_order, keys=(WHOLE_ORDER, ANSWERS)),
            Listen(PaymentPending, listeners.when_payment_is_pending_extend_hold, keys=(ORDER,)),
            Listen(PaymentCaptured, listeners.when_payment_is_captured_confirm_order, keys=(ORDER,)),
            Listen(PaymentRefunded, listeners.when_order_is_paid_back_record_it, keys=(ORDER,)),
        ),
        jobs=(Job("expire unpaid orders", 5 * SECOND, jobs.expire_unpaid_orders),),
        routes=ROUTES,
    )
