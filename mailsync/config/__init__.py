"""mailsync.conf: its grammar, and from its text to the settings that the rooms use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailsync.config.account import check_places, path_of, settings
from mailsync.config.grammar import advice
from mailsync.config.patterns import selected
from mailsync.config.read import read
from mailsync.model.errors import ConfigError
from mailsync.model.settings import Account

__all__ = ["Config", "default_path", "default_state", "load", "sample", "selected"]


@dataclass(frozen=True, slots=True)
class Config:
    """`state` is the folder that has one folder for each account."""

    path: str
    state: Path
    accounts: tuple[Account, ...]

    def account(self, name: str) -> Account:
        """Raises ConfigError with the name that was probably meant."""
        for account in self.accounts:
            if account.name == name:
                return account
        names = [account.name for account in self.accounts]
        raise ConfigError(f'no account "{name}" in {self.path}; {advice(name, names)}')


def _folder(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    """An XDG folder; a relative one is to be ignored (XDG Base Directory Specification)."""
    given = environ.get(variable, "")
    return Path(given if os.path.isabs(given) else os.path.expanduser(otherwise)) / "mailsync"


def default_path(environ: Mapping[str, str] = os.environ) -> Path:
    return _folder(environ, "XDG_CONFIG_HOME", "~/.config") / "mailsync.conf"


def default_state(environ: Mapping[str, str] = os.environ) -> Path:
    return _folder(environ, "XDG_STATE_HOME", "~/.local/state")


def load(path: str | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """`path` as given by --config, else MAILSYNC_CONFIG, else the default place.

    Raises ConfigError whose text has one line for each mistake.
    """
    where = path or environ.get("MAILSYNC_CONFIG") or ""
    if not where:
        where = str(default_path(environ))
        if not os.path.lexists(where):
            raise ConfigError(
                f"{where}: there is no configuration yet; "
                "`mailsync config sample` prints one to begin with"
            )
    values = read(where)
    given = values.top.get("state")
    state = path_of(values, ("state",), given) if given else default_state(environ)
    made = [settings(values, name, state) for name in values.accounts]
    accounts = [account for account in made if account is not None]
    check_places(values, accounts)
    values.stop_if_wrong()
    return Config(where, state, tuple(accounts))


def sample() -> str:
    """The text of sample.conf: in the package, or at the top of the source tree."""
    package = Path(__file__).resolve().parent.parent
    for place in (package / "sample.conf", package.parent / "sample.conf"):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise ConfigError("sample.conf is missing from this installation")
