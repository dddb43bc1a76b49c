"""Values import only the standard library and msgspec."""

import sys
from pathlib import Path

from tools.check.findings import Finding
from tools.check.sources import imports, sources, within

_PERMITTED = (*sys.stdlib_module_names, "msgspec", "mercato.values")


def check(root: Path) -> list[Finding]:
    return [
        Finding(
            source.path,
            found.line,
            f"`{'.' * found.level}{found.dotted}` is imported",
            "values are the ground floor, which every room and every client may stand on",
            "use the standard library or msgspec, or move the code up",
        )
        for source in sources(root, "src/mercato/values")
        for found in imports(source.tree)
        if found.level or not within(found.dotted, _PERMITTED)
    ]
