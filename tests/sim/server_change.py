"""Commands that change mail: STORE, COPY, MOVE, EXPUNGE, APPEND."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .server_framing import Wanted
from .server_grammar import Bad, LiteralData, No, Range, Scan, compact, members
from .server_mailboxes import there
from .server_session import Session
from .server_state import Box, ghost_of
from .server_view import View

if TYPE_CHECKING:
    from .server import SimServer


def _selected(session: Session) -> View:
    assert session.view is not None
    return session.view


def _writable(session: Session) -> View:
    view = _selected(session)
    if view.read_only:
        raise No("[READ-ONLY] Mailbox is read-only")
    return view


def _named(view: View, ranges: list[Range], *, by_uid: bool) -> list[int]:
    """The UIDs of the set that are still there."""
    if by_uid:
        known = members(ranges, view.uids)
    else:
        count = len(view.uids)
        if not count or any(end is not None and end > count for pair in ranges for end in pair):
            raise Bad("a message sequence number that is not there")
        known = [view.uids[seq - 1] for seq in members(ranges, list(range(1, count + 1)))]
    return [uid for uid in known if uid in view.box.messages]


def store(session: Session, scan: Scan) -> str:
    return _store(session, scan, by_uid=False)


def uid_store(session: Session, scan: Scan) -> str:
    return _store(session, scan, by_uid=True)


def _store(session: Session, scan: Scan, *, by_uid: bool) -> str:
    view = _selected(session)
    scan.space()
    ranges = scan.sequence_set()
    scan.space()
    since: int | None = None
    if scan.skip(b"(UNCHANGEDSINCE "):
        if not session.profile.condstore:
            raise Bad("UNCHANGEDSINCE without CONDSTORE")
        since = scan.number()
        session.condstore = True
        scan.take(b") ")
    op = "+" if scan.skip(b"+") else "-" if scan.skip(b"-") else ""
    word = scan.word()
    if word not in {"FLAGS", "FLAGS.SILENT"}:
        raise Bad(f"STORE {word}")
    scan.space()
    flags = scan.flags() if scan.ahead(b"(") else [scan.flag()]
    scan.end()
    view = _writable(session)
    keep = [view.box.spell(flag) for flag in _keepable(session, view.box, flags, op)]
    uids = _named(view, ranges, by_uid=by_uid)
    modified = [u for u in uids if since is not None and view.box.messages[u].modseq > since]
    refused = [u for u in uids if (view.box.name, u) in session.server.refuse_store]
    for uid in uids:
        if uid not in modified and uid not in refused:
            _store_one(session, view, uid, op, keep, by_uid=by_uid, silent=word != "FLAGS")
    session.server.state.changed(view.box)
    session.record.messages = len(uids) - len(modified) - len(refused)
    if refused:
        raise No("[CANNOT] Some flags could not be stored")
    if modified:
        names = modified if by_uid else [view.seq(uid) for uid in modified]
        return f"[MODIFIED {compact(names)}] Conditional store failed"
    return "Store completed"


def _keepable(session: Session, box: Box, flags: list[str], op: str = "+") -> list[str]:
    profile = session.profile
    permanent = {flag.lower() for flag in profile.permanent}
    good = [
        f for f in flags if f.lower() in permanent or (profile.keywords and not f.startswith("\\"))
    ]
    if len(good) < len(flags) and profile.refuse_keywords:
        raise No("[CANNOT] Keyword cannot be stored")
    new = {f.lower() for f in good if f.lower() not in permanent} - box.spellings.keys()
    if new and op != "-":
        most = profile.most_keywords
        if most is not None and len(box.spellings) + len(new) > most:
            raise No("[LIMIT] Too many keywords")
        if profile.keywords_lie == "refused":
            raise No("Invalid keyword")
        if profile.keywords_lie == "dropped":
            good = [flag for flag in good if flag.lower() not in new]
    return good


def _store_one(
    session: Session, view: View, uid: int, op: str, flags: list[str], *, by_uid: bool, silent: bool
) -> None:
    box = view.box
    message = box.messages[uid]
    foreign = message.modseq > max(view.base, view.told.get(uid, 0))
    before = set(message.flags)
    if op == "+":
        changed = box.change(uid, add=flags)
    elif op == "-":
        changed = box.change(uid, remove=flags)
    else:
        changed = box.change(uid, add=flags, remove=message.flags - set(flags))
    session.server.witness.stored(session, message.ghost, before, message.flags)
    if view.late is not None:
        view.late[uid] = set(message.flags)
    silent = silent and not (session.profile.silent_tells and changed)
    if silent and foreign:  # another client's change must be told: let the news do it
        return
    items = [f"UID {uid}"] if by_uid or session.qresync else []
    items += [] if silent else [f"FLAGS {view.flags(message)}"]
    if session.condstore and (changed or not silent):
        items.append(f"MODSEQ ({message.modseq})")
    if not silent or (session.condstore and changed):
        session.untagged(f"{view.seq(uid)} FETCH ({' '.join(items)})")
    view.tell(uid)


def copy(session: Session, scan: Scan) -> str:
    return _copy(session, scan, by_uid=False)


def uid_copy(session: Session, scan: Scan) -> str:
    return _copy(session, scan, by_uid=True)


def _transfer(session: Session, scan: Scan, *, by_uid: bool) -> tuple[View, list[int], bytes]:
    view = _selected(session)
    scan.space()
    ranges = scan.sequence_set()
    scan.space()
    target = scan.mailbox()
    scan.end()
    there(session, target, "TRYCREATE")
    uids = _named(view, ranges, by_uid=by_uid)
    session.record.messages = len(uids)
    return view, uids, target


def _copyuid(session: Session, target: bytes, uids: list[int], made: list[int]) -> str:
    if not session.profile.uidplus or not made:
        return ""
    validity = session.server.state.boxes[target].uid_validity
    if session.profile.copyuid_backwards:
        uids, made = uids[::-1], made[::-1]
    return f"[COPYUID {validity} {compact(uids)} {compact(made)}] "


def _copied(session: Session, name: bytes, uids: list[int], target: bytes) -> list[int]:
    made = session.server.state.copy(name, uids, target)
    if session.profile.forgets_keywords:
        for uid in made:
            message = session.server.state.box(target).messages[uid]
            message.flags = {flag for flag in message.flags if flag.startswith("\\")}
    return made


def _copy(session: Session, scan: Scan, *, by_uid: bool) -> str:
    view, uids, target = _transfer(session, scan, by_uid=by_uid)
    if not uids:
        return "No messages found."
    made = _copied(session, view.box.name, uids, target)
    return f"{_copyuid(session, target, uids, made)}Copy completed"


def move(session: Session, scan: Scan) -> str:
    return _move(session, scan, by_uid=False)


def uid_move(session: Session, scan: Scan) -> str:
    return _move(session, scan, by_uid=True)


def _move(session: Session, scan: Scan, *, by_uid: bool) -> str:
    """RFC 6851: COPYUID untagged, before the EXPUNGE."""
    _writable(session)
    view, uids, target = _transfer(session, scan, by_uid=by_uid)
    if not uids:
        return "No messages found."
    made = _copied(session, view.box.name, uids, target)
    code = _copyuid(session, target, uids, made)
    if code and not session.profile.told_in_ok:
        session.untagged(f"OK {code}Moved UIDs.")
    session.server.state.expunge(view.box.name, uids)
    session.tell_news()
    late = code if session.profile.told_in_ok else _highest(session, view)
    return f"{late}Move completed"


def _highest(session: Session, view: View) -> str:
    return f"[HIGHESTMODSEQ {view.box.highest}] " if session.qresync else ""


def expunge(session: Session, scan: Scan) -> str:
    scan.end()
    return _expunge(session, _writable(session), None)


def uid_expunge(session: Session, scan: Scan) -> str:
    scan.space()
    ranges = scan.sequence_set()
    scan.end()
    return _expunge(session, _writable(session), ranges)


def _expunge(session: Session, view: View, ranges: list[Range] | None) -> str:
    uids = view.uids if ranges is None else members(ranges, view.uids)
    there = view.box.messages
    marked = [uid for uid in uids if uid in there and "\\Deleted" in there[uid].flags]
    session.record.messages = len(marked)
    if marked:
        session.server.state.expunge(view.box.name, marked)
    session.tell_news()
    return f"{_highest(session, view) if marked else ''}Expunge completed"


def check_append(server: SimServer, session: Session, scan: Scan, wanted: Wanted) -> None:
    """Before a literal of APPEND: raises Bad or No where it would be in vain."""
    name = scan.mailbox()
    while scan.skip(b" "):
        _append_head(scan)
        if not scan.done():
            scan.literal()
    if scan.text.endswith(b")") or scan.text.endswith(b'"'):
        raise Bad("a space is missing before the literal")
    if wanted.literals and not session.profile.multiappend:
        raise Bad("MULTIAPPEND was not offered")
    limit = session.profile.append_limit
    if limit is not None and wanted.size > limit:
        raise No("[TOOBIG] Message too large")
    if not wanted.literals:
        there(session, name, "TRYCREATE")
        if (refusal := server.early_refusal(name)) is not None:
            raise No(refusal)


def _append_head(scan: Scan) -> tuple[list[str], int | None]:
    """`(flags) "date" ` before a literal, both optional."""
    flags: list[str] = []
    date: int | None = None
    if scan.ahead(b"("):
        flags = scan.flags()
        scan.skip(b" ")
    if scan.ahead(b'"'):
        date = scan.date_time()
        scan.skip(b" ")
    return flags, date


def append(session: Session, scan: Scan) -> str:
    """All messages or none (RFC 3502)."""
    scan.space()
    name = scan.mailbox()
    messages: list[tuple[list[str], int | None, LiteralData]] = []
    while not messages or not scan.done():
        scan.space()
        flags, date = _append_head(scan)
        literal = scan.literal()
        if b"\0" in literal.data and not literal.binary:
            raise Bad("NUL in a literal that is no literal8")
        if not literal.data:
            raise No("[CANNOT] Can't save a zero byte message.")
        if session.profile.strict_message and not _is_message(literal.data):
            raise No("Message contains invalid header")
        if session.profile.wants_crlf and not literal.data.endswith(b"\r\n"):
            raise Bad("[CLIENTBUG] Additional arguments found")
        if session.profile.forgets_flagged:
            flags = [flag for flag in flags if flag.lower() != "\\flagged"]
        messages.append((flags, date, literal))
    box = there(session, name, "TRYCREATE")
    if box.read_only:
        raise No("[NOPERM] Mailbox is read-only")
    quota = session.server.quota
    if quota is not None:
        bodies = [
            one.body for each in session.server.boxes.values() for one in each.messages.values()
        ]
        if sum(map(len, bodies)) + sum(len(literal.data) for _, _, literal in messages) > quota:
            raise No("[OVERQUOTA] Quota exceeded (mailbox for user is full)")
    kept = [_keepable(session, box, flags) for flags, _, _ in messages]
    if session.profile.forgets_keywords:
        kept = [[flag for flag in flags if flag.startswith("\\")] for flags in kept]
    made = []
    for flags, (_, date, literal) in zip(kept, messages, strict=True):
        alter = session.profile.alter
        body = alter(literal.data) if alter else literal.data
        message = session.server.state.make(body, flags, date, ghost_of(literal.data))
        twin = [m.uid for m in box.messages.values() if m.body == body]
        if twin and session.profile.merges:
            made.append(twin[0])
            continue
        box.add(message)
        made.append(message.uid)
        session.server.bodies_stored += 1
    session.server.state.changed(box)
    session.record.messages = len(made)
    told = session.profile.uidplus and not session.profile.no_append_uid
    code = f"[APPENDUID {box.uid_validity} {compact(made)}] " if told else ""
    return f"{code}Append completed"


def _is_message(body: bytes) -> bool:
    """As Cyrus wants it: a header first, CRLF everywhere, no NUL."""
    first = body.split(b"\r\n", 1)[0]
    return b":" in first and not re.search(rb"(?<!\r)\n|\0", body)
