"""`mailsync adopt`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mailsync.cli import log, out, progress
from mailsync.cli.options import accounts as account_names
from mailsync.cli.options import as_json, common
from mailsync.cli.state import State
from mailsync.model import former
from mailsync.model.errors import Exit, MailsyncError
from mailsync.model.former import AdoptedMailbox, Adoption

if TYPE_CHECKING:
    from mailsync.config.former import Converted


@click.command(short_help="Take over the Maildir of mbsync or OfflineIMAP.")
@account_names
@click.option("--dry-run", is_flag=True, help="Say what would be paired; change nothing.")
@click.option(
    "--rename-folders",
    is_flag=True,
    help="Rename directories that have the former program's form of a mailbox's name.",
)
@click.option(
    "--state",
    "state_place",
    metavar="DIR",
    help="Where the former program's state is (mbsync: SyncState; OfflineIMAP: metadata).",
)
@click.option("--from", "program", type=click.Choice(["mbsync", "offlineimap"]), help="Which one.")
@click.option("--old-config", metavar="FILE", help="Its configuration, if not in the usual place.")
@click.option(
    "--print-config", is_flag=True, help="Only print its configuration as one for mailsync."
)
@click.option("--write-config", metavar="FILE", help="The same into a new file.")
@as_json
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@common
@click.pass_obj
def adopt(
    state: State,
    accounts: tuple[str, ...],
    dry_run: bool,
    rename_folders: bool,
    state_place: str | None,
    program: str | None,
    old_config: str | None,
    print_config: bool,
    write_config: str | None,
    quiet: bool,
) -> int:
    """Take over a Maildir, and what mbsync or OfflineIMAP knew of it.

    No message is fetched, sent, renamed or deleted.  The pairs in the former program's state are
    held against both sides; without a state messages are paired by content.  What that program
    had on both sides and one side lacks by now is held.  An interrupted run is completed by the
    next one.
    """
    from mailsync.modes import former as old

    log.setup(0, debug=state.debug)
    if print_config or write_config:
        return _convert(old.configuration(program, old_config), write_config)
    chosen = state.accounts(accounts)
    known, told = old.configurations(program, old_config)
    for text in told:
        out.note(text)
    from mailsync.modes import adopt as modes

    state.resumed = not dry_run
    interactive = sys.stdin is not None and sys.stdin.isatty()
    shown = progress.choose(quiet or state.json)
    found: list[Adoption] = []
    try:
        for account in chosen:
            try:
                old.check_inbox(account, known)
                found.append(
                    modes.adopt(
                        account,
                        old.places(account, known, state_place),
                        old.renamed(account, known),
                        dry=dry_run,
                        rename=rename_folders,
                        interactive=interactive,
                        progress=shown,
                    )
                )
            except MailsyncError as error:
                lines = tuple(str(error).splitlines())
                found.append(Adoption(account.name, errors=lines, exits=frozenset({error.exit})))
    finally:
        if shown is not None:
            shown.finish()
    if state.json:
        state.print_json(former.as_json(found))
    elif not quiet:
        for one in found:
            _tell(one, dry_run)
    for one in found:
        for text in one.errors:
            out.trouble(one.name, text)
    return int(former.worst_of(found))


def _convert(made: Converted, target: str | None) -> int:
    """The configuration to `target`, or printed; what has no counterpart is said beside it."""
    from mailsync.modes import former as old

    if target is None:
        click.echo(made.toml(), nl=False)
    else:
        old.write(made, target)
        out.say(f"{target} is written: look it over, then `mailsync config check`")
    for text in made.remarks:
        out.note(text)
    if made.secret and target is None:
        out.note("a password stands in it: the file must be mode 0600")
    return Exit.OK


_HEAD = ["mailbox", "by state", "by content", "before", "held", "to fetch", "to send"]


def _tell(account: Adoption, dry: bool) -> None:
    if not account.mailboxes:
        return
    paired = sum(box.paired for box in account.mailboxes)
    boxes = out.many(len(account.mailboxes), "mailbox", "mailboxes")
    would = " would be" if dry else ""
    out.say(f"{account.name}: {out.many(paired, 'message')} in {boxes}{would} paired", bold=True)
    out.table(
        [_HEAD, *map(_row, account.mailboxes)], indent="  ", right=frozenset(range(1, len(_HEAD)))
    )
    for box in account.mailboxes:
        for notice in (*_held(box), *box.notices):
            out.say(f"  {box.name}: {notice}")
    if any(box.held_here or box.held_there for box in account.mailboxes):
        out.say(
            f"What is held: `mailsync accept {account.name}` deletes it on the other side, too, "
            f"`mailsync reject {account.name}` brings it back"
        )


def _row(box: AdoptedMailbox) -> list[str]:
    counts = (box.known, box.alike, box.before, box.held_here + box.held_there)
    return [box.name, *(f"{count:,}" for count in (*counts, box.fetched, box.sent))]


def _held(box: AdoptedMailbox) -> list[str]:
    found: list[str] = []
    if box.held_there:
        found.append(f"{out.many(box.held_there, 'message')} held, deleted here since")
    if box.held_here:
        found.append(f"{out.many(box.held_here, 'file')} held, not on the server any more")
    return found
