"""Checks, what they find, and how it is shown."""

import threading
import time
from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlsplit

import msgspec

OK, WARN, FAIL = "ok", "warn", "FAIL"
SECONDS = 3.0  # that a check may take
_LEAST_SECRET = 4  # characters: shorter ones stand in other words too


class Result(msgspec.Struct, frozen=True):
    """One row: how it is, what was looked at, what was found, and what to do."""

    status: str
    what: str
    text: str
    advice: str = ""


class Check(msgspec.Struct, frozen=True):
    """`look` may raise anything: then the check has failed, and `advice` says what to do."""

    what: str
    look: Callable[[], list[Result]]
    advice: str


def run_all(checks: Iterable[Check], seconds: float | None = None) -> list[Result]:
    """What all of them find, in their order. They run side by side; one that takes too long has failed."""
    allowed = SECONDS if seconds is None else seconds
    started = [(check, _start(check)) for check in checks]
    end = time.monotonic() + allowed
    results: list[Result] = []
    for check, (thread, found) in started:
        thread.join(max(0.0, end - time.monotonic()))
        if thread.is_alive():
            results.append(Result(FAIL, check.what, f"no answer within {allowed:g} s", check.advice))
        else:
            results.extend(found)
    return results


def _start(check: Check) -> tuple[threading.Thread, list[Result]]:
    found: list[Result] = []

    def look() -> None:
        try:
            found.extend(check.look())
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            found.append(Result(FAIL, check.what, text, check.advice))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    return thread, found


def lines_of(results: list[Result]) -> list[str]:
    """The table: a row for each result, and below it what to do."""
    width = max((len(result.what) for result in results), default=0)
    lines = []
    for result in results:
        lines.append(f"{result.status:4}  {result.what:{width}}  {result.text}")
        if result.advice and result.status != OK:
            lines.append(f"{'':4}  {'':{width}}  -> {result.advice}")
    return lines


def without_secrets(results: list[Result], urls: Iterable[str]) -> list[Result]:
    """The passwords of these URLs never appear, whatever an engine says."""
    secrets = set()
    for url in urls:
        password = urlsplit(url).password or ""
        secrets |= {password, unquote(password)}
    known = sorted((secret for secret in secrets if len(secret) >= _LEAST_SECRET), key=len, reverse=True)

    def cleaned(text: str) -> str:
        for secret in known:
            text = text.replace(secret, "***")
        return text

    return [Result(each.status, each.what, cleaned(each.text), cleaned(each.advice)) for each in results]
