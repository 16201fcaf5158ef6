"""`mailsync sync`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Collection, Iterable, Iterator

import click

from mailsync.cli import log, out, progress
from mailsync.cli.options import as_json, common, targets
from mailsync.cli.state import State
from mailsync.model.errors import Exit
from mailsync.model.report import AccountReport, MailboxReport, Report, SyncOptions

# field -> (one, many), as they stand behind a number
_WORDS = {
    "downloaded": ("downloaded", "downloaded"),
    "uploaded": ("uploaded", "uploaded"),
    "flags_local": ("flag change here", "flag changes here"),
    "flags_server": ("flag change on the server", "flag changes on the server"),
    "moved": ("moved", "moved"),
    "renamed": ("mailbox renamed", "mailboxes renamed"),
    "removed": ("removed here", "removed here"),
    "expunged": ("deleted on the server", "deleted on the server"),
    "held": ("held", "held"),
    "failed": ("failed", "failed"),
    "parked": ("parked", "parked"),
    "unsent": ("unsent", "unsent"),
    "waiting": ("waiting", "waiting"),
}


@click.command(short_help="Bring the Maildir and the server to agreement.")
@targets
@click.option("--dry-run", is_flag=True, help="Print what would be done, and why; change nothing.")
@click.option("--pull", is_flag=True, help="Change nothing on the server in this run.")
@click.option("--push", is_flag=True, help="Change nothing in the Maildir in this run.")
@click.option("--no-delete", is_flag=True, help="Delete nothing on either side in this run.")
@click.option(
    "--no-wait",
    is_flag=True,
    help="Do not wait for the outcome of an upload that was cut off; exit 75 instead.",
)
@as_json
@click.option("-v", "--verbose", count=True, help="Log what is done; -vv how.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@common
@click.pass_obj
def sync(
    state: State,
    targets: tuple[str, ...],
    dry_run: bool,
    pull: bool,
    push: bool,
    no_delete: bool,
    no_wait: bool,
    verbose: int,
    quiet: bool,
) -> int:
    """Bring every selected mailbox of every account to agreement with the server, both ways.

    ACCOUNT or ACCOUNT/MAILBOX narrow it down, and so do --pull, --push and --no-delete, which
    never allow what the configuration does not.  What is left so, or interrupted, is completed by
    the next run.
    """
    if pull and push:
        raise click.UsageError("--pull and --push leave nothing to do: give one of them")
    chosen = state.targets(targets)
    log.setup(verbose, debug=state.debug)
    if os.geteuid() == 0 and verbose:
        out.note("running as root: the mail files will belong to root")
    from mailsync.modes import once

    state.resumed = not dry_run
    shown = progress.choose(quiet or dry_run)
    options = SyncOptions(
        dry_run=dry_run,
        no_wait=no_wait,
        pull=pull,
        push=push,
        no_delete=no_delete,
        interactive=sys.stdin is not None and sys.stdin.isatty(),
        progress=shown,
    )
    try:
        report = once.sync(chosen, options)
    finally:
        if shown is not None:
            shown.finish()
    if state.json:
        state.print_json(report.as_json())
    elif not quiet:
        narrowed = frozenset(target.account.name for target in chosen if target.mailboxes)
        tell(report, dry_run=dry_run, verbose=verbose, narrowed=narrowed)
    for account in report.accounts:
        for text in account.errors:
            out.trouble(account.name, text)
    return int(report.exit)


def tell(
    report: Report,
    *,
    dry_run: bool = False,
    verbose: int = 0,
    indent: str = "",
    narrowed: Collection[str] = (),
) -> None:
    """The report in words, on standard output; `narrowed`: accounts not synced as a whole."""
    for account in report.accounts:
        whole = account.name not in narrowed
        told = _of_plan(account) if dry_run else _of_account(account, verbose, whole)
        for text in told:
            out.say(f"{indent}{text}", bold=not text.startswith(" "))
    for text in advice(report):
        out.say(f"{indent}{text}")


def _of_plan(account: AccountReport) -> Iterator[str]:
    if account.plan:
        yield f"{account.name}: {out.many(len(account.plan), 'action')} planned, nothing done"
        yield from (f"  {line}" for line in account.plan)
    elif not account.errors:
        yield f"{account.name}: nothing to do"
    for box in account.mailboxes:
        yield from (f"  {box.name}: {text.removeprefix(f'{box.name}: ')}" for text in box.notices)


def _of_account(account: AccountReport, verbose: int, whole: bool) -> Iterator[str]:
    told = words(account.total())
    if told:
        yield f"{account.name}: {told}"
    elif account.exit is Exit.OK:
        # A part of an account leaves open what touches the rest (semantics.md, rule 9).
        agreed = whole and not any(box.notices for box in account.mailboxes)
        yield f"{account.name}: {'both sides agree, ' if agreed else ''}nothing to do"
    for box in account.mailboxes:
        counted = words(box)
        if counted or verbose:
            yield f"  {box.name}: {counted or 'nothing to do'}"
        for notice in box.notices:
            text = notice.removeprefix(f"{box.name}: ")
            yield f"    {text}" if counted or verbose else f"  {box.name}: {text}"


def words(box: MailboxReport) -> str:
    """`3 downloaded, 1 flag change here`; empty when there is nothing to tell."""
    return ", ".join(
        f"{count:,} {_WORDS[name][count != 1]}"
        for name in _WORDS
        if (count := getattr(box, name)) > 0
    )


def advice(report: Report) -> Iterable[str]:
    """What a person may do about what is left."""
    for account in report.accounts:
        for box in account.mailboxes:
            if box.held:
                where = shlex.quote(f"{account.name}/{box.name}")
                yield (
                    f"What is held in {account.name}/{box.name}: "
                    f"`mailsync accept {where}` lets it happen, "
                    f"`mailsync reject {where}` brings the messages back"
                )
        total = account.total()
        if total.failed or total.parked:
            yield f"`mailsync status {shlex.quote(account.name)}` says what failed and why"
