"""Imports stand at the top of a file, where a reader looks for them."""

import ast
from pathlib import Path

from tools.check.findings import Finding
from tools.check.permissions import Permission, Permissions
from tools.check.sources import LAUNCHER, TREES, Function, Import, Source, imports, sources

PERMITTED: tuple[Permission, ...] = (
    Permission(
        "src/mercato/apps/command_line.py",
        tuple(
            f"mercato.apps.commands.{name}"
            for name in (
                *("run", "serve", "import_file", "verify", "replay", "keys"),
                *("migrate", "move", "doctor", "simulate", "edge", "search"),
            )
        ),
        "only the wanted command is loaded: the simulator, verify and the import are a twelfth of what a start loads",
    ),
    Permission(
        "src/mercato/apps/commands/run.py",
        ("mercato.apps.commands.opening.open_shop", "mercato.apps.commands.run_distributed.run_distributed"),
        "the port is open while the shop loads: who comes meanwhile waits, and is not refused",
    ),
    Permission(
        "src/mercato/apps/commands/serve.py",
        (
            "mercato.apps.commands.opening.serve_part",
            "mercato.apps.services.FACES",
            "mercato.apps.services.service_names",
        ),
        "as above",
    ),
    Permission(
        "src/mercato/apps/commands/task_list.py",
        (
            "mercato.apps.importing.import_file",
            "mercato.apps.commands.verify.verify",
            "mercato.apps.commands.replay.replay",
            "mercato.apps.commands.search.rebuild",
        ),
        "as above: they are loaded with the first task that a command hands over",
    ),
    Permission(
        "src/mercato/runtime/cache/opening.py",
        ("mercato.runtime.cache.redis.RedisCache",),
        "the client is there only where the settings name a server, and a start without one does not load it",
    ),
    Permission(
        "src/mercato/services/search/adapters/opening.py",
        (
            "mercato.services.search.adapters.opensearch_client.Place",
            "mercato.services.search.adapters.opensearch_shelf.OpenSearchShelf",
        ),
        "as above",
    ),
    Permission(
        "src/mercato/runtime/database/statements.py",
        ("sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql"),
        "an embedded shop never needs the servers' dialects, and its start would wait for them to load",
    ),
    Permission(
        "src/mercato/runtime/database/opening.py",
        ("mercato.runtime.database.mysql.MysqlDatabase", "mercato.runtime.database.postgresql.PostgresDatabase"),
        "as above: the drivers of servers need not even be installed",
    ),
    Permission(
        "src/mercato/runtime/documents/opening.py",
        ("mercato.runtime.documents.mongo.MongoStore",),
        "as above",
    ),
    Permission(
        "src/mercato/apps/doctor/documents.py",
        ("mercato.runtime.documents.condition.read_condition",),
        "as above",
    ),
    Permission(
        "src/mercato/apps/doctor/neighbours.py",
        (
            "mercato.runtime.kafka.condition.read_condition",
            "mercato.services.search.adapters.opensearch_client.Client",
            "mercato.services.search.adapters.opensearch_client.Place",
            "redis",
        ),
        "as above",
    ),
    Permission(
        "src/mercato/runtime/kafka/opening.py",
        ("mercato.runtime.kafka.bus.KafkaBus",),
        "as above",
    ),
    Permission(
        "src/mercato/runtime/media/opening.py",
        ("mercato.runtime.media.s3.S3Media",),
        "a shop with a folder never needs it, and its start would wait for aiohttp to load",
    ),
    Permission(
        "src/mercato/services/payments/adapters/notices.py",
        ("aiohttp",),
        "only the test gateway's notices need it, and the start would wait a tenth of its time for it to load",
    ),
)


def check(root: Path, permitted: tuple[Permission, ...] = PERMITTED) -> list[Finding]:
    permissions = Permissions(permitted, "tools/check/function_imports.py")
    findings = [
        Finding(
            source.path,
            found.line,
            f"`{found.dotted}` is imported inside a function",
            "it hides what the file depends on, and costs time when somebody waits",
            "import it at the top, or add the place to the table of this check with the reason",
        )
        for source in sources(root, *TREES, LAUNCHER)
        for found in _hidden(source)
        if not permissions.admit(source.path, found.dotted)
    ]
    return findings + permissions.unneeded()


def _hidden(source: Source) -> list[Import]:
    functions = (node for node in ast.walk(source.tree) if isinstance(node, Function))
    return sorted({found for function in functions for found in imports(function)}, key=lambda found: found.line)
