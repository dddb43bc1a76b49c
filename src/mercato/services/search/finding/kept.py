"""Answers that are kept for a while, since many ask for them and a few changes hardly change them."""

from collections.abc import Callable
from typing import Generic, TypeVar

_CHANGES = 200  # of the index, after which an answer is made afresh
_MOST = 4_000  # answers; then all are forgotten

Answer = TypeVar("Answer")


class Kept(Generic[Answer]):
    """Thread-safe: of two who ask at once, both may make the answer."""

    def __init__(self) -> None:
        self._answers: dict[bytes, tuple[int, Answer]] = {}

    def get(self, key: bytes, mark: int, make: Callable[[], Answer]) -> Answer:
        """The answer of this key, made when the index was at most so many changes behind `mark`, else made now."""
        kept = self._answers.get(key)
        if kept is not None and 0 <= mark - kept[0] < _CHANGES:
            return kept[1]
        answer = make()
        if len(self._answers) >= _MOST:
            self._answers = {}
        self._answers[key] = mark, answer
        return answer
