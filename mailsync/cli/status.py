"""`mailsync status` and `mailsync mailboxes`."""

from __future__ import annotations

import sys

import click

from mailsync.cli import log, out
from mailsync.cli.options import accounts as account_names
from mailsync.cli.options import as_json, common
from mailsync.cli.state import State
from mailsync.model.errors import Exit, MailsyncError, worst
from mailsync.model.report import ASKED, IN_DOUBT, LEFT, AccountStatus, MailboxLine, Remark
from mailsync.model.settings import Account

KINDS = (*LEFT, *ASKED, IN_DOUBT)


@click.command(short_help="When it last worked, and what is left to do or to decide.")
@account_names
@as_json
@click.option("-q", "--quiet", is_flag=True, help="Only mailboxes in which something is left.")
@common
@click.pass_obj
def status(state: State, accounts: tuple[str, ...], quiet: bool) -> int:
    """Show for each account and mailbox when it last succeeded, and what is held, parked, unsent or
    failed, and why.  Asks neither the server nor the Maildir.

    Exits like the sync that would find nothing new: 3 when something is held, 1 when something
    failed or is parked, 75 while it is not known what became of an upload or a move, while bodies
    wait for the day's budget, and while the server wants to be left alone.
    """
    chosen = _chosen(state, accounts)
    from mailsync.modes import inspect

    report = inspect.status(chosen)
    if state.json:
        state.print_json(report.as_json())
    else:
        for account in report.accounts:
            _tell_status(account, quiet)
    for account in report.accounts:
        for text in account.errors:
            out.trouble(account.name, text)
    return int(report.exit)


def _chosen(state: State, names: tuple[str, ...]) -> list[Account]:
    log.setup(0, debug=state.debug)
    return state.accounts(names)


def _tell_status(account: AccountStatus, quiet: bool) -> None:
    if account.last_success is None and not account.mailboxes:
        return  # all there is to say are its errors
    messages = out.many(sum(box.messages for box in account.mailboxes), "message")
    boxes = out.many(len(account.mailboxes), "mailbox", "mailboxes")
    left = [f"{account.count(kind):,} {kind}" for kind in KINDS if account.count(kind)]
    told = ", ".join([f"last success {out.ago(account.age)}", f"{messages} in {boxes}", *left])
    out.say(f"{account.name}: {told}", bold=True)
    shown = [box for box in account.mailboxes if box.remarks or not quiet]
    if shown:
        kinds = [kind for kind in KINDS if account.count(kind)]
        rows = [["mailbox", "messages", "last success", *kinds]]
        for box in shown:
            counts = [f"{box.count(kind):,}" if box.count(kind) else "" for kind in kinds]
            rows.append([box.name, f"{box.messages:,}", out.ago(box.age), *counts])
        out.table(rows, indent="  ", right=frozenset({1, *range(3, 3 + len(kinds))}))
    for box in shown:
        for remark in box.remarks:
            out.say(f"  {box.name}: {_sentence(box.name, remark)}")


def _sentence(name: str, remark: Remark) -> str:
    count = f"{remark.count:,} " if remark.count else ""
    return f"{count}{remark.kind}: {remark.reason.removeprefix(f'{name}: ')}"


@click.command(short_help="What is on each side, and what is synced.")
@account_names
@as_json
@common
@click.pass_obj
def mailboxes(state: State, accounts: tuple[str, ...]) -> int:
    """List the mailboxes of the server and the Maildir, and whether they are synced, and why not.

    Names are shown as `mailboxes` in the configuration wants them.
    """
    chosen = _chosen(state, accounts)
    from mailsync.modes import inspect

    found: dict[str, list[MailboxLine]] = {}
    exits: set[Exit] = set()
    interactive = sys.stdin is not None and sys.stdin.isatty()
    for account in chosen:
        try:
            lines, notices = inspect.mailboxes(account, interactive=interactive)
        except MailsyncError as error:
            out.error(f"{account.name}: {error}")
            exits.add(error.exit)
            continue
        found[account.name] = lines
        for notice in notices:
            out.note(f"{account.name}: {notice}")
    status = int(worst(exits))
    if state.json:
        listed = {name: [line.as_json() for line in lines] for name, lines in found.items()}
        state.print_json({"accounts": listed, "exit-status": status})
        return status
    for name, lines in found.items():
        out.say(f"{name}: {out.many(len(lines), 'mailbox', 'mailboxes')}", bold=True)
        if lines:
            out.table(_rows(lines), indent="  ", right=frozenset({4}))
    return status


def _rows(lines: list[MailboxLine]) -> list[list[str]]:
    titles = {"server_name": "on the server", "directory": "directory"}
    extra = [name for name in titles if any(getattr(line, name) for line in lines)]
    heads = [titles[name] for name in extra]
    rows = [["mailbox", "server", "here", "synced", "messages", *heads, "why"]]
    for line in lines:
        ticks = ["yes" if yes else "-" for yes in (line.server, line.local, line.selected)]
        messages = "" if line.messages is None else f"{line.messages:,}"
        names = [getattr(line, name) for name in extra]
        rows.append([line.name, *ticks, messages, *names, line.why])
    return rows
