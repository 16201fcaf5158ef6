"""`mailsync status` and `mailsync mailboxes`."""

from __future__ import annotations

import sys

import click

from mailsync.cli import log, out
from mailsync.cli.options import accounts as account_names
from mailsync.cli.options import as_json, common
from mailsync.cli.state import State
from mailsync.model.errors import Exit, MailsyncError, worst
from mailsync.model.report import LEFT, AccountStatus, MailboxLine
from mailsync.model.settings import Account


@click.command(short_help="When it last worked, and what is left to do or to decide.")
@account_names
@as_json
@click.option("-v", "--verbose", count=True, help="Show mailboxes without anything left too.")
@common
@click.pass_obj
def status(state: State, accounts: tuple[str, ...], verbose: int) -> int:
    """Show for each account and mailbox when it last succeeded and what is held, parked or failed.

    Exits like the sync that would find nothing new: 3 when something is held, 1 when something
    failed or is parked.
    """
    chosen = _chosen(state, accounts)
    from mailsync.modes import inspect

    report = inspect.status(chosen)
    if state.json:
        state.print_json(report.as_json())
    else:
        for account in report.accounts:
            _tell_status(account, bool(verbose))
    for account in report.accounts:
        for text in account.errors:
            out.error(f"{account.name}: {text}")
    return int(report.exit)


def _chosen(state: State, names: tuple[str, ...]) -> list[Account]:
    log.setup(0, debug=state.debug)
    return [target.account for target in state.targets(names)]


def _tell_status(account: AccountStatus, verbose: bool) -> None:
    messages = out.many(sum(box.messages for box in account.mailboxes), "message")
    boxes = out.many(len(account.mailboxes), "mailbox", "mailboxes")
    left = [f"{account.count(kind):,} {kind}" for kind in LEFT if account.count(kind)]
    told = ", ".join([f"last success {out.ago(account.age)}", f"{messages} in {boxes}", *left])
    out.say(f"{account.name}: {told}", bold=True)
    shown = [box for box in account.mailboxes if verbose or box.remarks]
    if shown:
        rows = [["mailbox", "messages", "last success", *LEFT]]
        for box in shown:
            counts = [f"{box.count(kind):,}" if box.count(kind) else "" for kind in LEFT]
            rows.append([box.name, f"{box.messages:,}", out.ago(box.age), *counts])
        out.table(rows, indent="  ", right=frozenset({1, 3, 4, 5, 6}))
    for box in shown:
        for remark in box.remarks:
            side = f" ({remark.side})" if remark.side is not None else ""
            out.say(f"  {box.name}: {remark.count:,} {remark.kind}{side}: {remark.reason}")


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
    for account in chosen:
        try:
            found[account.name] = inspect.mailboxes(account, interactive=sys.stdin.isatty())
        except MailsyncError as error:
            out.error(f"{account.name}: {error}")
            exits.add(error.exit)
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
    rows = [["mailbox", "server", "here", "synced", "messages", "why"]]
    for line in lines:
        ticks = ["yes" if yes else "-" for yes in (line.server, line.local, line.selected)]
        messages = "" if line.messages is None else f"{line.messages:,}"
        rows.append([line.name, *ticks, messages, line.why])
    return rows
