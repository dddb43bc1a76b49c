"""notifications owns the templates of mails and their deliveries.

Publishes NotificationSent, NotificationFailed. Listens to users (addresses to confirm, passwords) and orders (paid,
cancelled).
"""
