"""`mailsync accept`, `reject` and `undelete`."""

from __future__ import annotations

import re
import sys
import time
from datetime import datetime, timedelta

import click

from mailsync.cli import log, out
from mailsync.cli.options import accounts as account_names
from mailsync.cli.options import common, targets
from mailsync.cli.state import State
from mailsync.model.errors import Exit, worst
from mailsync.model.report import HeldLine, Target, held_total
from mailsync.model.rows import Side

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
    chosen = state.targets(targets)
    shown = _agreed(state, chosen, "accept", yes)
    if isinstance(shown, Exit):
        return shown
    from mailsync.modes import decide

    decide.accept(chosen, shown)
    out.say("accepted: `mailsync sync` carries it out")
    return Exit.OK


@click.command(short_help="Bring back what is held instead.")
@targets
@_yes
@common
@click.pass_obj
def reject(state: State, targets: tuple[str, ...], yes: bool) -> int:
    """Undo what is held: the next sync brings the missing messages back from the other side.

    What was accepted can be taken back by this until the next sync has done it.
    """
    chosen = state.targets(targets)
    shown = _agreed(state, chosen, "reject", yes)
    if isinstance(shown, Exit):
        return shown
    from mailsync.modes import decide

    decide.reject(chosen, shown)
    out.say("rejected: `mailsync sync` brings back what is missing")
    return Exit.OK


def _agreed(state: State, chosen: list[Target], verb: str, yes: bool) -> list[HeldLine] | Exit:
    """Show what is held and ask: that, if the person agrees."""
    log.setup(0, debug=state.debug)
    from mailsync.modes import decide

    lines = decide.held(chosen, accepted=verb == "reject")
    if not lines:
        out.say("nothing is held")
        return Exit.OK
    for line in lines:
        out.say(_place(line), bold=True)
        out.say(f"  {line.reason}")
    if agreed(f"{verb.capitalize()} {_all(lines)}?", yes):
        return lines
    out.say("nothing was changed")
    return Exit.HELD


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
    lines = [line for account in chosen for line in decide.undelete(account, when, True).files]
    if not lines:
        out.say("nothing to bring back" + (f" since {since}" if since else ""))
        return Exit.OK
    for line in lines:
        out.say(f"  {line}")
    files = out.many(len(lines), "file")
    if dry_run:
        out.say(f"{files} would come back")
    elif agreed(f"Bring {files} back?", yes):
        done = {account.name: decide.undelete(account, when, False) for account in chosen}
        back = out.many(sum(len(one.files) for one in done.values()), "file")
        out.say(f"{back} came back; `mailsync sync` uploads what is missing")
        for name, one in done.items():
            for text in one.errors:
                out.trouble(name, text)
        return int(worst({exit for one in done.values() for exit in one.exits}))
    else:
        out.say("nothing was changed")
    return Exit.OK


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
