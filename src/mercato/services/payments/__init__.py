"""payments owns what is due for an order, the attempts to pay it, captures, refunds, and the calls to gateways.

Publishes PaymentCaptured, PaymentFailed, PaymentPending, PaymentRefunded. Listens to orders (due, paid, cancelled,
refund due).
"""
