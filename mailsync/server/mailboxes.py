"""Which mailboxes there are, and where each stands: LIST and STATUS."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailsync.imap import (
    Command,
    Event,
    List,
    Namespace,
    Quirk,
    StatusData,
    cmd,
    from_wire,
    to_wire,
)
from mailsync.model.errors import ConfigError, ServerDefect
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.naming import AS_THEY_ARE, NameRules
from mailsync.model.observation import Cursor, ServerMailbox
from mailsync.model.rows import Role
from mailsync.server.calls import Call
from mailsync.server.session import Session
from mailsync.server.values import Ability
from mailsync.system.text import safe

MAX_MAILBOXES = 100_000  # reliability.md §4.6
LONGEST_WIRE = 16 << 10  # bytes of a name; five times what can be a path here
MOST_BYTES = 20 << 20  # that all of them may take
KEPT = 160  # bytes that one takes besides its name
NAMED = 100  # of those that are left out: a server may have a hundred thousand
PIPELINED = 100  # STATUS commands in flight

_ROLES = {role.value.lower(): role for role in Role}
# Where the server announces no special uses (RFC 6154), by its name at the top level.
_ROLE_NAMES = {
    "archive": Role.ARCHIVE,
    "deleted items": Role.TRASH,
    "deleted messages": Role.TRASH,
    "drafts": Role.DRAFTS,
    "junk": Role.JUNK,
    "junk e-mail": Role.JUNK,
    "junk email": Role.JUNK,
    "sent": Role.SENT,
    "sent items": Role.SENT,
    "sent messages": Role.SENT,
    "spam": Role.JUNK,
    "trash": Role.TRASH,
}
_NOT_SELECTABLE = frozenset({"\\noselect", "\\nonexistent"})
_SUBSCRIBED = "\\subscribed"
_USED = _NOT_SELECTABLE | _ROLES.keys() | {_SUBSCRIBED}  # a server may list any attributes
_ITEMS = ("MESSAGES", "UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ", "MAILBOXID", "APPENDLIMIT")


@dataclass(slots=True)
class Names:
    """How mailbox names of this server are written; filled by what LIST and NAMESPACE said."""

    delimiter: str | None = None
    prefix: bytes = b""
    rules: NameRules = AS_THEY_ARE
    wire: dict[MailboxName, bytes] = field(default_factory=dict)

    def to_wire(self, name: MailboxName) -> bytes:
        """Raises ValueError for a name that the server could not keep."""
        known = self.wire.get(name)
        if known is not None:
            return known
        there = self.rules.there(name)
        first, _, below = there.partition("/")
        if below and not self.prefix and first != INBOX and first.upper() == INBOX:
            # Dovecot and others make INBOX/x of it: then it would be on both sides by two names.
            raise ValueError(f"it is one with {INBOX}/{below}")
        return to_wire(there, self.delimiter, self.prefix)

    def called(self, name: MailboxName) -> MailboxName:
        """What it is called on the server, as listed or as it would be made.  Raises ValueError for
        a name that the server could not keep."""
        known = self.wire.get(name)
        return self.rules.there(name) if known is None else self.from_wire(known, None)[0]

    def from_wire(self, wire: bytes, delimiter: str | None) -> tuple[MailboxName, MailboxName]:
        """What a mailbox is called on the server and here.  Raises ValueError for a name that has
        no counterpart."""
        name = from_wire(wire, delimiter or self.delimiter, self.prefix)
        return name, self.rules.here(name)

    def means(self, wire: bytes, name: MailboxName) -> bool:
        """Whether a mailbox of the server is called `name` here."""
        try:
            return self.from_wire(wire, None)[1] == name
        except ValueError:
            return False

    def carried(self, old: bytes, new: bytes) -> list[tuple[MailboxName, MailboxName, bytes]]:
        """What lies below a mailbox that was renamed on the server: the name here until now, the
        one it has now, and that on the wire (RFC 9051 §6.3.6)."""
        found: list[tuple[MailboxName, MailboxName, bytes]] = []
        above = old + (self.delimiter or "").encode()
        for name, wire in self.wire.items():
            if self.delimiter and wire.startswith(above):
                now = new + wire[len(old) :]
                with contextlib.suppress(ValueError):
                    found.append((name, self.from_wire(now, None)[1], now))
        return found


class Listing:
    """Gathers LIST, STATUS and NAMESPACE responses; `take` is for Call."""

    def __init__(self) -> None:
        self.lists: dict[bytes, List] = {}
        self.status: dict[bytes, StatusData] = {}
        self.namespace: Namespace | None = None
        self.subscribed: set[bytes] | None = None  # by LSUB; None: LIST says it, or nobody asked
        self.too_long = 0  # names that no mailbox here could have
        self._size = 0
        self._kinds: dict[frozenset[str], frozenset[str]] = {}  # of attributes, each kept once

    def take(self, event: Event) -> bool:
        match event:
            case List(lsub=False):
                self._charge(event.name)
                if len(event.name) > LONGEST_WIRE:
                    self.too_long += 1
                    return True
                used = event.attributes & _USED
                event = replace(event, attributes=self._kinds.setdefault(used, used))
                if len(self.lists) >= MAX_MAILBOXES:
                    raise ServerDefect(f"the server lists over {MAX_MAILBOXES} mailboxes")
                known = self.lists.get(event.name)
                if known is None or not known.attributes >= event.attributes:
                    self.lists[event.name] = event
            case List(lsub=True) if self.subscribed is not None:
                self._charge(event.name)
                if len(event.name) <= LONGEST_WIRE and is_selectable(event):
                    self.subscribed.add(event.name)
            case StatusData(name):
                self._charge(name)
                if len(name) <= LONGEST_WIRE:
                    values = {key: event.values[key] for key in _ITEMS if key in event.values}
                    self.status[_folded(name)] = StatusData(name, values)
            case Namespace():
                self.namespace = event
            case _:
                return False
        return True

    def _charge(self, name: bytes) -> None:
        self._size += KEPT + min(len(name), LONGEST_WIRE)
        if self._size > MOST_BYTES:
            raise ServerDefect("the server's list of mailboxes has no end")


def is_selectable(entry: List) -> bool:
    return not entry.attributes & _NOT_SELECTABLE


def status_items(can: Ability) -> list[str]:
    items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"]
    if can.capabilities.has("CONDSTORE"):
        items.append("HIGHESTMODSEQ")
    if can.capabilities.has("OBJECTID") and Quirk.NO_STATUS_MAILBOXID not in can.quirks:
        items.append("MAILBOXID")
    return items


async def list_mailboxes(
    session: Session,
    before: Sequence[Call],
    names: Names,
    can: Ability,
    *,
    subscribed: bool = False,
) -> tuple[list[ServerMailbox], list[str]]:
    """All mailboxes and notices of those that cannot be named here.

    `before` is pipelined in front.  By LIST-STATUS (RFC 5819), or by STATUS for each where that
    is not offered or refused.  `subscribed`: also whether each is, by LIST (RFC 5258) or LSUB.
    """
    with_status = can.has("LIST-STATUS")
    listing = Listing()
    first = list(before)
    if session.selected is not None and can.has("UNSELECT"):
        # STATUS is not for a selected mailbox (RFC 9051 §6.3.11).
        first.append(Call(cmd.unselect()))
    namespace = Call(cmd.namespace(), listing.take) if can.has("NAMESPACE") else None
    if namespace is not None:
        first.append(namespace)
    items = status_items(can)
    told = subscribed and can.has("LIST-EXTENDED")
    returns = ["SUBSCRIBED"] if told else []
    if subscribed and not told:
        listing.subscribed = set()
        lsub = Call(cmd.lsub(b"", b"*"), listing.take)
        first.append(lsub)
    ask = Call(_list_command(can, items if with_status else [], returns), listing.take)
    await session.run(*first, ask)
    if namespace is not None:
        _require_namespace(session, namespace, listing)
    if subscribed and not told:
        session.require(lsub, "to tell the subscriptions (subscribed-only)")
    if with_status and not ask.succeeded:
        can.refused.add("LIST-STATUS")
        ask = Call(_list_command(can, [], returns), listing.take)
        await session.run(ask)
    session.require(ask, "LIST")
    _note_names(names, listing)
    listing.lists.setdefault(b"INBOX", _inbox(listing, names.delimiter))
    called, notices = _called(listing, names)
    await _missing_status(session, listing, items)
    found = _mailboxes(listing, names, called)
    return (_with_subscriptions(listing, found) if subscribed else found), notices


def _require_namespace(session: Session, asked: Call, listing: Listing) -> None:
    """Without its prefix every mailbox would have another name, as if all had been renamed."""
    session.require(asked, "NAMESPACE (where it always does, set: quirks = no-namespace)")
    if listing.namespace is None:
        raise ServerDefect(
            "the server answered NAMESPACE by OK alone (where it always does, "
            "set: quirks = no-namespace)"
        )


def _list_command(can: Ability, status: Sequence[str], returns: Sequence[str]) -> Command:
    with_use = can.has("SPECIAL-USE") and can.has("LIST-EXTENDED")
    wanted = [*returns, *(["SPECIAL-USE"] if with_use else [])]
    return cmd.list_(b"", [b"*"], returns=wanted, status=status)


def _with_subscriptions(listing: Listing, found: Sequence[ServerMailbox]) -> list[ServerMailbox]:
    """INBOX is as good as subscribed: nobody means to do without."""
    return [
        replace(box, subscribed=box.name == INBOX or _is_subscribed(listing, box.wire_name))
        for box in found
    ]


def _is_subscribed(listing: Listing, wire: bytes) -> bool:
    if listing.subscribed is not None:
        return wire in listing.subscribed
    return _SUBSCRIBED in listing.lists[wire].attributes


def _inbox(listing: Listing, delimiter: str | None) -> List:
    """INBOX as listed in whatever case; it always exists (RFC 9051 §5.1), listed or not."""
    for wire in list(listing.lists):
        if wire.upper() == b"INBOX":
            return listing.lists.pop(wire)
    return List(frozenset(), delimiter, b"INBOX")


def _note_names(names: Names, listing: Listing) -> None:
    delimiters = [entry.delimiter for entry in listing.lists.values() if entry.delimiter]
    names.prefix, names.delimiter = b"", delimiters[0] if delimiters else None
    if listing.namespace is not None and listing.namespace.personal:
        prefix, delimiter = listing.namespace.personal[0]
        names.delimiter = delimiter or names.delimiter
        names.prefix = prefix


async def _missing_status(session: Session, listing: Listing, items: Sequence[str]) -> None:
    """STATUS for what LIST did not say it of.  A refusal means only: not known."""
    lacking = [
        wire
        for wire, entry in listing.lists.items()
        if _folded(wire) not in listing.status and is_selectable(entry)
    ]
    for at in range(0, len(lacking), PIPELINED):
        calls = [
            Call(cmd.status(wire, items), listing.take) for wire in lacking[at : at + PIPELINED]
        ]
        await session.run(*calls)


def _called(listing: Listing, names: Names) -> tuple[dict[MailboxName, bytes], list[str]]:
    """Wire names by what they are called here; what cannot be called anything leaves `listing`."""
    found: dict[MailboxName, bytes] = {}
    on_server: dict[MailboxName, MailboxName] = {}
    notices: list[str] = []
    left_out = 0
    # One that cannot be selected takes nobody's name.
    entries = sorted(listing.lists.items(), key=lambda one: (not is_selectable(one[1]), one[0]))
    for wire, entry in entries:
        try:
            there, name = names.from_wire(wire, entry.delimiter)
            if name in found:
                if is_selectable(entry) and there != on_server[name]:
                    raise ConfigError(
                        f'mailbox-names: "{on_server[name]}" and "{there}" on the server would '
                        f'both be "{name}" here; nothing was changed. Give one of them a rule of '
                        "its own, above the others"
                    )
                raise ValueError(f"another one is called {name} here")
        except ValueError as error:
            del listing.lists[wire]
            if is_selectable(entry):
                left_out += 1
                if left_out <= NAMED:
                    notices.append(f"mailbox {safe(wire)} is left out: {safe(str(error))}")
        else:
            found[name], on_server[name] = wire, there
    if left_out > NAMED:
        notices.append(f"{left_out - NAMED} more mailboxes are left out, as these are")
    if listing.too_long:
        notices.append(f"names over {LONGEST_WIRE} bytes are left out: {listing.too_long}")
    return found, notices


def _mailboxes(
    listing: Listing, names: Names, called: Mapping[MailboxName, bytes]
) -> list[ServerMailbox]:
    names.wire.clear()
    names.wire.update(called)
    found = [
        _mailbox(name, wire, listing.lists[wire], listing.status.get(_folded(wire)))
        for name, wire in called.items()
    ]
    announced = {box.role for box in found} - {None}
    return [_with_role(box, announced) for box in found]


def _mailbox(
    name: MailboxName, wire: bytes, entry: List, status: StatusData | None
) -> ServerMailbox:
    values = status.values if status is not None else {}
    mailbox_id = values.get("MAILBOXID")
    return ServerMailbox(
        name=name,
        wire_name=wire,
        selectable=is_selectable(entry),
        role=next((_ROLES[a] for a in sorted(entry.attributes) if a in _ROLES), None),
        cursor=_cursor(values),
        mailbox_id=mailbox_id if isinstance(mailbox_id, str) else None,
    )


def _with_role(box: ServerMailbox, announced: set[Role | None]) -> ServerMailbox:
    guess = _ROLE_NAMES.get(box.name.lower())
    if box.role is not None or guess is None or guess in announced or box.name == INBOX:
        return box
    announced.add(guess)
    return replace(box, role=guess, guessed=True)


def _cursor(values: Mapping[str, int | str]) -> Cursor | None:
    """None unless all that makes a cursor was said: what STATUS leaves out is unknown."""
    uid_validity, uid_next, messages, modseq = (
        values.get(key) for key in ("UIDVALIDITY", "UIDNEXT", "MESSAGES", "HIGHESTMODSEQ")
    )
    if not isinstance(uid_validity, int) or not isinstance(uid_next, int):
        return None
    if not isinstance(messages, int) or uid_validity < 1 or uid_next < 1:
        return None
    return Cursor(
        UIDValidity(uid_validity),
        uid_next,
        messages,
        ModSeq(modseq) if isinstance(modseq, int) and modseq >= 1 else None,
    )


def _folded(wire: bytes) -> bytes:
    return b"INBOX" if wire.upper() == b"INBOX" else wire
