"""Which mailboxes are in scope, and whether anything changed since the cache was written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches

from mailsync.cache.quick import Quick, QuickMailbox
from mailsync.config.patterns import rules_of
from mailsync.config.patterns import selected as matches
from mailsync.local import Maildir
from mailsync.model.errors import ConfigError, MailsyncError
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import ServerMailbox
from mailsync.model.report import Target
from mailsync.model.rows import Role
from mailsync.model.settings import Account, Deletions, Rules
from mailsync.system.seams import World


def unsubscribed(
    account: Account, listed: Iterable[ServerMailbox] | None
) -> frozenset[MailboxName]:
    """What is out of scope by `subscribed-only`; a mailbox that the server has not is not."""
    if not account.subscribed_only:
        return frozenset()
    return frozenset(box.name for box in listed or () if box.selectable and not box.subscribed)


def selector(
    account: Account, listed: Iterable[ServerMailbox] | None
) -> Callable[[MailboxName, Role | None], bool]:
    """Whether a mailbox is in scope by the account's patterns and subscriptions; `listed`: what
    the server has, None: nobody asked."""
    left_out = unsubscribed(account, listed)

    def selected(name: MailboxName, role: Role | None) -> bool:
        return name not in left_out and matches(account.mailboxes, name, role)[0]

    return selected


def login_of(account: Account) -> str:
    """Whose UIDs a cache holds."""
    return f"{account.user}@{account.host}"


def policy_of(account: Account) -> Callable[[MailboxName], tuple[str, str, str]]:
    """For each mailbox direction, deletions and a digest of all else by which messages wait
    (rules 1 and 9), which begins with the guard."""

    def of(name: MailboxName) -> tuple[str, str, str]:
        rules = rules_of(account, name)
        guard = (account.guard.share, account.guard.floor)
        rest = (*guard, account.trash, account.expunge_deleted, rules.max_size, rules.max_age)
        return rules.direction, rules.deletions, repr(rest)

    return of


def since(rules: Rules, now: float) -> int | None:
    """From when on a message is young enough, in seconds since 1970; None: however old it is."""
    return None if rules.max_age is None else int(now) - rules.max_age * 86400


def uses_trash(account: Account) -> bool:
    """Whether anything may have to go to the \\Trash mailbox."""
    said = [one.rules.deletions for one in account.sections if "deletions" in one.given]
    return Deletions.TRASH in (account.deletions, *said)


def check_names(
    had: Mapping[MailboxName, bytes],
    here: Collection[MailboxName],
    listed: Sequence[ServerMailbox],
) -> None:
    """Raises ConfigError where changed `mailbox-names` would give a mailbox the name that another
    one has here.  One whose new name is free is renamed; `had`: what the server called them."""
    before = {wire: name for name, wire in had.items()}
    for box in listed:
        old, other = before.get(box.wire_name), had.get(box.name)
        if old is None or old == box.name or box.name not in here:
            continue
        if other is not None and other != box.wire_name:
            raise ConfigError(
                f'mailbox-names: what was "{old}" here would be "{box.name}" by now, and that is '
                "another mailbox's directory; nothing was changed. Set the rules back, or first "
                "give one of the two a name that is not used here"
            )


class NotSynced(ConfigError):
    """A mailbox was asked for by a name that is not synced."""


UNSUBSCRIBED = "not subscribed to on the server (subscribed-only)"


def check_asked(
    target: Target,
    roles: Mapping[MailboxName, Role | None],
    left_out: Collection[MailboxName] = (),
) -> None:
    """Raises NotSynced for a mailbox that was asked for by name and is not there (`roles` has
    all that are, on either side) or not in scope (`left_out`: not subscribed to): silence would
    look like agreement."""
    account = target.account
    for asked in target.mailboxes:
        name = MailboxName(asked)
        if name not in roles:
            folded = {known.casefold(): known for known in roles}
            guess = get_close_matches(name.casefold(), folded, n=1)
            hint = (
                f"did you mean {account.name}/{folded[guess[0]]}?"
                if guess
                else "`mailsync mailboxes` lists them"
            )
            raise NotSynced(
                f"{account.name}/{name}: there is no such mailbox on either side; {hint}"
            )
        wanted, why = matches(account.mailboxes, name, roles[name])
        if name in left_out:
            wanted, why = False, UNSUBSCRIBED
        if not wanted:
            raise NotSynced(f"{account.name}/{name} is not synced: {why}")


def maildir_of(account: Account, world: World) -> Maildir:
    return Maildir(
        str(account.maildir),
        account.name,
        world.fs,
        world.host,
        world.rand,
        account.fsync,
        account.layout,
    )


async def unchanged_on_disk(account: Account, seen: Quick, world: World) -> tuple[str, ...] | None:
    """Same mailboxes, valid equal stamps everywhere, and a marker that is ours: what is to be said
    of directories that are no mailboxes.  None: something changed."""
    maildir = maildir_of(account, world)

    def look() -> tuple[str, ...] | None:
        try:
            marker = maildir.read_marker()
            if marker is None or marker.cache_uuid != seen.uuid:
                return None
            if (marker.machine, marker.state) != (world.machine, str(account.state)):
                return None
            if marker.layout != account.layout:
                return None
            if seen.generation != marker.generation:
                return None
            names, notices = maildir.mailboxes()
            if set(names) != {name for name, box in seen.mailboxes.items() if box.local}:
                return None
            same = all(
                box.stamp is not None
                and maildir.stamp(name) == box.stamp
                and unedited(maildir, name, box)
                for name, box in seen.mailboxes.items()
                if box.local and box.selected
            )
            return tuple(notices) if same else None
        except MailsyncError:
            return None  # the full path says what is wrong

    return await world.pool.disk(look)


def unedited(maildir: Maildir, name: MailboxName, box: QuickMailbox) -> bool:
    """No draft was written over in place."""
    facts = maildir.inspect(name, [entry for entry, _, _ in box.drafts], None)
    return all(
        (seen := facts.get(entry.name)) is not None and (seen.size, seen.mtime_ns) == (size, mtime)
        for entry, size, mtime in box.drafts
    )


def unchanged_on_server(account: Account, seen: Quick, listed: Sequence[ServerMailbox]) -> bool:
    """Same mailboxes in scope, equal cursors that cover flags too."""
    wanted = selector(account, listed)
    shown = {box.name: box for box in listed if box.selectable}
    if shown.keys() != {name for name, box in seen.mailboxes.items() if box.server}:
        return False
    gone = {name: box for name, box in seen.mailboxes.items() if box.local and not box.server}
    if any(wanted(name, None) != box.selected for name, box in gone.items()):
        return False  # what left the server while it was out of scope is in scope again
    for name, box in shown.items():
        had = seen.mailboxes[name]
        if wanted(name, box.role) != had.selected or had.role != box.role:
            return False
        if None not in (had.mailbox_id, box.mailbox_id) and had.mailbox_id != box.mailbox_id:
            return False  # another one has its name by now, with a cursor that says the same
        if had.selected:
            covered = had.cursor is not None and had.cursor.highest_modseq is not None
            if not covered or had.cursor != box.cursor:
                return False
        if had.wire_name != box.wire_name:
            return False  # `mailbox-names` was changed
    return True
