"""SELECT and EXAMINE, with CONDSTORE and QRESYNC (RFC 7162), and leaving a mailbox."""

from __future__ import annotations

from dataclasses import dataclass

from .server_fetch import vanished_since
from .server_grammar import Bad, Range, Scan, compact, has_star, members
from .server_mailboxes import there
from .server_session import Session
from .server_view import View


@dataclass(frozen=True, slots=True)
class Resync:
    """`QRESYNC (uidvalidity modseq [known-uids] [(seqs uids)])`."""

    uid_validity: int
    modseq: int
    known: list[Range] | None


def select(session: Session, scan: Scan) -> str:
    return _open(session, scan, read_only=False)


def examine(session: Session, scan: Scan) -> str:
    return _open(session, scan, read_only=True)


def _open(session: Session, scan: Scan, *, read_only: bool) -> str:
    scan.space()
    name = scan.mailbox()
    resync = _parameters(session, scan) if scan.skip(b" (") else None
    scan.end()
    if session.view is not None and session.profile.qresync:
        session.untagged("OK [CLOSED] Previous mailbox closed.")
    session.view = None
    box = there(session, name)
    profile = session.profile
    view = View(
        box,
        read_only,
        down=profile.expunge_down,
        late=profile.late_news,
        exists=profile.exists_after_expunge,
    )
    permanent = [] if view.read_only else list(session.profile.permanent)
    keywords = sorted(set(session.profile.permanent) | set(box.spellings.values()))
    if session.profile.keywords and not view.read_only:
        most = session.profile.most_keywords
        star = ["\\*"] if most is None or len(box.spellings) < most else []
        permanent = [*dict.fromkeys([*permanent, *keywords]), *star]
    session.untagged(f"FLAGS ({' '.join(keywords)})")
    session.untagged(f"OK [PERMANENTFLAGS ({' '.join(permanent)})] Flags permitted.")
    session.untagged(f"{len(view.uids)} EXISTS")
    session.untagged(f"{len(view.recent)} RECENT")
    unseen = [n for n, m in enumerate(box.messages.values(), 1) if "\\Seen" not in m.flags]
    if unseen:
        session.untagged(f"OK [UNSEEN {unseen[0]}] First unseen.")
    session.untagged(f"OK [UIDVALIDITY {box.uid_validity}] UIDs valid")
    if profile.uidnext_told:
        session.untagged(f"OK [UIDNEXT {box.uid_next}] Predicted next UID")
    box.modseq_asked |= session.condstore
    if session.profile.condstore and (box.modseq_asked or not session.profile.shy_modseq):
        code = "NOMODSEQ" if box.no_modseq else f"HIGHESTMODSEQ {box.highest}"
        session.untagged(f"OK [{code}]{'' if profile.terse_codes else ' Highest'}")
    if session.profile.objectid:
        session.untagged(f"OK [MAILBOXID ({box.mailbox_id})] Ok")
    if resync is not None and resync.uid_validity == box.uid_validity and not box.no_modseq:
        _catch_up(session, view, resync)
    session.view = view
    verb, code = ("Examine", "READ-ONLY") if view.read_only else ("Select", "READ-WRITE")
    return f"[{code}] {verb} completed"


def _parameters(session: Session, scan: Scan) -> Resync | None:
    word = scan.word()
    resync = None
    if word == "CONDSTORE" and session.profile.condstore:
        session.condstore = True
    elif word == "QRESYNC" and session.profile.qresync:
        if not session.qresync:
            raise Bad("SELECT QRESYNC before ENABLE QRESYNC")
        scan.space()
        resync = _resync(scan)
    else:
        raise Bad(f"SELECT ({word}")
    scan.take(b")")
    return resync


def _resync(scan: Scan) -> Resync:
    scan.take(b"(")
    uid_validity = scan.positive()
    scan.space()
    modseq = scan.positive()
    known: list[Range] | None = None
    if scan.skip(b" ") and not scan.ahead(b"("):
        known = scan.sequence_set()
        if has_star(known):
            raise Bad("* among the known UIDs")
        scan.skip(b" ")
    if scan.skip(b"("):  # the match data only spares the server work (RFC 7162 §3.2.5.2)
        scan.sequence_set()
        scan.space()
        scan.sequence_set()
        scan.take(b")")
    scan.take(b")")
    return Resync(uid_validity, modseq, known)


def _catch_up(session: Session, view: View, resync: Resync) -> None:
    gone = vanished_since(view.box, resync.modseq)
    if resync.known is not None:
        gone = members(resync.known, gone)
    if gone:
        session.untagged(f"VANISHED (EARLIER) {compact(gone)}")
    for seq, uid in enumerate(view.uids, 1):
        message = view.box.messages[uid]
        named = resync.known is None or uid in members(resync.known, [uid])
        if message.modseq > resync.modseq and named:
            flags = view.flags(message)
            session.untagged(f"{seq} FETCH (UID {uid} FLAGS {flags} MODSEQ ({message.modseq}))")


def close(session: Session, scan: Scan) -> str:
    scan.end()
    view = session.view
    assert view is not None
    if not view.read_only:
        box = view.box
        marked = [uid for uid, m in box.messages.items() if "\\Deleted" in m.flags]
        session.record.messages = len(marked)
        if marked:
            session.server.state.expunge(box.name, marked)
    session.view = None
    return "Close completed"


def unselect(session: Session, scan: Scan) -> str:
    scan.end()
    session.view = None
    return "Unselect completed"
