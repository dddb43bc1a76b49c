"""orders owns orders and the checkout story that makes them: it is the process manager, others answer its events.

Publishes OrderPlaced, PaymentDue, HoldExtended, OrderConfirmed, OrderPaid, OrderCancelled, RefundDue. Listens to
inventory (stock reserved or refused) and payments (captured, pending, refunded).
"""
