"""Small facts that one run leaves for the next: files of JSON in the state directory.

Files and not the cache, because they are read before every login, also by the quick path, and
outlive a lost cache.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mailsync.model.errors import ConfigError
from mailsync.system.private import private_directory


def read(state: Path, name: str) -> Any:
    """Raises OSError, ValueError."""
    with open(state / name, encoding="utf-8") as file:
        return json.load(file)


def write(state: Path, name: str, values: Mapping[str, object]) -> None:
    """Best effort: a full disk must not stand in the way of a sync."""
    path = str(state / name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(OSError, ConfigError):
        private_directory(str(state))
        with open(os.open(f"{path}.new", flags, 0o600), "w", encoding="utf-8") as file:
            json.dump(values, file)
        os.replace(f"{path}.new", path)
