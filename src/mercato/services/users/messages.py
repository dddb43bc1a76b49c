"""Messages that only the jobs of users send."""

from mercato.values.messages import Command, System


class ForgetExpired(Command[int], frozen=True):
    """Remove sessions and tokens that have expired, and records that are old enough, of all stores; how many."""

    allow = System
