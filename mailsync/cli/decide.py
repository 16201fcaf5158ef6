"""`mailsync accept`, `reject` and `undelete`."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import click

from mailsync.cli import log, out
from mailsync.cli.options import accounts as account_names
from mailsync.cli.options import common, targets
from mailsync.cli.state import State
from mailsync.model.errors import Exit, MailsyncError, worst
from mailsync.model.report import HeldLine, Target, Undeleted, held_total
from mailsync.model.rows import Side
from mailsync.model.settings import Account

_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.command(short_help="Let what is held happen.")
@targets
@_yes
@common
@click.pass_obj
def accept(state: State, targets: tuple[str, ...], yes: bool) -> int:
    """Let exactly those deletions happen that are held now; the next sync makes them.

    A message that was moved into a mailbox that goes is moved back to where it was.
    Files that go from the Maildir can be brought back with `mailsync undelete`.  What is
    accepted and not done within 24 hours is held again.
    """
    return _decide(state, targets, "accept", "accepted: `mailsync sync` carries it out", yes)


@click.command(short_help="Bring back what is held instead.")
@targets
@_yes
@common
@click.pass_obj
def reject(state: State, targets: tuple[str, ...], yes: bool) -> int:
    """Undo what is held: the next sync brings the missing messages back from the other side.

    What was accepted can be taken back by this until the next sync has done it.
    """
    text = "rejected: `mailsync sync` brings back what is missing"
    return _decide(state, targets, "reject", text, yes)


def _decide(state: State, words: tuple[str, ...], verb: str, text: str, yes: bool) -> int:
    """Show what is held, ask, and do it; an account that cannot be looked at is none of the
    others' business."""
    chosen = state.targets(words)
    log.setup(0, debug=state.debug)
    from mailsync.modes import decide

    shown: list[tuple[Target, list[HeldLine]]] = []
    exits: set[Exit] = set()
    for target in chosen:
        with _told(target.account.name, exits):
            shown.append((target, decide.held([target], accepted=verb == "reject")))
    lines = [line for _, found in shown for line in found]
    if not lines:
        if not exits:
            out.say("nothing is held")
        return worst(exits)
    for line in lines:
        out.say(_place(line), bold=True)
        out.say(f"  {line.reason}")
    if not agreed(f"{verb.capitalize()} {_all(lines)}?", yes):
        out.say("nothing was changed")
        return worst(exits | {Exit.HELD})
    act, done = decide.accept if verb == "accept" else decide.reject, False
    for target, found in shown:
        if found:
            with _told(target.account.name, exits):
                act([target], found)
                done = True
    if done:
        out.say(text)
    return worst(exits)


@contextmanager
def _told(account: str, exits: set[Exit]) -> Iterator[None]:
    try:
        yield
    except MailsyncError as error:
        out.trouble(account, str(error))
        exits.add(error.exit)


def _place(line: HeldLine) -> str:
    if not line.mailbox:
        return line.account
    where = "on the server" if line.side is Side.SERVER else "in the Maildir"
    what = out.many(line.count, "deletion") if line.count else "the mailbox"
    return f"{line.account}/{line.mailbox}: {what} {where}"


def _all(lines: list[HeldLine]) -> str:
    if any(not line.mailbox for line in lines):
        return "this Maildir, and pair every message again"
    count = held_total(lines)
    return out.many(count, "deletion") if count > 1 else "that"


def agreed(question: str, yes: bool) -> bool:
    """Raises UsageError when there is nobody to ask."""
    if yes:
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: say --yes if this is meant")
    return click.confirm(question)


@click.command(short_help="Bring back files that were removed from the Maildir.")
@account_names
@click.option(
    "--since",
    metavar="WHEN",
    help='Only what was removed since then: "3d", "12h", "30min", "2026-11-24" or '
    '"2026-11-24 18:30".',
)
@click.option("--dry-run", is_flag=True, help="Only show what would come back.")
@_yes
@common
@click.pass_obj
def undelete(
    state: State, accounts: tuple[str, ...], since: str | None, dry_run: bool, yes: bool
) -> int:
    """Put files back that mailsync removed from the Maildir; the next sync uploads them again."""
    chosen = state.accounts(accounts)
    when = None if since is None else moment(since, time.time())
    log.setup(0, debug=state.debug)
    from mailsync.modes import decide

    if not accounts:  # one that was never synced is no error unless it was asked for
        chosen = decide.synced(chosen)
    found: list[tuple[Account, Undeleted]] = []
    exits: set[Exit] = set()
    for account in chosen:
        with _told(account.name, exits):
            found.append((account, decide.undelete(account, when, True)))
    lines = [line for _, one in found for line in one.files]
    if not lines:
        if not exits:
            out.say("nothing to bring back" + (f" since {since}" if since else ""))
        return worst(exits)
    for line in lines:
        out.say(f"  {line}")
    files = out.many(len(lines), "file")
    if dry_run:
        out.say(f"{files} would come back")
    elif agreed(f"Bring {files} back?", yes):
        exits |= _bring_back([account for account, one in found if one.files], when)
    else:
        out.say("nothing was changed")
    return worst(exits)


def _bring_back(accounts: list[Account], when: float | None) -> set[Exit]:
    from mailsync.modes import decide

    back, exits = 0, set[Exit]()
    for account in accounts:
        with _told(account.name, exits):
            done = decide.undelete(account, when, False)
            back += len(done.files)
            exits |= done.exits
            for text in done.errors:
                out.trouble(account.name, text)
    if back or not exits:
        out.say(f"{out.many(back, 'file')} came back; `mailsync sync` uploads what is missing")
    return exits


_SPAN = re.compile(r"(\d{1,6}) ?(min|h|d|w)(?: ago)?")
_UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: float) -> float:
    """Seconds since 1970 of `3d`, `12h` or a date in local time."""
    if found := _SPAN.fullmatch(text.strip()):
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])}).total_seconds()
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f'"{text}" is no time: say "3d", "12h" or "2026-11-24 18:30"', param_hint="--since"
        ) from None
