r"""Where a mailbox lies below the Maildir root.

`nested`: the directory is the `MailboxName` itself, one level for each component.  `maildir++`, as
Dovecot and Courier write it: INBOX is the root, every other mailbox a directory in it, `.A.B`, its
components in modified UTF-7.  What Dovecot cannot write there (a `.` or a `/` within a component,
a `~` that begins the name, raw bytes) is a `\` and two hex digits, as its plugin listescape has it;
a `\` itself only where it would read as such.
"""

from __future__ import annotations

import enum
import re

from mailsync.model import mailboxname, utf7
from mailsync.model.mailboxname import INBOX, LONGEST_COMPONENT, MailboxName


class Layout(enum.StrEnum):
    NESTED = "nested"
    MAILDIRPP = "maildir++"


_OURS = b"mailsync"  # `.mailsync` in the root is the marker
_UNSAFE = re.compile(rb"[^ -~]|[./]|\\(?=[0-9a-fA-F]{2})")
_ESCAPE = re.compile(rb"\\([0-9a-f]{2})")


def directories(layout: Layout, name: MailboxName) -> list[str]:
    """The directories from below the root down to the mailbox's own, relative to the root; none
    where that is the root.  Raises ValueError for a name that has none: not one that
    `mailboxname` makes, or too long."""
    components = mailboxname.split(name)
    if mailboxname.join(components) != name:
        raise ValueError(f"{name!r} is not the name of a mailbox")
    if layout is Layout.NESTED:
        parts = name.split("/")
        return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    return [] if name == INBOX else [_directory(components)]


def mailbox(directory: str) -> MailboxName:
    """The mailbox of a directory in the root, in layout `maildir++`; raises ValueError for one
    that `directories` never makes."""
    coded = directory[1:].encode("utf-8", "surrogateescape").split(b".")
    wires = [_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), part) for part in coded]
    name = mailboxname.join([utf7.from_wire(wire) for wire in wires])
    if name == INBOX or directories(Layout.MAILDIRPP, name) != [directory]:
        raise ValueError(f"{directory!r} is not the directory of a mailbox")
    return name


def _directory(components: list[str]) -> str:
    wires = [utf7.to_wire(component) for component in components]
    coded = [_UNSAFE.sub(lambda found: _escaped(found[0]), wire) for wire in wires]
    if coded[0].startswith(b"~") or coded[0].lower() == _OURS:
        coded[0] = _escaped(coded[0][:1]) + coded[0][1:]
    text = "." + b".".join(coded).decode("ascii")
    if len(text) > LONGEST_COMPONENT:
        raise ValueError(f"its directory's name would be over {LONGEST_COMPONENT} bytes")
    return text


def _escaped(byte: bytes) -> bytes:
    return b"\\%02x" % byte[0]
