"""What a server's refusal means: NO, BAD and BYE as errors (RFC 5530, protocol.md §4.10)."""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection

from mailsync.imap import Continuation, Event, Fetch, Status
from mailsync.model.errors import (
    AuthError,
    Disconnected,
    Help,
    InsecureError,
    MailsyncError,
    Reach,
    Refused,
    SlowDown,
    Throttled,
    Unavailable,
)
from mailsync.system.hidden import redact
from mailsync.system.text import safe

_BACKOFF = re.compile(r"Suggested Backoff Time:\s*(\d{1,10})\s*milliseconds", re.I)
_THROTTLED = re.compile(
    r"throttl|Suggested Backoff Time|exceeded command or bandwidth|rate limit"
    r"|(?<!connection )limit exceeded",
    re.I,
)
_CROWDED = re.compile(
    r"too many (?:simultaneous |concurrent )?(?:connections|sessions)|connection limit"
    r"|maximum (?:number of )?connections",
    re.I,
)
_LATER = re.compile(
    r"temporar|try again|unavailable|not available|overload|internal (?:server )?error"
    r"|server is busy|shutting down|maintenance",
    re.I,
)
_NOT_CONNECTED = re.compile(r"authenticated but not connected", re.I)

_BUSY = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "THROTTLED", "OVERQUOTA"})
_SLOW = frozenset({"LIMIT", "THROTTLED", "OVERQUOTA"})
_SOON = frozenset({"UNAVAILABLE", "INUSE", "EXPUNGEISSUED", "CLOSED"})
_TOO_BIG = frozenset({"TOOBIG", "APPENDLIMIT", "UNKNOWN-CTE", "BADEVENT"})


def retry_after(status: Status) -> float | None:
    """Seconds, where the server named a time to wait."""
    found = _BACKOFF.search(status.text)
    return int(found[1]) / 1000 if found else None


def code_of(status: Status) -> str:
    """The response code's atom in capitals; "" when there is none.

    Some servers put it anywhere into the text (Gmail's `Success [THROTTLED]`).
    """
    if status.code is not None:
        return status.code.name
    found = re.search(r"\[([A-Z][A-Z0-9-]+)[] ]", status.text)
    return found[1] if found else ""


def said(status: Status) -> str:
    """The server's words, safe to print, also where it repeats the password."""
    text = safe(redact(status.text)).strip()
    code = f"[{safe(redact(status.code.name))}] " if status.code is not None else ""
    return f"{code}{text}".strip() or "no reason given"


def refusal(status: Status, what: str) -> MailsyncError:
    """The error for a tagged NO or BAD to the command `what` of an established session."""
    text = f"the server refused {what}: {said(status)}"
    code, wait = code_of(status), retry_after(status)
    if code == "THROTTLED" or _THROTTLED.search(status.text):
        return Throttled(text, code="THROTTLED", retry_after=wait)
    if _NOT_CONNECTED.search(status.text):  # Exchange says so behind a login that it took
        return AuthError(f"{text} (IMAP may be switched off there, or the mailbox not be yours)")
    help_, reach = Help.ASK, Reach.MAILBOX
    if code in _SOON:
        help_ = Help.RETRY
    elif code in {"OVERQUOTA", "LIMIT"}:
        help_ = Help.WAIT
    if code in _TOO_BIG:
        reach = Reach.MESSAGE
    return Refused(
        text, code=code, bad=status.kind == "BAD", help=help_, reach=reach, retry_after=wait
    )


def is_partial(error: MailsyncError, found: Collection[object]) -> bool:
    """Some answer a FETCH with NO when one message of many is gone (RFC 2180 §4.1.2): those that
    came are good, and what is gone is no failure of the mailbox."""
    gone = getattr(error, "code", "") == "EXPUNGEISSUED" or "no longer exist" in str(error)
    some = bool(found) and error.help is Help.ASK  # not: the rest comes later
    return isinstance(error, Refused) and not error.bad and (some or gone)


def is_about_nothing(status: Status) -> bool:
    """Some refuse to list an empty mailbox, in plain words; one that is in trouble may have said
    as well that the mailbox is empty."""
    return not code_of(status) and not _is_busy(status.text)


def login_refusal(status: Status, mechanism: str, why: str = "") -> MailsyncError:
    """The error for a login refused by `mechanism`; `why`: what was said before the tagged answer.
    Only what blames the password is an AuthError: it is never tried again, while a busy server may
    be."""
    code, text = code_of(status), f"the server refused the login: {said(status)}"
    if why:
        text += f" ({why})"
    if mechanism in ("OAUTHBEARER", "XOAUTH2"):
        text += f" (by {mechanism}: sign in anew with the program of token-command)"
    if mechanism.startswith("SCRAM-"):  # it needs the password stored in a way that some have not
        text += f' (by {mechanism}; if the password is right, try auth = "plain")'
    if code in {"AUTHENTICATIONFAILED", "EXPIRED", "AUTHORIZATIONFAILED", "CONTACTADMIN"}:
        return AuthError(text)
    if code == "PRIVACYREQUIRED":
        return InsecureError(text)
    if code in _BUSY or _is_busy(status.text):
        return _busy(status, text)
    return AuthError(text)


def farewell(status: Status) -> MailsyncError:
    """The error for a BYE that nobody asked for."""
    text = f"the server closed the connection: {said(status)}"
    if code_of(status) in _BUSY or _THROTTLED.search(status.text) or _CROWDED.search(status.text):
        return _busy(status, text)
    return Disconnected(text, retry_after=retry_after(status))


_ELSEWHERE = (
    "other programs and devices have all the connections that it allows; mailsync needs one"
)


def _busy(status: Status, text: str) -> Unavailable:
    """Not now.  Connections end by themselves, so the next run may try again at its time; an
    account that asks too much waits for longer."""
    if _CROWDED.search(status.text):
        return Unavailable(f"{text}: {_ELSEWHERE}", retry_after=retry_after(status))
    if code_of(status) in _SLOW or _THROTTLED.search(status.text):
        return SlowDown(text, retry_after=retry_after(status))
    return Unavailable(text, retry_after=retry_after(status))


def _is_busy(text: str) -> bool:
    return any(pattern.search(text) for pattern in (_THROTTLED, _CROWDED, _LATER))


def lost(error: Exception, timeout: float) -> Disconnected:
    """The error for a read or write that failed."""
    if isinstance(error, TimeoutError):
        return Disconnected(f"the server made no progress for {timeout:g} s")
    if isinstance(error, ssl.SSLError):
        return Disconnected(f"TLS broke: {safe(str(error))}")
    return Disconnected(f"the connection is lost: {safe(str(error))}")


# X509_V_ERR_…: self-signed, alone or at the end of its chain; whoever signed it is not known.
_UNKNOWN_ISSUER = (18, 19, 20, 21)
_OWN = (
    "; tls-ca-file trusts an authority of your own, tls-fingerprint this very certificate, once "
    "you know that it is the right one"
)
_NOT_TLS = ("wrong version number", "record layer failure", "unexpected message", "http request")
_NO_TLS = ': that port does not begin with TLS: set another, or security = "starttls"'


def tls_failed(error: Exception, timeout: float) -> MailsyncError:
    """The error for a TLS handshake that did not come about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"the server's certificate is not valid: {error.verify_message}"
        return InsecureError(text + _OWN * (error.verify_code in _UNKNOWN_ISSUER))
    if isinstance(error, ssl.SSLError):
        reason = safe(error.reason or str(error)).replace("_", " ").lower()
        return InsecureError(f"TLS failed: {reason}" + _NO_TLS * (reason in _NOT_TLS))
    if isinstance(error, TimeoutError | ConnectionError):
        return lost(error, timeout)
    return InsecureError(f"TLS failed: {safe(str(error))}")


def without_text(event: Event) -> Event | str:
    """An event for the log: what a message says is nobody's business, nor a challenge, with which
    a password could be guessed."""
    if isinstance(event, Continuation):
        return f"Continuation({len(event.text)} bytes)"
    if not isinstance(event, Fetch) or not event.sections:
        return event
    sizes = {
        name: f"{len(data)} bytes" if isinstance(data, bytes) else data
        for name, data in event.sections.items()
    }
    return f"{event._replace(sections={})} {sizes}"
