"""`mailsync config check` and `mailsync config sample`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

import click

from mailsync.cli import out
from mailsync.cli.options import common
from mailsync.cli.state import State
from mailsync.config import sample as sample_text
from mailsync.model.errors import Exit
from mailsync.model.settings import Account, Direction


@click.group(short_help="Print a sample configuration; check your own.")
def config() -> None:
    """Everything about mailsync.conf."""


@config.command()
def sample() -> None:
    """Print a configuration that explains every key."""
    click.echo(sample_text(), nl=False)


@config.command()
@common
@click.pass_obj
def check(state: State) -> int:
    """Read the configuration, and show what it comes to.  Connects to nothing."""
    found = state.config
    out.say(f"{found.path}: {out.many(len(found.accounts), 'account')}, state in {found.state}")
    status = Exit.OK
    for account in found.accounts:
        out.say()
        out.say(account.name, bold=True)
        for name, text in _lines(account):
            out.say(f"  {name:10} {text}")
        for text in problems(account):
            out.error(f"{account.name}: {text}")
            status = Exit.CONFIG
    return status


def _lines(account: Account) -> Iterator[tuple[str, str]]:
    where = f"{account.host}:{account.port}"
    trust = ", pinned certificate" if account.tls_fingerprint else ""
    trust += f", trusts {account.tls_ca_file}" if account.tls_ca_file else ""
    yield "server", f"{account.user} at {where}, security {account.security}{trust}"
    yield "password", password_source(account)
    there = "" if account.maildir.is_dir() else ", made by the first sync"
    yield "maildir", f"{account.maildir}{there}"
    yield "mailboxes", " ".join(account.mailboxes)
    if account.direction is not Direction.BOTH:
        side = "server" if account.direction is Direction.PULL else "Maildir"
        yield "direction", f"{account.direction}: the {side} is never changed"
    share = account.guard.share
    held = "off" if share is None else f"{share:.0%}, more than {account.guard.floor} messages"
    yield "deletions", f"{account.deletions}; guard {held}; undelete {account.undelete_days} days"


def password_source(account: Account) -> str:
    secret = account.secret
    if secret.command:
        return f"from the command {secret.command[0]}"
    if secret.file is not None:
        return f"from the file {secret.file}"
    if secret.env:
        return f"from the environment, {secret.env}"
    return "in the configuration" if secret.inline else "asked for on a terminal"


def problems(account: Account) -> Iterator[str]:
    """What is on this machine and will not work."""
    if account.tls_ca_file is not None and not os.access(account.tls_ca_file, os.R_OK):
        yield f"tls-ca-file {account.tls_ca_file} cannot be read"
    if account.secret.file is not None:
        try:
            mode = os.stat(account.secret.file).st_mode
        except OSError as error:
            yield f"password-file {account.secret.file}: {error.strerror}"
        else:
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) & 0o077:
                yield f"password-file {account.secret.file}: others may read it"
    if os.path.lexists(account.maildir) and not account.maildir.is_dir():
        yield f"maildir {account.maildir} is not a folder"
