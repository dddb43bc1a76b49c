"""The statements that read or write rows of more than one store, each with its reason.

A statement declared `across_stores=True` that is missing here fails the check, and so does a row here that no
statement has. Everything else names its store and gets it from the transaction.
"""

ACROSS_STORES: dict[str, str] = {
    "runtime.database.transaction._OUTBOX": "rows carry the store of the message that emitted them",
    "runtime.bus.outbox.READ_AFTER": "a log has the events of all stores, in the order of their commits",
    "runtime.bus.outbox.LAST_NUMBER": "a log has one sequence of numbers for all stores",
    "runtime.bus.outbox.TRIM": "a log is trimmed behind all consumers, whatever the store",
    "runtime.bus.parked.PARK": "the row carries the store of the event that is parked",
    "runtime.bus.parked.UNPARK": "found by the number of the event in its source's log",
    "runtime.bus.parked.PARKED_KEYS": "read once at the start, for all stores",
    "runtime.bus.parked.LIST_PARKED": "for the operator of the installation",
    "runtime.bus.parked.DUE_PARKED": "the retry of all stores' events",
    "runtime.bus.parked.REPLAY": "for the operator of the installation",
    "runtime.bus.positions.LIST_POSITIONS": "a position belongs to a consumer and has no store",
    "runtime.bus.positions.ADD_POSITION": "a position belongs to a consumer and has no store",
    "runtime.bus.positions.MOVE_POSITION": "a position belongs to a consumer and has no store",
    "runtime.database.idempotency.FORGET_OLD_KEYS": "answers of all stores are forgotten after the same life",
    "runtime.slow_work.statements.DUE": "one worker serves all stores; each row carries its own",
    "runtime.slow_work.statements.RENEW": "the lease of everything that this process holds",
    "runtime.slow_work.statements.ORPHANED": "what a process that has ended left behind, for all stores",
    "runtime.slow_work.statements.WAITING_WORK": "a figure for the operator of the installation",
    "runtime.schedule.FIND_JOB": "a job runs for all stores",
    "runtime.schedule.SET_JOB": "a job runs for all stores",
    "runtime.schedule.ADD_LEASE": "a lease belongs to a process and has no store",
    "runtime.schedule.TAKE_LEASE": "a lease belongs to a process and has no store",
    "runtime.schedule.FREE_LEASE": "a lease belongs to a process and has no store",
    "runtime.database.migrate.LIST_MIGRATIONS": "the schema is one for all stores",
    "runtime.database.migrate.ADD_MIGRATION": "the schema is one for all stores",
    "services.stores.storage.FIND_BY_HANDLE": "finds the store that a request is for",
    "services.stores.storage.FIND_BY_HOST": "finds the store that a request is for",
    "services.stores.storage.FIND_FIRST": "finds the store that a request is for",
    "services.stores.storage.LIST_STORES": "for the installation as a whole",
    "services.stores.storage.FIND_VALID_KEY": "finds the store that a key is for; the edge refuses it elsewhere",
    "services.users.storage.RESOLVE_SESSION": "finds the store that a token is for; the edge refuses it elsewhere",
    "services.users.storage.FORGET_SESSIONS": "sessions of all stores end by the same clock",
    "services.users.storage.FORGET_TOKENS": "tokens of all stores expire by the same clock",
    "services.users.storage.FORGET_ATTEMPTS": "records of all stores are kept for the same time",
    "services.users.storage.FORGET_ASKS": "records of all stores are kept for the same time",
}
