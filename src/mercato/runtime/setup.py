"""What every service is made with."""

import msgspec

from mercato.runtime.parts import Parts
from mercato.runtime.settings import Settings


class Setup(msgspec.Struct, frozen=True):
    """The settings of the installation, and everything else that is handed in."""

    settings: Settings
    parts: Parts
