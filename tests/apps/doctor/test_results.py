"""Checks run side by side, each bounded; whatever happens to one, the others are shown."""

import threading

from mercato.apps.doctor.results import FAIL, OK, WARN, Check, Result, lines_of, run_all, without_secrets


def test_a_check_that_raises_or_does_not_end_has_failed_and_the_others_are_shown() -> None:
    never = threading.Event()

    def stuck() -> list[Result]:
        never.wait()
        return []

    def broken() -> list[Result]:
        raise OSError("it is\n\tgone")

    good = Result(OK, "good", "it is well")
    checks = [Check("stuck", stuck, "one"), Check("broken", broken, "two"), Check("good", lambda: [good], "three")]
    found = run_all(checks, seconds=0.5)
    never.set()
    stopped = Result(FAIL, "stuck", "no answer within 0.5 s", "one")
    assert found == [stopped, Result(FAIL, "broken", "it is gone", "two"), good]


def test_the_table_says_what_to_do_below_what_is_not_well() -> None:
    rows = [Result(OK, "a", "fine", "nothing"), Result(WARN, "long name", "odd", "mend it")]
    assert lines_of(rows) == ["ok    a          fine", "warn  long name  odd", "                 -> mend it"]


def test_passwords_never_appear() -> None:
    rows = [Result(FAIL, "a", "p%40ssword p@ssword", "use p@ssword")]
    (cleaned,) = without_secrets(rows, ["postgresql://me:p%40ssword@host/shop", ""])
    assert (cleaned.text, cleaned.advice) == ("*** ***", "use ***")
