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
        for text in idle_patterns(account):
            out.note(f"{account.name}: {text}")
        for text in problems(account):
            out.error(f"{account.name}: {text}")
            status = Exit.CONFIG
    return status


def _lines(account: Account) -> Iterator[tuple[str, str]]:
    where = f"{account.host}:{account.port}"
    trust = ", pinned certificate" if account.tls_fingerprint else ""
    trust += f", trusts {account.tls_ca_file}" if account.tls_ca_file else ""
    yield "server", f"{account.user} at {where}, security {account.security}{trust}"
    if account.tunnel:
        yield "tunnel", f"a command, {account.tunnel[0]}"
    if account.proxy is not None:
        yield "proxy", f"socks5, {account.proxy.host}:{account.proxy.port}"
    if account.tls_client_cert is not None:
        yield "certificate", str(account.tls_client_cert)
    if account.auth != "auto":
        yield "auth", account.auth
    yield "password", password_source(account)
    there = "" if account.maildir.is_dir() else ", made by the first sync"
    yield "maildir", f"{account.maildir}{there}"
    yield "mailboxes", " ".join(account.mailboxes)
    if account.direction is not Direction.BOTH:
        yield "direction", _direction(account.direction)
    share = account.guard.share
    held = "off" if share is None else f"{share:.0%}, more than {account.guard.floor} messages"
    yield "deletions", f"{account.deletions}; guard {held}; undelete {account.undelete_days} days"

    if limits := _limits(account.max_size, account.max_age):
        yield "limits", limits
    for section in account.sections:
        rules, given = section.rules, section.given
        said = [_direction(rules.direction)] if "direction" in given else []
        said += [f"deletions {rules.deletions}"] if "deletions" in given else []
        said += [
            f"{name.replace('_', '-')} {shown or 'off'}"
            for name, shown in (
                ("max_size", rules.max_size and out.size(rules.max_size)),
                ("max_age", rules.max_age and f"{rules.max_age} days"),
            )
            if name in given
        ]
        yield "section", f"{section.pattern}: {'; '.join(said)}"


def _direction(direction: Direction) -> str:
    if direction is Direction.BOTH:
        return "both: either side follows the other"
    side = "server" if direction is Direction.PULL else "Maildir"
    return f"{direction}: the {side} is never changed"


def _limits(max_size: int | None, max_age: int | None) -> str:
    said = [f"up to {out.size(max_size)}"] if max_size is not None else []
    return ", ".join([*said, *([f"of the last {max_age} days"] if max_age is not None else [])])


def idle_patterns(account: Account) -> Iterator[str]:
    """Sections, and patterns that name one mailbox, which no mailbox has that was ever seen."""
    from mailsync.cache.schema import FILE
    from mailsync.config.patterns import matches, selected

    cache = account.state / FILE
    if not cache.is_file():
        return  # never synced
    from mailsync.cache.quick import names

    known = names(str(cache))
    if not known:
        return  # a sync says what is wrong with the cache
    for section in account.sections:
        there = [name for name in known if matches(section.pattern, name)]
        if not there:
            yield (
                f'section "{section.pattern}" matches none of the {len(known)} mailboxes that the '
                "last sync saw: `mailsync mailboxes` lists them"
            )
        elif not any(selected(account.mailboxes, name, None)[0] for name in there):
            yield f'section "{section.pattern}" is for mailboxes that are not synced: {there[0]}'
    for pattern in account.mailboxes:
        if not pattern.startswith("!") and not any(matches(pattern, name) for name in known):
            yield f'pattern "{pattern}" matches none of the {len(known)} mailboxes'


def password_source(account: Account) -> str:
    secret = account.secret
    if secret.command:
        return f"from the command {secret.command[0]}"
    if secret.token_command:
        return f"a token, from the command {secret.token_command[0]}"
    if secret.file is not None:
        return f"from the file {secret.file}"
    if secret.credential:
        return f"from systemd's credential {secret.credential}"
    if secret.keyring:
        return f"from the keyring, {secret.keyring[0]} of {secret.keyring[1]}"
    if secret.env:
        return f"from the environment, {secret.env}"
    if secret.inline:
        return "in the configuration"
    if account.tls_client_cert is not None:
        return "none, by the certificate"
    return "asked for on a terminal"


def problems(account: Account) -> Iterator[str]:
    """What is on this machine and will not work."""
    if account.tls_ca_file is not None and not os.access(account.tls_ca_file, os.R_OK):
        yield f"tls-ca-file {account.tls_ca_file} cannot be read"
    for key, path in (
        ("password-file", account.secret.file),
        ("tls-client-key", account.tls_client_key or account.tls_client_cert),
    ):
        if path is None:
            continue
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            yield f"{key} {path}: {error.strerror}"
        else:
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) & 0o077:
                yield f"{key} {path}: others may read it"
    if os.path.lexists(account.maildir) and not account.maildir.is_dir():
        yield f"maildir {account.maildir} is not a folder"
