"""What an engine may fail with."""


class DatabaseFault(Exception):
    """The engine could not do its work (disk full, file damaged, connection lost): nothing of the batch happened."""


class ConstraintFault(Exception):
    """A row would break a constraint of its table."""
