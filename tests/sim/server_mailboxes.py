"""Commands about mailboxes: LIST, STATUS, CREATE, RENAME and their like."""

from __future__ import annotations

import re

from .server_grammar import Bad, No, Scan, quoted
from .server_session import Session
from .server_state import INBOX, Box

_RETURN = {"SUBSCRIBED", "CHILDREN", "SPECIAL-USE"}
_SELECTION = {"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"}


def _status_items(session: Session, scan: Scan) -> list[str]:
    items = scan.words()
    profile = session.profile
    offered = {"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN"}
    offered |= {"HIGHESTMODSEQ"} if profile.condstore else set()
    offered |= {"MAILBOXID"} if profile.objectid else set()
    offered |= {"SIZE"} if profile.status_size else set()
    offered |= {"APPENDLIMIT"} if profile.append_limit is not None else set()
    if not items or not offered.issuperset(items):
        raise Bad(f"STATUS items {items}")
    if "HIGHESTMODSEQ" in items:
        session.condstore = True  # RFC 7162 §3.1
    return items


def _status_line(session: Session, box: Box, items: list[str]) -> bytes:
    values = {
        "MESSAGES": str(len(box.messages)),
        "RECENT": str(sum(uid >= box.recent_from for uid in box.messages)),
        "UIDNEXT": str(box.uid_next),
        "UIDVALIDITY": str(box.uid_validity),
        "UNSEEN": str(box.unseen()),
        "HIGHESTMODSEQ": "0" if box.no_modseq else str(box.highest),
        "MAILBOXID": f"({box.mailbox_id})",
        "SIZE": str(sum(len(message.body) for message in box.messages.values())),
        "APPENDLIMIT": str(session.profile.append_limit),
    }
    if session.profile.freed_mailboxid and len(items) > 1:
        values["MAILBOXID"] = "(\x1f\x89)U)"
    told = " ".join(f"{item} {values[item]}" for item in items)
    return b"STATUS " + quoted(box.name) + f" ({told})".encode()


def there(session: Session, name: bytes, code: str = "NONEXISTENT") -> Box:
    """The selectable mailbox of this name; No with the code otherwise."""
    box = session.server.state.boxes.get(name)
    if box is None or not box.selectable:
        raise No(f"[{code}] Mailbox doesn't exist: {name[:40].decode('ascii', 'replace')}")
    return box


def status(session: Session, scan: Scan) -> str:
    scan.space()
    name = scan.mailbox()
    scan.space()
    items = _status_items(session, scan)
    scan.end()
    session.untagged(_status_line(session, there(session, name), items))
    return "Status completed"


def _regex(pattern: bytes, delimiter: bytes) -> re.Pattern[bytes]:
    inside = b"[^%b]*" % re.escape(delimiter) if delimiter else b".*"
    parts = [b".*" if c == b"*" else inside if c == b"%" else re.escape(c) for c in _chars(pattern)]
    return re.compile(b"(?s)" + b"".join(parts))


def _chars(text: bytes) -> list[bytes]:
    return [text[at : at + 1] for at in range(len(text))]


def _parents(names: set[bytes], delimiter: bytes) -> set[bytes]:
    """Names that exist only because something lies below them."""
    found: set[bytes] = set()
    for name in names:
        parts = name.split(delimiter) if delimiter else [name]
        found |= {delimiter.join(parts[:n]) for n in range(1, len(parts))}
    return found - names


def _attributes(session: Session, name: bytes, asked: set[str] | None) -> list[str]:
    """`asked`: the RETURN options of LIST-EXTENDED; None for a plain LIST."""
    state = session.server.state
    box = state.boxes.get(name)
    attributes = [] if box is not None and box.selectable else ["\\Noselect"]
    if session.profile.children and (asked is None or "CHILDREN" in asked):
        below = name + state.delimiter
        has = bool(state.delimiter) and any(other.startswith(below) for other in state.boxes)
        attributes.append("\\HasChildren" if has else "\\HasNoChildren")
    if (
        box is not None
        and session.profile.special_use
        and (asked is None or "SPECIAL-USE" in asked)
    ):
        attributes += sorted(box.special_use)
    if asked is not None and "SUBSCRIBED" in asked and name in state.subscribed:
        attributes.append("\\Subscribed")
    return attributes


def _line(session: Session, verb: str, name: bytes, attributes: list[str]) -> bytes:
    delimiter = session.profile.delimiter
    shown = f'"{delimiter}"' if delimiter else "NIL"
    return f"{verb} ({' '.join(attributes)}) {shown} ".encode() + quoted(name)


def listing(session: Session, scan: Scan) -> str:
    """LIST (RFC 3501), LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819)."""
    scan.space()
    selection: list[str] = []
    extended = False
    if scan.ahead(b"("):
        extended = True
        selection = scan.words()
        scan.space()
    reference = scan.mailbox()
    scan.space()
    patterns = _patterns(scan)
    extended |= len(patterns) > 1
    asked: set[str] | None = None
    items: list[str] = []
    if scan.skip(b" RETURN "):
        extended = True
        asked, items = _returns(session, scan)
    scan.end()
    if not _SELECTION.issuperset(selection):
        raise Bad(f"LIST selection {selection}")
    if extended and not session.profile.list_extended and not (items and not asked):
        raise Bad("LIST-EXTENDED was not offered")
    if patterns == [b""]:
        session.untagged(_line(session, "LIST", b"", ["\\Noselect"]))
        return "List completed"
    for name in _matching(session, reference, patterns, selection):
        also = None if not extended else (asked or set()) | set(selection)
        if also is not None and session.profile.lists_all:
            also |= {"CHILDREN", "SPECIAL-USE"}
        session.untagged(_line(session, "LIST", name, _attributes(session, name, also)))
        box = session.server.state.boxes.get(name)
        if items and box is not None and box.selectable:
            session.untagged(_status_line(session, box, items))
    return "List completed"


def _patterns(scan: Scan) -> list[bytes]:
    if not scan.skip(b"("):
        return [scan.pattern()]
    patterns = [scan.pattern()]
    while not scan.skip(b")"):
        scan.space()
        patterns.append(scan.pattern())
    return patterns


def _returns(session: Session, scan: Scan) -> tuple[set[str], list[str]]:
    asked: set[str] = set()
    items: list[str] = []
    scan.take(b"(")
    while not scan.skip(b")"):
        scan.skip(b" ")
        word = scan.word()
        if word == "STATUS" and session.profile.list_status:
            scan.space()
            items = _status_items(session, scan)
        elif word in _RETURN:
            asked.add(word)
        else:
            raise Bad(f"LIST RETURN {word}")
    return asked, items


def _matching(
    session: Session, reference: bytes, patterns: list[bytes], selection: list[str]
) -> list[bytes]:
    state = session.server.state
    names = set(state.boxes) | _parents(set(state.boxes), state.delimiter)
    if "SUBSCRIBED" in selection:
        names = set(state.subscribed)
    if "SPECIAL-USE" in selection:
        names = {name for name in names if name in state.boxes and state.boxes[name].special_use}
    wanted = [_regex(reference + pattern, state.delimiter) for pattern in patterns]
    if any(pattern.upper() == INBOX for pattern in patterns):
        wanted.append(re.compile(INBOX))
    return sorted(name for name in names if any(regex.fullmatch(name) for regex in wanted))


def lsub(session: Session, scan: Scan) -> str:
    scan.space()
    reference = scan.mailbox()
    scan.space()
    pattern = scan.pattern()
    scan.end()
    for name in _matching(session, reference, [pattern], ["SUBSCRIBED"]):
        session.untagged(_line(session, "LSUB", name, []))
    return "Lsub completed"


def _one(scan: Scan) -> bytes:
    scan.space()
    name = scan.mailbox()
    scan.end()
    return name


def _creatable(session: Session, name: bytes) -> None:
    if not name or re.search(rb"[\x00-\x1f\x7f-\xff]", name):
        raise Bad(f"a mailbox name of {name[:40]!r}")
    if b"&" in re.sub(rb"&[A-Za-z0-9+,]*-", b"", name):
        raise Bad(f"no modified UTF-7: {name[:40]!r}")
    if not name.startswith(session.profile.prefix):
        raise No("[CANNOT] Invalid mailbox name.")
    delimiter = session.server.state.delimiter
    if delimiter and b"" in name.split(delimiter):
        raise No("[CANNOT] Invalid mailbox name.")


def create(session: Session, scan: Scan) -> str:
    scan.space()
    name = scan.mailbox()
    state = session.server.state
    use: list[str] = []
    if scan.skip(b" (USE "):
        use = [flag for flag in _use(scan) if session.profile.special_use]
        scan.take(b")")
    scan.end()
    if state.delimiter and name.endswith(state.delimiter):
        name = name[: -len(state.delimiter)]
    _creatable(session, name)
    _make_parents(session, name)
    try:
        box = state.create(name, use)
    except ValueError:
        raise No("[ALREADYEXISTS] Mailbox already exists") from None
    state.subscribed.discard(name)
    return f"[MAILBOXID ({box.mailbox_id})] Created" if session.profile.objectid else "Created"


def _make_parents(session: Session, name: bytes) -> None:
    state = session.server.state
    if session.profile.makes_parents:
        for parent in _parents({name}, state.delimiter) - state.boxes.keys():
            state.create(parent)
            state.subscribed.discard(parent)


def _use(scan: Scan) -> list[str]:
    scan.take(b"(")
    found = [scan.flag()]
    while scan.skip(b" "):
        found.append(scan.flag())
    scan.take(b")")
    return found


def delete(session: Session, scan: Scan) -> str:
    name = _one(scan)
    if name == INBOX:
        raise No("[CANNOT] INBOX can't be deleted.")
    there(session, name)
    below = name + session.server.state.delimiter
    if not session.profile.deletes_parents and any(
        other.startswith(below) for other in session.server.state.boxes
    ):
        raise No("[HASCHILDREN] Mailbox has children")
    if session.view is not None and session.view.box.name == name:
        session.view = None
    session.server.state.delete(name)
    return "Delete completed"


def rename(session: Session, scan: Scan) -> str:
    scan.space()
    old = scan.mailbox()
    new = _one(scan)
    _creatable(session, new)
    boxes = session.server.state.boxes
    blind = session.profile.renames_blindly
    parents = set() if blind else _parents(set(boxes), session.server.state.delimiter)
    if old == INBOX and not session.profile.renames_inbox:
        raise No("Invalid mailbox name.")
    if new in boxes or new in parents:
        raise No("[ALREADYEXISTS] Target mailbox already exists")
    try:
        session.server.state.rename(old, new)
        _make_parents(session, new)
        if session.profile.renames_validity:
            session.server.state.other_validity(new)
    except KeyError:
        if not blind:
            raise No("[NONEXISTENT] Mailbox doesn't exist") from None
    return "Rename completed"


def subscribe(session: Session, scan: Scan) -> str:
    name = _one(scan)
    there(session, name)
    session.server.state.subscribed.add(name)
    return "Subscribe completed"


def unsubscribe(session: Session, scan: Scan) -> str:
    session.server.state.subscribed.discard(_one(scan))
    return "Unsubscribe completed"
