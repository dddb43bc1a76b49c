"""The committed descriptions are those that the code makes, and no event carries a person."""

from pathlib import Path

from tools.check.findings import Finding
from tools.schemas.generated import events, generated

RENEW = "run `python -m tools.schemas` and look at what has changed"

# Names of fields that would put a person into the log of events.
PERSONAL = frozenset("email name phone street city postal_code address password token secret card peer agent".split())


def check(root: Path) -> list[Finding]:
    folder = root / "schemas"
    wanted = generated()
    committed = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.json"))
    }
    return [
        *(
            Finding(f"schemas/{name}", 0, "a generated description", "it is not what the code makes", RENEW)
            for name in sorted(wanted.keys() | committed.keys())
            if wanted.get(name) != committed.get(name)
        ),
        *(
            Finding(
                f"schemas/events/{event.__name__}", 0, f"field `{field}`", "events carry ids, no persons", "take it out"
            )
            for event in events()
            for field in event.__struct_fields__
            if field in PERSONAL
        ),
    ]
