"""The intent rows of slow work: claimed by lease, finished with the outcome, postponed after a failure."""

import msgspec
from sqlalchemy import bindparam, case, delete, select, update

from mercato.runtime.database import tables
from mercato.runtime.database.statements import any_of, claim, fetch, one_of, write

_intents = tables.intents


class IntentRow(msgspec.Struct, frozen=True):
    store: str
    id: str
    kind: str
    subject: str
    state: str
    attempts: int
    fence: int
    body: bytes
    correlation: str


FINISH = write(
    delete(_intents).where(
        _intents.c.store == bindparam("store"),
        _intents.c.id == bindparam("id"),
        _intents.c.fence == bindparam("fence"),
    )
)
DUE = fetch(
    IntentRow,
    claim(
        select(
            _intents.c.store,
            _intents.c.id,
            _intents.c.kind,
            _intents.c.subject,
            _intents.c.state,
            _intents.c.attempts,
            _intents.c.fence,
            _intents.c.body,
            _intents.c.correlation,
        )
        .where(
            _intents.c.due_at <= bindparam("now"),
            one_of(_intents.c.state, "waiting", "calling"),
        )
        .order_by(_intents.c.due_at)
        .limit(bindparam("limit_"))
    ),
    across_stores=True,
)
# A call that nobody ended counts as a try: whoever takes it over must first find out what came of it.
_abandoned = case((_intents.c.state == "calling", 1), else_=0)
CLAIM = write(
    update(_intents)
    .where(
        _intents.c.store == bindparam("store"),
        _intents.c.id == bindparam("id"),
        _intents.c.fence == bindparam("held_fence"),
    )
    .ordered_values(
        (_intents.c.attempts, _intents.c.attempts + _abandoned),  # before the state that it reads is another
        (_intents.c.state, "calling"),
        (_intents.c.holder, bindparam("holder")),
        (_intents.c.fence, _intents.c.fence + 1),
        (_intents.c.due_at, bindparam("due_at")),
    )
)
POSTPONE = write(
    update(_intents)
    .where(
        _intents.c.store == bindparam("store"),
        _intents.c.id == bindparam("id"),
        _intents.c.fence == bindparam("held_fence"),
    )
    .values(
        state="waiting",
        holder="",
        attempts=bindparam("tries"),
        due_at=bindparam("due_at"),
        error=bindparam("error"),
    )
)
RENEW = write(
    update(_intents)
    .where(_intents.c.holder == bindparam("holder"), _intents.c.state == "calling", any_of(_intents.c.id, "ids"))
    .values(due_at=bindparam("due_at")),
    across_stores=True,
)
# Nothing is put off so far: the clock has been set back since.
BRING_NEAR = write(
    update(_intents).where(_intents.c.due_at > bindparam("far")).values(due_at=bindparam("now")), across_stores=True
)
LEFT_BEHIND = write(
    update(_intents)
    .where(
        _intents.c.holder == bindparam("holder"), _intents.c.state == "calling", _intents.c.due_at < bindparam("before")
    )
    .values(due_at=bindparam("due_at")),
    across_stores=True,
)
ORPHANED = write(
    update(_intents)
    .where(_intents.c.state == "calling", _intents.c.holder != bindparam("holder"))
    .values(due_at=bindparam("due_at")),
    across_stores=True,
)
