"""Replies that say the same to everybody, kept as bytes by the process that gives them.

A kept reply is forgotten when the service that owns it commits a change of one of its subjects; it is never the only
home of anything, and an empty cache is only slower.
"""

from typing import NamedTuple

from mercato.runtime.http.exchange import JSON, Reply
from mercato.runtime.http.wire import header_lines

CAPACITY = 20_000


class Form(NamedTuple):
    """A reply as bytes, in two parts: between them comes the id of the request."""

    status: int
    before: bytes
    after: bytes


class Kept:
    """One reply: its bytes, its ETag, and what it is about. `whole` and `unchanged` (304) are how the lane sends it.

    `forgotten`: something has changed since, so it must not be sent any more by who still has it.
    """

    __slots__ = ("body", "etag", "forgotten", "subjects", "unchanged", "whole")

    def __init__(self, body: bytes, etag: bytes, subjects: tuple[str, ...]) -> None:
        self.body = body
        self.etag = etag
        self.subjects = subjects
        self.forgotten = False
        self.whole = Form(200, header_lines(self.reply(None)), b"\r\n\r\n" + body)
        self.unchanged = Form(304, header_lines(self.reply(etag)), b"\r\n\r\n")

    def reply(self, if_none_match: bytes | None) -> Reply:
        """What the request gets: the bytes, or 304 where it has them already."""
        headers = ((b"etag", self.etag),)
        return Reply(304, headers=headers) if if_none_match == self.etag else Reply(200, self.body, JSON, headers)


class ReplyCache:
    """Replies by store and path. Full: the oldest half is forgotten."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Kept] = {}
        self._paths: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self.changes = 0

    def find(self, store: str, path: str) -> Kept | None:
        return self._kept.get((store, path))

    def keep(self, store: str, path: str, kept: Kept, changes: int) -> None:
        """Keep a reply that was made when `changes` had been counted; it is dropped if there were more since."""
        if changes != self.changes:
            return
        if len(self._kept) >= CAPACITY:
            for key in list(self._kept)[: CAPACITY // 2]:
                self._drop(key)
        self._drop((store, path))
        self._kept[store, path] = kept
        for subject in kept.subjects:
            self._paths.setdefault((store, subject), set()).add((store, path))

    def forget(self, store: str, subject: str) -> None:
        """Something about this subject was committed."""
        self.changes += 1
        for key in self._paths.pop((store, subject), ()):
            self._drop(key)

    def _drop(self, key: tuple[str, str]) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        kept.forgotten = True
        for subject in kept.subjects:
            paths = self._paths.get((key[0], subject))
            if paths is not None:
                paths.discard(key)
                if not paths:
                    del self._paths[key[0], subject]
