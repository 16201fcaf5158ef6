"""A Dovecot that can do all, and such that announce less: every fallback used for real."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from support.dovecot import without

Words = dict[str, str]  # a pattern that must not be on the wire → what it would use


@dataclass(frozen=True)
class Profile:
    """`banned`: what a client that believes the CAPABILITY never sends.  Dovecot would take it.

    `flags`: those that users set; `whole`: how often a side changes a mailbox as a whole.
    """

    name: str
    capability: str = ""
    banned: Words = field(default_factory=dict)
    flags: str = "DFPRST"
    whole: float = 0.25
    account: dict[str, object] = field(default_factory=dict)
    server: str = "dovecot"
    never: tuple[str, ...] = ()  # mailboxes that this server cannot have
    keywords: bool = True
    rewrites: bool = False  # it adds a line end at the end, and drops lone CRs
    dated: bool = True  # INTERNALDATE is what APPEND and COPY say
    renews: bool = False  # two sessions at once may give a mailbox a new UIDVALIDITY
    flat: bool = False  # DELETE of a parent takes its messages and says NO; none can be made later
    stale: float = 0  # seconds in which one session does not see what another has done

    def unused(self, lines: Iterable[str]) -> list[str]:
        return [
            f"{what} is not announced, and used: {line}"
            for line in lines
            for pattern, what in self.banned.items()
            if re.search(pattern, line, re.IGNORECASE)
        ]


QRESYNC = {r"QRESYNC": "QRESYNC", r"VANISHED": "QRESYNC"}
CONDSTORE = {r"CONDSTORE|CHANGEDSINCE|UNCHANGEDSINCE|MODSEQ": "CONDSTORE"}
LIST_STATUS = {r"^LIST .*RETURN \(.*STATUS": "LIST-STATUS"}
UIDPLUS = {r"^UID EXPUNGE": "UIDPLUS"}
MOVE = {r"^UID MOVE": "MOVE"}
MULTIAPPEND = {r"^APPEND .*\{\d+\+?\}.*\{\d+\+?\}": "MULTIAPPEND"}
LITERAL = {r"\{\d+\+\}": "LITERAL+"}
BINARY = {r"BINARY|~\{": "BINARY"}
ESEARCH = {r"^(UID )?SEARCH RETURN": "ESEARCH"}
REST = {
    r"^(ENABLE|ID|NAMESPACE|UNSELECT|COMPRESS|IDLE)\b": "an extension",
    r"^LIST \(|^LIST .*RETURN": "LIST-EXTENDED",
}

_ALL = [
    Profile("full"),
    Profile("no-qresync", without("QRESYNC"), QRESYNC),
    Profile("no-condstore", without("QRESYNC", "CONDSTORE"), {**QRESYNC, **CONDSTORE}),
    Profile("no-list-status", without("LIST-STATUS"), LIST_STATUS),
    # \Deleted that others set would stop every EXPUNGE without UIDPLUS (reliability.md I16).
    Profile("no-uidplus", without("UIDPLUS"), UIDPLUS, flags="DFPRS"),
    Profile("no-move", without("MOVE"), MOVE),
    Profile("no-multiappend", without("MULTIAPPEND"), MULTIAPPEND),
    Profile("no-literal", without("LITERAL+"), LITERAL),
    Profile("no-binary", without("BINARY"), BINARY),
    Profile("no-esearch", without("ESEARCH", "SEARCHRES"), ESEARCH),
    Profile(
        "minimal",
        "IMAP4rev1",
        {**QRESYNC, **CONDSTORE, **LIST_STATUS, **UIDPLUS, **MOVE, **MULTIAPPEND}
        | {**LITERAL, **BINARY, **ESEARCH, **REST},
        flags="DFPRS",
        account={"trash": "Trash"},
    ),
]
PROFILES = {one.name: one for one in _ALL}

_DOTS = ("x.y",)
SERVERS = {
    one.name: one
    for one in (
        Profile("cyrus", server="cyrus"),
        Profile("cyrus-dots", server="cyrus-dots", never=_DOTS),
        Profile("cyrus-delayed", server="cyrus-delayed"),
        Profile("courier", server="courier", never=_DOTS, rewrites=True),
        Profile(
            "courier-old",
            banned={**UIDPLUS, **MOVE, **MULTIAPPEND, **LITERAL},
            server="courier-old",
            flags="DFRS",
            never=_DOTS,
            keywords=False,
            rewrites=True,
        ),
        Profile("pymap", server="pymap", flags="DFRST", keywords=False),
        Profile(
            "imap4d",
            server="imap4d",
            flags="DFRS",
            keywords=False,
            dated=False,
            renews=True,
            flat=True,
            stale=1.1,
        ),
    )
}
