"""`mailsync check`."""

from __future__ import annotations

import sys

import click

from mailsync.cli import log, out
from mailsync.cli.options import accounts as account_names
from mailsync.cli.options import common
from mailsync.cli.state import State
from mailsync.model.errors import Exit, MailsyncError, worst


@click.command(short_help="Compare the cache with the Maildir and the server.")
@account_names
@click.option("--server", is_flag=True, help="Ask the server for every message too.")
@click.option("--repair", is_flag=True, help="Correct the cache; mail is never changed.")
@common
@click.pass_obj
def check(state: State, accounts: tuple[str, ...], server: bool, repair: bool) -> int:
    """Compare what mailsync remembers with what is there."""
    chosen = state.accounts(accounts)
    log.setup(0, debug=state.debug)
    from mailsync.modes import inspect

    interactive = sys.stdin is not None and sys.stdin.isatty()
    found: set[Exit] = set()
    for account in chosen:
        try:
            report = inspect.check(account, server=server, repair=repair, interactive=interactive)
        except MailsyncError as error:
            out.error(f"{account.name}: {error}")
            found.add(error.exit)
            continue
        found.add(report.exit)
        for line in report.lines or ("all is well",):
            out.say(f"{account.name}: {line}")
    return int(worst(found))
