"""Alembic, imported only when a cache is to be upgraded (0.3 s)."""

from __future__ import annotations

import threading
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

# What Alembic knows of an upgrade under way is the process's, not the thread's: of two accounts
# each would be upgraded on the other's connection.
_one_at_a_time = threading.Lock()


def config() -> Config:
    """In the wheel the scripts are mailsync/_migrations, in a checkout migrations/ beside it."""
    package = Path(str(files("mailsync")))
    installed = package / "_migrations"
    made = Config()
    scripts = installed if installed.is_dir() else package.parent / "migrations"
    made.set_main_option("script_location", str(scripts).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def known(revision: str) -> bool:
    try:
        return ScriptDirectory.from_config(config()).get_revision(revision) is not None
    except CommandError:
        return False


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Within the transaction of `connection`."""
    settings = config()
    settings.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(settings, revision)
