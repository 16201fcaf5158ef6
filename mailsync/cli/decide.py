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
from mailsync.model.errors import Exit
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

    Files that go from the Maildir can be brought back with `mailsync undelete`.  What is
    accepted and not done within 24 hours is held again.
    """
    chosen = state.targets(targets)
    if not _show(state, chosen, "accept", yes):
        return Exit.OK
    from mailsync.modes import decide

    count = decide.accept(chosen)
    out.say(f"{count:,} accepted; `mailsync sync` carries it out")
    return Exit.OK


@click.command(short_help="Bring back what is held instead.")
@targets
@_yes
@common
@click.pass_obj
def reject(state: State, targets: tuple[str, ...], yes: bool) -> int:
    """Undo what is held: the next sync brings the missing messages back from the other side."""
    chosen = state.targets(targets)
    if not _show(state, chosen, "reject", yes):
        return Exit.OK
    from mailsync.modes import decide

    count = decide.reject(chosen)
    out.say(f"{count:,} rejected; `mailsync sync` brings back what is missing")
    return Exit.OK


def _show(state: State, chosen: list[Target], verb: str, yes: bool) -> bool:
    """Show what is held; whether there is something and the person agrees."""
    log.setup(0, debug=state.debug)
    from mailsync.modes import decide

    lines = decide.held(chosen)
    if not lines:
        out.say("nothing is held")
        return False
    for line in lines:
        out.say(f"  {_sentence(line)}: {line.reason}")
    _agree(f"{verb} {held_total(lines):,}?", yes)
    return True


def _sentence(line: HeldLine) -> str:
    if not line.mailbox:
        return line.account
    where = "on the server" if line.side is Side.SERVER else "in the Maildir"
    what = out.many(line.count, "message")
    return f"{line.account}/{line.mailbox}: {what} would be deleted {where}"


def _agree(question: str, yes: bool) -> None:
    """Raises when the person does not, or there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: say --yes if this is meant")
    if not click.confirm(question[0].upper() + question[1:]):
        raise click.ClickException("nothing was changed")


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
    chosen = [target.account for target in state.targets(accounts)]
    when = None if since is None else moment(since, time.time())
    log.setup(0, debug=state.debug)
    from mailsync.modes import decide

    ask = not yes and not dry_run and sys.stdin.isatty()
    if ask or dry_run:
        lines = [line for account in chosen for line in decide.undelete(account, when, True)]
        _tell(lines, "would come back")
        if dry_run or not lines:
            return Exit.OK
        _agree("bring back?", yes)
    lines = [line for account in chosen for line in decide.undelete(account, when, False)]
    _tell([] if ask else lines, "came back" if lines else "")
    if ask:
        out.say(f"{out.many(len(lines), 'file')} came back")
    return Exit.OK


def _tell(lines: list[str], what: str) -> None:
    for line in lines:
        out.say(f"  {line}")
    if what:
        out.say(f"{out.many(len(lines), 'file')} {what}")


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
