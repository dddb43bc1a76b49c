"""OpenSearch: one node, made of its published artefacts, without the plugins that guard it: no users, no TLS."""

import json
import urllib.request
from contextlib import suppress
from pathlib import Path

from tools.engines.installing import install_jars, java
from tools.engines.room import Room
from tools.engines.server import Address, Server

INDEX = "mercato"  # what names of indexes begin with

_SOURCE = Path(__file__).with_name("OpenSearchServer.java")
_VERSION = "2.19.4"
_JARS = (
    f"org.opensearch:opensearch:{_VERSION}",
    *(
        f"org.opensearch.plugin:{module}:{_VERSION}"
        for module in ("transport-netty4-client", "analysis-common", "mapper-extras-client", "reindex-client")
    ),
    "org.apache.logging.log4j:log4j-core:2.21.0",
)
_SETTINGS = {
    "cluster.name": "mercato",
    "node.name": "mercato",
    "network.host": "127.0.0.1",
    "discovery.type": "single-node",
    "action.auto_create_index": "false",
    # Else it writes no more when the disk is nearly full, whoever has filled it.
    "cluster.routing.allocation.disk.threshold_enabled": "false",
}
_LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
_MEMORY = ("-Xms512m", "-Xmx512m", "-XX:MaxDirectMemorySize=256m", "-XX:+ExitOnOutOfMemoryError")
_JAVA = (
    "-Djava.awt.headless=true",
    "-Dio.netty.noUnsafe=true",
    "-Dio.netty.noKeySetOptimization=true",
    "-Dio.netty.recycler.maxCapacityPerThread=0",
    "-Dlog4j.shutdownHookEnabled=false",
    "-Dlog4j2.disable.jmx=true",
)


def _install(room: Room) -> None:
    install_jars(room, *_JARS)


def _command(room: Room) -> list[str]:
    settings = {
        **_SETTINGS,
        "http.port": str(room.port()),
        "transport.port": str(room.port("transport port")),
        "path.data": str(room.subfolder("data")),
        "path.logs": str(room.subfolder("logs")),
    }
    home = room.subfolder("home")
    for name in ("config", "modules", "plugins"):
        (home / name).mkdir(exist_ok=True)
    lines = "".join(f"{name}: {value}\n" for name, value in settings.items())
    (home / "config" / "opensearch.yml").write_text(lines, encoding="utf-8")
    (home / "config" / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
    scratch = f"-Djava.io.tmpdir={room.subfolder('scratch')}"
    # Java compiles the one file at each start, which takes it a second.
    return [java(), *_MEMORY, *_JAVA, scratch, "-cp", f"{room.folder / 'lib'}/*", str(_SOURCE), str(home)]


def _answers(room: Room) -> bool:
    """Whether it has found all of its data again: after a kill it first repeats what it had only noted."""
    url = f"http://127.0.0.1:{room.port()}/_cluster/health?wait_for_status=yellow&timeout=2s"
    with suppress(OSError, ValueError), urllib.request.urlopen(url, timeout=4) as response:
        return json.load(response)["status"] in ("green", "yellow")
    return False


def _address(room: Room) -> Address:
    return Address(f"opensearch://127.0.0.1:{room.port()}/{INDEX}")


SERVER = Server(_install, _command, _answers, _address, seconds=180)
