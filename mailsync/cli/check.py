"""`mailsync check`."""

from __future__ import annotations

import sys

import click

from mailsync.cli import log, out, progress
from mailsync.cli.options import accounts as account_names
from mailsync.cli.options import as_json, common
from mailsync.cli.state import State
from mailsync.model import checked
from mailsync.model.checked import AccountCheck, MailboxCheck
from mailsync.model.errors import MailsyncError


@click.command(short_help="Prove that the Maildir is what the server has.")
@account_names
@click.option(
    "--server/--no-server",
    default=True,
    help="Whether to ask the server; else it is taken to be as the cache says.",
)
@click.option("--read-data", is_flag=True, help="Read every message on both sides, too.")
@click.option("--repair", is_flag=True, help="Correct the cache; mail is never changed.")
@as_json
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what differs.")
@common
@click.pass_obj
def check(
    state: State,
    accounts: tuple[str, ...],
    server: bool,
    read_data: bool,
    repair: bool,
    quiet: bool,
) -> int:
    """Compare the server, the Maildir and the cache, message by message, and name what differs.

    Nothing is changed.  Exits 0 when all agree and 1 when anything differs; with another status
    (75: the server was not reached) nothing is proven.  Without --read-data names, flags, sizes
    and times are compared, and no message is opened.
    """
    chosen = state.accounts(accounts)
    if read_data and not server:
        raise click.UsageError("--read-data needs the server: leave out --no-server")
    log.setup(0, debug=state.debug)
    from mailsync.modes import check as modes

    interactive = sys.stdin is not None and sys.stdin.isatty()
    options = checked.CheckOptions(server, read_data, repair, interactive)
    shown = progress.choose(quiet or state.json)
    found: list[AccountCheck] = []
    try:
        for account in chosen:
            try:
                found.append(modes.check(account, options, shown))
            except MailsyncError as error:
                exits = frozenset({error.exit})
                found.append(AccountCheck(account.name, errors=(str(error),), exits=exits))
    finally:
        if shown is not None:
            shown.finish()
    if state.json:
        state.print_json(checked.as_json(found))
    else:
        for one in found:
            _tell(one, options, quiet)
    for one in found:
        for text in one.errors:
            out.trouble(one.name, text)
    return int(checked.worst_of(found))


def _tell(account: AccountCheck, options: checked.CheckOptions, quiet: bool) -> None:
    said = not quiet or account.differences
    if said and (account.mailboxes or not account.errors):
        out.say(f"{account.name}: {_sentence(account)}", bold=True)
    if not quiet and account.mailboxes:
        out.table(
            [
                _HEAD[: 6 if options.read_data else 5],
                *(_row(b, options) for b in account.mailboxes),
            ],
            indent="  ",
            right=frozenset(range(1, 6)),
        )
    for box in account.mailboxes:
        for one in box.differences:
            out.say(f"  {box.name}: {one}")
        for one in () if quiet else box.notes:
            out.say(f"  {box.name}: by the way: {one}")
    if options.repair and account.differences:
        out.say("repaired: the cache knows what is there; the next sync acts on it")


_HEAD = ["mailbox", "server", "here", "cache", "differ", "read"]


def _row(box: MailboxCheck, options: checked.CheckOptions) -> list[str]:
    counts = [box.server, box.local, box.cache, len(box.differences)]
    if options.read_data:
        counts.append(box.read)
    return [box.name, *("-" if count is None else f"{count:,}" for count in counts)]


def _sentence(account: AccountCheck) -> str:
    boxes = out.many(len(account.mailboxes), "mailbox", "mailboxes")
    where = f"{out.many(account.messages, 'message')} in {boxes}"
    read = sum(box.read for box in account.mailboxes)
    if read:
        size = out.size(sum(box.size for box in account.mailboxes))
        where += f", {read:,} read on both sides ({size})"
    if account.differences:
        return f"{where}: {out.many(account.differences, 'difference')}"
    if account.errors:
        return f"{where}: not all of it could be compared"
    sides = "cache, Maildir and server agree" if account.asked else "cache and Maildir agree"
    return f"{where}: {sides}"
