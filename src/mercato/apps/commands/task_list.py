"""The tasks that a running shop does for commands which find its data folder owned."""

from mercato.apps.commands.replay import replay
from mercato.apps.commands.verify import verify
from mercato.apps.control import Task
from mercato.apps.importing import import_file

TASKS: dict[str, Task] = {"import": import_file, "verify": verify, "replay": replay}
