"""What the options said, shared by the parts of one command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from mailsync.model.errors import ConfigError
from mailsync.model.mailboxname import INBOX
from mailsync.model.report import Json, Target

if TYPE_CHECKING:
    from mailsync.config import Config
    from mailsync.model.settings import Account


@dataclass(slots=True)
class State:
    """`json`: exactly one object goes to standard output, whatever happens.

    `resumed`: what the command leaves undone when it is interrupted, its next run does.
    """

    config_path: str | None = None
    debug: bool = False
    json: bool = False
    printed: bool = False
    resumed: bool = False
    _config: Config | None = None

    @property
    def config(self) -> Config:
        """Read at first use; raises ConfigError."""
        if self._config is None:
            from mailsync.config import load

            self._config = load(self.config_path)
        return self._config

    @property
    def folder(self) -> str:
        """The state folder, the default one when no configuration was read."""
        from mailsync.config import default_state

        return str(self._config.state if self._config else default_state())

    def print_json(self, value: Json) -> None:
        if not self.printed:
            self.printed = True
            click.echo(json.dumps(value, indent=2))

    def targets(self, words: Sequence[str]) -> list[Target]:
        """`ACCOUNT[/MAILBOX] ...` in the order given; no words: every account.

        Raises ConfigError for an account that is not configured.
        """
        if not words:
            return [Target(account) for account in self.config.accounts]
        wanted: dict[str, list[str] | None] = {}
        for word in words:
            name, slash, mailbox = word.partition("/")
            self.config.account(name)
            if slash and not mailbox:
                raise ConfigError(f'"{word}" names no mailbox after the "/"')
            if not slash:
                wanted[name] = None
            elif (boxes := wanted.setdefault(name, [])) is not None:
                boxes.append(INBOX if mailbox.upper() == INBOX else mailbox)
        return [
            Target(self.config.account(name), tuple(dict.fromkeys(boxes or ())))
            for name, boxes in wanted.items()
        ]

    def accounts(self, names: Sequence[str]) -> list[Account]:
        """No names: all.  Raises ConfigError, also for ACCOUNT/MAILBOX."""
        for name in names:
            account, slash, _ = name.partition("/")
            if slash:
                self.config.account(account)
                raise ConfigError(f'"{name}": this command is about whole accounts: "{account}"')
        return [target.account for target in self.targets(names)]
