"""Commands that need no mailbox: greeting to logout."""

from __future__ import annotations

import base64
import binascii
from functools import partial

from .server_grammar import Bad, No, Scan
from .server_session import Session


def capabilities(session: Session) -> str:
    atoms = session.profile.capabilities(authenticated=session.user is not None, tls=session.tls)
    return "CAPABILITY " + " ".join(atoms)


def capability(session: Session, scan: Scan) -> str:
    scan.end()
    session.untagged(capabilities(session))
    return "Capability completed"


def noop(session: Session, scan: Scan) -> str:
    scan.end()
    return "Done"


def logout(session: Session, scan: Scan) -> str:
    scan.end()
    session.untagged("BYE Logging out")
    session.closed = True
    session.view = None
    return "Logout completed"


def starttls(session: Session, scan: Scan) -> str:
    scan.end()
    if not session.profile.starttls or session.tls:
        raise Bad("STARTTLS was not offered")
    if session.framer.buffer:
        session.violation("bytes behind STARTTLS, before its OK")
        session.framer.clear()
    session.tls = True
    return "Begin TLS negotiation now"


def _enter(session: Session, user: str, password: str) -> str:
    if session.profile.login_disabled and not session.tls:
        raise Bad("login without TLS")
    if session.server.users.get(user, session.server.password) != password:
        session.server.failed_logins += 1
        raise No("[AUTHENTICATIONFAILED] Authentication failed.")
    session.user = user
    code = f"[{capabilities(session)}] " if session.profile.login_capabilities else ""
    return f"{code}Logged in"


def login(session: Session, scan: Scan) -> str:
    scan.space()
    user = scan.astring()
    scan.space()
    password = scan.astring()
    scan.end()
    return _enter(session, user.decode(), password.decode())


def authenticate(session: Session, scan: Scan) -> str | None:
    """AUTHENTICATE PLAIN (RFC 4616), with SASL-IR (RFC 4959) or without."""
    scan.space()
    if (mechanism := scan.word()) != "PLAIN":
        raise No(f"[CANNOT] Unsupported mechanism {mechanism}")
    if scan.done():
        session.send("+ ")
        session.line_handler = partial(_authenticate_line, session, session.tag)
        return None
    if not session.profile.sasl_ir:
        raise Bad("an initial response without SASL-IR")
    scan.space()
    response = scan.text[scan.at :]
    return _plain(session, response)


def _plain(session: Session, response: bytes) -> str:
    try:
        parts = base64.b64decode(response, validate=True).split(b"\0")
    except binascii.Error:
        raise Bad("no base64") from None
    if len(parts) != 3:
        raise Bad("no PLAIN response")
    return _enter(session, parts[1].decode(), parts[2].decode())


def _authenticate_line(session: Session, tag: str, line: bytes) -> None:
    session.tag = tag
    try:
        if line == b"*":
            raise Bad("cancelled")
        done = _plain(session, line)
        session.record.done = True
        session.answer(f"OK {done}")
    except Bad as error:
        session.violation(str(error))
        session.answer(f"BAD {error}")
    except No as error:
        session.answer(f"NO {error}")


def enable(session: Session, scan: Scan) -> str:
    """RFC 5161; QRESYNC includes CONDSTORE (RFC 7162 §3.2.3)."""
    enabled = []
    if session.profile.no_enabled:
        scan.at = len(scan.text)
        return "Done"
    while not scan.done():
        scan.space()
        atom = scan.word()
        if atom == "QRESYNC" and session.profile.qresync:
            session.qresync = session.condstore = True
            enabled.append(atom)
        elif atom == "CONDSTORE" and session.profile.condstore:
            session.condstore = True
            enabled.append(atom)
        else:
            session.violation(f"ENABLE {atom}, which was not offered")
    session.untagged(" ".join(["ENABLED", *enabled]))
    return "Enabled"


def identify(session: Session, scan: Scan) -> str:
    scan.space()
    if not scan.skip(b"NIL"):
        scan.take(b"(")
        while not scan.skip(b")"):
            scan.skip(b" ")
            scan.string()
            scan.space()
            scan.nstring()
    scan.end()
    session.untagged('ID ("name" "SimServer")')
    return "ID completed"


def namespace(session: Session, scan: Scan) -> str:
    scan.end()
    prefix, delimiter = session.profile.prefix.decode(), session.profile.delimiter
    session.untagged(f'NAMESPACE (("{prefix}" "{delimiter}")) NIL NIL')
    return "Namespace completed"


def compress(session: Session, scan: Scan) -> str:
    """COMPRESS=DEFLATE (RFC 4978)."""
    scan.space()
    if scan.word() != "DEFLATE":
        raise Bad("unknown compression")
    scan.end()
    session.compress_next = True
    return "DEFLATE active"


def idle(session: Session, scan: Scan) -> None:
    """RFC 2177; `Session.push` reports while it lasts."""
    scan.end()
    session.send("+ idling")
    session.idling = True
    session.tell_news()
    session.line_handler = partial(_done, session, session.tag)


def _done(session: Session, tag: str, line: bytes) -> None:
    session.idling = False
    session.tag = tag
    if line.upper() != b"DONE":
        session.violation(f"{line[:40]!r} instead of DONE")
        session.answer("BAD Expected DONE.")
        return
    session.tell_news()
    session.record.done = True
    session.answer("OK Idle completed")
