"""FETCH and UID FETCH."""

from __future__ import annotations

import re

from .server_grammar import Bad, No, Scan, compact, date_text, has_star, members
from .server_profile import Profile
from .server_session import Session
from .server_state import Box, Message
from .server_view import View

_SECTION = re.compile(rb"BODY(\.PEEK)?\[")
_PARTIAL = re.compile(rb"<(\d+)\.([1-9]\d*)>")


def vanished_since(box: Box, modseq: int) -> list[int]:
    """UIDs expunged after `modseq`, ascending.  Where the log does not reach back so far: every
    UID there might have been (RFC 7162 §3.2.7)."""
    if modseq < box.forgotten:
        return [uid for uid in range(1, box.uid_next) if uid not in box.messages]
    return sorted(uid for when, uid in box.gone if when > modseq)


def fetch(session: Session, scan: Scan) -> str:
    return _fetch(session, scan, by_uid=False)


def uid_fetch(session: Session, scan: Scan) -> str:
    return _fetch(session, scan, by_uid=True)


def _fetch(session: Session, scan: Scan, *, by_uid: bool) -> str:
    view = session.view
    assert view is not None
    scan.space()
    ranges = scan.sequence_set()
    scan.space()
    items = _items(session, scan)
    since, vanished = _modifiers(session, scan)
    scan.end()
    if by_uid and "UID" not in items:
        items.insert(0, "UID")
    if since is not None:
        session.condstore = True
        items = items if "MODSEQ" in items else [*items, "MODSEQ"]
        if vanished:
            if not by_uid or not session.qresync or has_star(ranges):
                raise Bad("VANISHED needs UID FETCH, QRESYNC enabled and a set without *")
            gone = members(ranges, vanished_since(view.box, since))
            if gone:
                session.untagged(f"VANISHED (EARLIER) {compact(gone)}")
    if "MODSEQ" in items:
        session.condstore = True
    there = view.box.messages
    if session.profile.shows_expunged and not any(item.startswith("BODY") for item in items):
        there = view.kept
    if not session.profile.star_beyond and has_star(ranges):
        ranges = [(a, b) for a, b in ranges if a is None or a <= max(view.uids, default=0)]
    uids, lost = _chosen(view, there, ranges, by_uid=by_uid)
    chosen = [uid for uid in uids if since is None or there[uid].modseq > since]
    if session.profile.scramble:
        session.server.rand.shuffle(chosen)
    for uid in chosen:
        _answer(session, view, there[uid], items)
    session.record.messages = len(chosen)
    if lost and not by_uid:
        raise No("[EXPUNGEISSUED] Some of the messages no longer exist.")
    return "Fetch completed"


def _chosen(
    view: View,
    there: dict[int, Message],
    ranges: list[tuple[int | None, int | None]],
    *,
    by_uid: bool,
) -> tuple[list[int], int]:
    """UIDs of the set that are there, and how many were expunged behind the session's back."""
    if by_uid:
        known = members(ranges, view.uids)
    else:
        count = len(view.uids)
        if any(end is not None and end > count for pair in ranges for end in pair) or not count:
            raise Bad("a message sequence number that is not there")
        known = [view.uids[seq - 1] for seq in members(ranges, list(range(1, count + 1)))]
    found = [uid for uid in known if uid in there]
    return found, len(known) - len(found)


def _items(session: Session, scan: Scan) -> list[str]:
    if not scan.skip(b"("):
        if scan.skip(b"FAST"):
            return ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]
        return [_item(session, scan)]
    found = [_item(session, scan)]
    while scan.skip(b" "):
        found.append(_item(session, scan))
    scan.take(b")")
    return found


def _item(session: Session, scan: Scan) -> str:
    if _SECTION.match(scan.text.upper(), scan.at):
        return _section_item(scan)
    word = scan.word()
    offered = {"UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"}
    offered |= {"MODSEQ"} if session.profile.condstore else set()
    offered |= {"EMAILID", "THREADID"} if session.profile.objectid else set()
    offered |= {"X-GM-MSGID"} if "X-GM-EXT-1" in session.profile.extra else set()
    if word not in offered:
        raise Bad(f"FETCH {word}")
    return word


def _section_item(scan: Scan) -> str:
    """`BODY.PEEK[HEADER.FIELDS (A B)]<0.10>` in one canonical spelling."""
    head = "BODY.PEEK[" if scan.text[scan.at :].upper().startswith(b"BODY.PEEK") else "BODY["
    scan.at += len(head)
    item = head
    if not scan.ahead(b"]"):
        word = scan.word()
        item += word
        if word in {"HEADER.FIELDS", "HEADER.FIELDS.NOT"}:
            scan.space()
            scan.take(b"(")
            names = [scan.astring().decode().upper()]
            while scan.skip(b" "):
                names.append(scan.astring().decode().upper())
            scan.take(b")")
            item += f" ({' '.join(names)})"
        elif word not in {"HEADER", "TEXT"}:
            raise Bad(f"BODY[{word}]")
    scan.take(b"]")
    item += "]"
    partial = _PARTIAL.match(scan.text, scan.at)
    if partial is not None:
        scan.at = partial.end()
        item += partial[0].decode()
    return item


def _modifiers(session: Session, scan: Scan) -> tuple[int | None, bool]:
    if not scan.skip(b" ("):
        return None, False
    if not session.profile.condstore or scan.word() != "CHANGEDSINCE":
        raise Bad("a FETCH modifier that was not offered")
    scan.space()
    since = scan.positive()
    vanished = scan.skip(b" VANISHED")
    scan.take(b")")
    return since, vanished


def section(body: bytes, item: str) -> bytes:
    """What a BODY item says of a message."""
    inner = item[item.index("[") + 1 : item.rindex("]")]
    crlf, bare = body.find(b"\r\n\r\n"), body.find(b"\n\n")
    if body.startswith((b"\r\n", b"\n")):
        end = 2 if body.startswith(b"\r\n") else 1
    else:
        end = min(
            [at + 4 for at in (crlf,) if at >= 0]
            + [at + 2 for at in (bare,) if at >= 0]
            + [len(body)]
        )
    header, text = body[:end], body[end:]
    if not inner:
        found = body
    elif inner == "HEADER":
        found = header
    elif inner == "TEXT":
        found = text
    else:
        found = _fields(header, inner)
    if partial := _PARTIAL.search(item.encode()):
        start = int(partial[1])
        found = found[start : start + int(partial[2])]
    return found


def _fields(header: bytes, inner: str) -> bytes:
    names = {name.encode() for name in inner[inner.index("(") + 1 : -1].split()}
    keep = not inner.startswith("HEADER.FIELDS.NOT")
    fields = re.findall(rb"[^\n]+\n(?:[ \t][^\n]*\n)*", header.rstrip(b"\r\n") + b"\r\n")
    chosen = [f for f in fields if (f.split(b":")[0].strip().upper() in names) is keep]
    return b"".join(chosen) + b"\r\n"


def _answer(session: Session, view: View, message: Message, items: list[str]) -> None:
    server, key = session.server, (view.box.name, message.uid)
    bodies = [item for item in items if item.startswith("BODY")]
    if bodies and key in server.missing_bodies:
        return
    newly_seen = any(item.startswith("BODY[") for item in bodies) and not view.read_only
    if newly_seen and view.box.change(message.uid, ["\\Seen"]):
        items = items if "FLAGS" in items else [*items, "FLAGS"]
        if view.late is not None:
            view.late[message.uid] = set(message.flags)
        server.state.changed(view.box)
    parts: list[bytes] = []
    if session.profile.sizes_first:
        items = sorted(items, key=lambda item: item != "RFC822.SIZE")
    for item in items:
        if item.startswith("BODY"):
            name = re.sub(r"<(\d+)\.\d+>", r"<\1>", item.replace(".PEEK", "")).encode()
            nil = key in server.nil_bodies
            data = section(message.body, item)
            if "[]" in item and not nil:
                server.bodies_sent += 1
            parts.append(name + (b" NIL" if nil else b" {%d}\r\n" % len(data) + data))
        else:
            parts.append(_value(session.profile, view, message, item).encode())
    if "FLAGS" in items:
        view.tell(message.uid)
    session.untagged(b"%d FETCH (" % view.seq(message.uid) + b" ".join(parts) + b")")


def _value(profile: Profile, view: View, message: Message, item: str) -> str:
    values = {
        "UID": str(message.uid),
        "FLAGS": view.flags(message),
        "INTERNALDATE": date_text(message.date),
        "RFC822.SIZE": str(len(message.body) + profile.size_off),
        "MODSEQ": "(-1)" if profile.wrong_modseqs else f"({message.modseq})",
        "EMAILID": f"({message.email_id})",
        "THREADID": "NIL",
        "X-GM-MSGID": message.email_id.lstrip("M0"),
    }
    return f"{item} {values[item]}"
