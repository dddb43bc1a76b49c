"""What an engine may fail with."""


class DatabaseFault(Exception):
    """The engine could not do its work (disk full, file damaged, connection lost): nothing of the batch happened."""


class DoneBefore(DatabaseFault):
    """A table, column or index is there already, or already gone: what a change of tables is refused with that was done
    before."""


class ConstraintFault(Exception):
    """A row would break a constraint of its table."""


class InTheWay(Exception):
    """Somebody else's transaction was in the way (a deadlock, a serialization failure): the same work, done again, will
    succeed."""
