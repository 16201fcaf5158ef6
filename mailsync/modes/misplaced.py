"""Directories that another program named otherwise than mailsync does.

mbsync before 1.5 and OfflineIMAP name directories as the server sends the names, in modified
UTF-7; OfflineIMAP's `sep = .` makes one directory of a name with all its parents.  A sync would
take such a directory for another mailbox, and send all of it to the server once more.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence

from mailsync.local import Maildir
from mailsync.model import mailboxname, utf7
from mailsync.model.errors import ConfigError
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import ServerMailbox
from mailsync.model.settings import Account

MOST = 20  # lines
RENAME = (
    "`mailsync adopt --rename-folders {account}` renames {them}, then tell your mail reader; or "
    "say in mailbox-names what {they} called here"
)


REFUSED = (
    (
        "itself has a cur/",
        'a tree of dotted directories (Maildir++) is layout = "maildir++": say so first',
    ),
    (
        "a hidden directory",
        "a tree with dotted directories in others (SubFolders Legacy of mbsync) cannot be taken "
        "over: rename them to names without the dot first",
    ),
    ("/inbox: a mailbox cannot have this name", "it is INBOX, and must have that name"),
)


def other_names(name: MailboxName, wire_name: str) -> frozenset[str]:
    """What other programs may call the mailbox of this name, here or in their state."""
    parts = mailboxname.split(name)
    coded = [utf7.encode(part).decode() if _can_code(part) else part for part in parts]
    found = {name, wire_name, wire_name.replace(".", "/"), wire_name.replace("/", ".")}
    for made in (parts, coded):
        found |= {"/".join(made), ".".join(made), f".{'.'.join(made)}"}
    return frozenset(found)


def _can_code(part: str) -> bool:
    try:
        utf7.encode(part)
    except ValueError:
        return False
    return True


def put_in_place(
    account: Account,
    maildir: Maildir,
    listed: Sequence[ServerMailbox],
    renamed: Mapping[str, str],
    rename: bool,
) -> None:
    """`renamed`: by the former configuration, the names of mailboxes by those they have here.

    Raises ConfigError where the tree is not of the account's layout, or a directory has
    another program's form of a mailbox's name and is not to be renamed."""
    if not maildir.exists():
        raise ConfigError(
            f"{account.maildir}: there is no such directory; there is nothing to take over"
        )
    here, notices = maildir.mailboxes()
    for ending, why in REFUSED:
        for notice in notices:
            if ending in notice.lower():
                raise ConfigError(f"{notice}; {why}")
    there = {
        box.name: box.wire_name.decode("utf-8", "surrogateescape")
        for box in listed
        if box.selectable
    }
    wrong = misplaced(here, there, renamed)
    if rename:
        for old, new in wrong.items():
            if not maildir.rename(old, new):
                raise ConfigError(f"{old} cannot become {new}: something has that name")
    elif wrong:
        lines = [
            f"{account.name}: the directory {shlex.quote(old)} is the mailbox {new}, and must "
            "have its name"
            for old, new in sorted(wrong.items())
        ]
        more = [f"and {len(lines) - MOST} more"] if len(lines) > MOST else []
        them, they = ("it", "it is") if len(lines) == 1 else ("them", "they are")
        what = RENAME.format(account=shlex.quote(account.name), them=them, they=they)
        raise ConfigError("\n".join([*lines[:MOST], *more, what]))


def misplaced(
    here: Collection[MailboxName],
    there: Mapping[MailboxName, str],
    renamed: Mapping[str, str],
) -> dict[MailboxName, MailboxName]:
    """Directories that are no mailbox of the server (`there`: its names as sent), and the mailbox
    that each is, deepest first.  A name that may be two mailboxes' is neither's."""
    meant: dict[str, MailboxName | None] = {}
    for name, wire_name in there.items():
        for form in other_names(name, wire_name):
            meant[form] = None if meant.get(form, name) != name else name
    meant |= {old: MailboxName(new) for old, new in renamed.items() if MailboxName(new) in there}
    found: dict[MailboxName, MailboxName] = {}
    for name in sorted(set(here) - there.keys(), key=lambda one: (-one.count("/"), one)):
        new = meant.get(name)
        if new is not None and new not in here and new not in found.values():
            found[name] = new
    return found
