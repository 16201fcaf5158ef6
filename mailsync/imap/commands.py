"""The commands a sync needs, each built from typed values (RFC 9051 §6).

Every function raises ValueError for an argument that cannot be sent: an empty UID set, a flag
that is no atom, NUL.  UID sets are written ascending, never with `*`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import NamedTuple

from mailsync.imap import dates
from mailsync.imap.wire import Command, Hidden, Literal, Part, is_atom, is_flag, joined, string
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.uidset import UIDSet

DONE = b"DONE\r\n"  # ends IDLE (RFC 2177)
CANCEL = b"*\r\n"  # ends AUTHENTICATE (RFC 9051 §6.2.2)

_ITEM = re.compile(r"[A-Z0-9.\-]+(?:\[[A-Z0-9. ()\-]*\](?:<\d+\.\d+>)?)?\Z")


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """`internal_date` in seconds since 1970; one that IMAP cannot say (year over 9999) is left
    to the server.  `size` in bytes as sent."""

    flags: Sequence[str]
    internal_date: int | None
    size: int
    binary: bool = False


class Header(NamedTuple):
    """Criterion: the header field contains the value."""

    field: str
    value: str


Criterion = str | UIDSet | Header


def _plain(name: str) -> Command:
    return Command((name.encode("ascii"),), name)


def _words(words: Sequence[str]) -> bytes:
    made = [word.encode("ascii") for word in words]
    if not made or not all(map(is_atom, made)):
        raise ValueError(f"not a list of atoms: {list(words)!r}")
    return b" ".join(made)


def _flags(flags: Sequence[str]) -> bytes:
    if not all(map(is_flag, flags)):
        raise ValueError(f"a flag that cannot be sent: {list(flags)!r}")
    return b"(" + " ".join(flags).encode("ascii") + b")"


def _set(uids: UIDSet) -> bytes:
    if not uids:
        raise ValueError("an empty UID set")
    return str(uids).encode("ascii")


def _modseq(modseq: int) -> bytes:
    if not 1 <= modseq < 1 << 63:
        raise ValueError(f"{modseq} is not a MODSEQ")
    return b"%d" % modseq


# -- connection and login ------------------------------------------------------------------------


def capability() -> Command:
    return _plain("CAPABILITY")


def noop() -> Command:
    return _plain("NOOP")


def logout() -> Command:
    return _plain("LOGOUT")


def starttls() -> Command:
    return _plain("STARTTLS")


def compress() -> Command:
    return Command((b"COMPRESS DEFLATE",), "COMPRESS")


def idle() -> Command:
    return _plain("IDLE")


def namespace() -> Command:
    return _plain("NAMESPACE")


def login(user: str, password: str) -> Command:
    parts = joined(b"LOGIN ", string(user.encode()), b" ", string(password.encode()))
    return Command(parts, "LOGIN", secret=True)


def authenticate(mechanism: str, initial: bytes | None = None) -> Command:
    """`initial`: the first response, not yet in base64; only where SASL-IR is (RFC 4959)."""
    text = b"AUTHENTICATE " + _words([mechanism])
    if initial is not None:
        text += b" " + (base64.b64encode(initial) or b"=")
    return Command((text,), "AUTHENTICATE", secret=True)


def sasl_plain(user: str, password: str) -> bytes:
    """The one response of PLAIN (RFC 4616)."""
    if "\0" in user + password:
        raise ValueError("NUL in a password or user name")
    return Hidden(b"\0%b\0%b" % (user.encode(), password.encode()))


def sasl_xoauth2(user: str, token: str) -> bytes:
    """The one response of XOAUTH2, Google's forerunner of OAUTHBEARER."""
    _check_token(user, token)
    return Hidden(f"user={user}\1auth=Bearer {token}\1\1".encode())


def sasl_oauthbearer(user: str, token: str, host: str, port: int) -> bytes:
    """The one response of OAUTHBEARER (RFC 7628 §3.1)."""
    _check_token(user, token)
    name = user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 §4
    text = f"n,a={name},\1host={host}\1port={port}\1auth=Bearer {token}\1\1"
    return Hidden(text.encode())


def _check_token(user: str, token: str) -> None:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("a token that cannot be sent (RFC 6750 §2.1)")
    if "\0" in user or "\1" in user:
        raise ValueError("a user name that cannot be sent")


def sasl_challenge(text: bytes) -> bytes | None:
    """What a `+` asks; None where it is not base64 (RFC 9051 §6.2.2)."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def sasl_line(response: bytes) -> bytes:
    """A response to a SASL challenge, ready to be written."""
    return Hidden(base64.b64encode(response) + b"\r\n")


def forms(initial: bytes, password: str) -> tuple[str, ...]:
    """How the password stands in what is sent, where that is not as it is."""
    coded = base64.b64encode(initial).decode("ascii").rstrip("=")
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    return (coded,) if quoted == password else (coded, quoted)


def enable(*atoms: str) -> Command:
    return Command((b"ENABLE " + _words(atoms),), "ENABLE")


def id_(fields: Mapping[str, str] | None = None) -> Command:
    if not fields:
        return Command((b"ID NIL",), "ID")
    parts: list[Part] = []
    for key, value in fields.items():
        parts += [b" ", string(key.encode()), b" ", string(value.encode())]
    return Command(joined(b"ID (", *parts[1:], b")"), "ID")


# -- mailboxes -----------------------------------------------------------------------------------


def list_(
    reference: bytes,
    patterns: Sequence[bytes],
    selection: Sequence[str] = (),
    returns: Sequence[str] = (),
    status: Sequence[str] = (),
) -> Command:
    """`status`: items for RETURN (STATUS (…)), RFC 5819; all else RFC 5258."""
    if not patterns:
        raise ValueError("LIST without a pattern")
    several = len(patterns) > 1
    parts: list[Part] = [b"LIST "]
    if selection:
        parts.append(b"(" + _words(selection) + b") ")
    parts += [string(reference), b" (" if several else b" "]
    for number, pattern in enumerate(patterns):
        parts += [b" " if number else b"", string(pattern)]
    parts.append(b")" if several else b"")
    wanted = [_words(returns)] if returns else []
    wanted += [b"STATUS (" + _words(status) + b")"] if status else []
    if wanted:
        parts.append(b" RETURN (" + b" ".join(wanted) + b")")
    return Command(joined(*parts), "LIST")


def _on_mailbox(verb: str, wire_name: bytes, rest: bytes = b"") -> Command:
    return Command(joined(verb.encode("ascii") + b" ", string(wire_name), rest), verb)


def status(wire_name: bytes, items: Sequence[str]) -> Command:
    return _on_mailbox("STATUS", wire_name, b" (" + _words(items) + b")")


def select(
    wire_name: bytes,
    read_only: bool = False,
    condstore: bool = False,
    qresync: tuple[UIDValidity, ModSeq, UIDSet | None] | None = None,
) -> Command:
    """At most one parameter is sent, and `qresync` wins: it implies CONDSTORE (RFC 7162)."""
    rest = b" (CONDSTORE)" if condstore else b""
    if qresync is not None:
        uid_validity, modseq, known = qresync
        rest = b" (QRESYNC (%d %b%b))" % (
            uid_validity,
            _modseq(modseq),
            b"" if known is None else b" " + _set(known),
        )
    return _on_mailbox("EXAMINE" if read_only else "SELECT", wire_name, rest)


def unselect() -> Command:
    return _plain("UNSELECT")


def create(wire_name: bytes, use: Sequence[str] = ()) -> Command:
    """`use`: special uses (RFC 6154 §3)."""
    return _on_mailbox("CREATE", wire_name, b" (USE " + _flags(use) + b")" if use else b"")


def delete(wire_name: bytes) -> Command:
    return _on_mailbox("DELETE", wire_name)


def rename(wire_name: bytes, new: bytes) -> Command:
    return Command(joined(b"RENAME ", string(wire_name), b" ", string(new)), "RENAME")


def lsub(reference: bytes, pattern: bytes) -> Command:
    """The names that are subscribed to (RFC 3501 §6.3.9); LIST (SUBSCRIBED) where there is that."""
    return Command(joined(b"LSUB ", string(reference), b" ", string(pattern)), "LSUB")


def subscribe(wire_name: bytes) -> Command:
    return _on_mailbox("SUBSCRIBE", wire_name)


def unsubscribe(wire_name: bytes) -> Command:
    return _on_mailbox("UNSUBSCRIBE", wire_name)


# -- messages ------------------------------------------------------------------------------------


def uid_fetch(
    uids: UIDSet,
    items: Sequence[str],
    changed_since: ModSeq | None = None,
    vanished: bool = False,
) -> Command:
    """`vanished` only together with `changed_since` and after ENABLE QRESYNC (RFC 7162 §3.2.6)."""
    if not items or not all(map(_ITEM.match, items)) or (vanished and changed_since is None):
        raise ValueError(f"not FETCH items: {list(items)!r}")
    text = b"UID FETCH %b (%b)" % (_set(uids), " ".join(items).encode("ascii"))
    if changed_since is not None:
        since = _modseq(changed_since)
        text += b" (CHANGEDSINCE %b%b)" % (since, b" VANISHED" if vanished else b"")
    return Command((text,), "UID FETCH")


def uid_search(criteria: Sequence[Criterion], returns: Sequence[str] = ()) -> Command:
    """All of `criteria` must hold; a str is a keyword without argument, `ALL`, `DELETED`."""
    if not criteria:
        raise ValueError("SEARCH without a criterion")
    parts: list[Part] = []
    for one in criteria:
        if isinstance(one, UIDSet):
            parts.append(b" UID " + _set(one))
        elif isinstance(one, Header):
            parts += [b" HEADER ", string(one.field.encode()), b" ", string(one.value.encode())]
        else:
            parts.append(b" " + _words([one]))
    ascii_only = all(one.value.isascii() for one in criteria if isinstance(one, Header))
    head = b"UID SEARCH" + (b" RETURN (" + _words(returns) + b")" if returns else b"")
    return Command(joined(head, b"" if ascii_only else b" CHARSET UTF-8", *parts), "UID SEARCH")


def uid_store(
    uids: UIDSet,
    op: OneOf["+", "-"],
    flags: Sequence[str],
    silent: bool = True,
    unchanged_since: ModSeq | None = None,
) -> Command:
    """Only deltas: replacing all flags would clobber foreign keywords."""
    if not flags:
        raise ValueError("STORE without a flag")
    text = b"UID STORE " + _set(uids)
    if unchanged_since is not None:
        text += b" (UNCHANGEDSINCE " + _modseq(unchanged_since) + b")"
    suffix = b".SILENT" if silent else b""
    return Command((text + b" %bFLAGS%b %b" % (op.encode(), suffix, _flags(flags)),), "UID STORE")


def uid_copy(uids: UIDSet, wire_name: bytes) -> Command:
    return Command(joined(b"UID COPY " + _set(uids) + b" ", string(wire_name)), "UID COPY")


def uid_move(uids: UIDSet, wire_name: bytes) -> Command:
    return Command(joined(b"UID MOVE " + _set(uids) + b" ", string(wire_name)), "UID MOVE")


def uid_expunge(uids: UIDSet) -> Command:
    return Command((b"UID EXPUNGE " + _set(uids),), "UID EXPUNGE")


def expunge() -> Command:
    return _plain("EXPUNGE")


def append(wire_name: bytes, messages: Sequence[AppendMessage]) -> Command:
    """More than one message only where MULTIAPPEND is (RFC 3502).  The session streams the data:
    `Body(i)` of `encode` is `messages[i]`."""
    if not messages:
        raise ValueError("APPEND without a message")
    parts: list[Part] = [b"APPEND ", string(wire_name)]
    for message in messages:
        text = b" "
        if message.flags:
            text += _flags(message.flags) + b" "
        if message.internal_date is not None:
            text += _date(message.internal_date)
        parts += [text, Literal(message.size, None, message.binary)]
    return Command(joined(*parts), "APPEND")


def _date(seconds: int) -> bytes:
    try:
        return b'"%b" ' % dates.format(seconds).encode("ascii")
    except ValueError:
        return b""
