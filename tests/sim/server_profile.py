"""What a simulated server offers: one switch per extension, and presets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

# Switches of Profile that a server may have in one version and not in the next.
EXTENSIONS = (
    *("condstore", "qresync", "uidplus", "move", "multiappend", "list_status", "list_extended"),
    *("special_use", "esearch", "binary", "objectid", "compress"),
)
SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")


@dataclass(frozen=True, slots=True)
class Profile:
    """`extra`: atoms announced although nothing of them works (SORT, THREAD=… of real servers)."""

    name: str = "strict"
    condstore: bool = True
    qresync: bool = True
    uidplus: bool = True
    move: bool = True
    multiappend: bool = True
    literal: str = "plus"  # "none", "minus" (RFC 7888: at most 4096 bytes) or "plus"
    list_status: bool = True
    list_extended: bool = True
    special_use: bool = True
    esearch: bool = True
    binary: bool = True
    objectid: bool = True
    sasl_ir: bool = True
    enable: bool = True
    id: bool = True
    namespace: bool = True
    unselect: bool = True
    children: bool = True
    idle: bool = True
    status_size: bool = True
    compress: bool = True
    append_limit: int | None = None
    append_limit_by_mailbox: bool = False  # told by STATUS only (RFC 7889 §3.2)
    wants_crlf: bool = False  # refuses an APPEND that ends without a line end
    forgets_flagged: bool = False  # \\Flagged of an APPEND
    permanent: tuple[str, ...] = (*SYSTEM_FLAGS, "$Forwarded")
    keywords: bool = True  # PERMANENTFLAGS has \*
    refuse_keywords: bool = False  # STORE of a flag that cannot be kept: NO (else: ignored)
    keywords_lie: str = ""  # \\* is said, and new keywords are then "refused" or "dropped"
    most_keywords: int | None = None  # in a mailbox; more are refused, and \\* is not said then
    forgets_keywords: bool = False  # of what is appended, copied or moved
    delimiter: str = "/"
    prefix: bytes = b""  # of the personal namespace, such as INBOX.
    starttls: bool = False
    login_disabled: bool = False  # until TLS
    greeting_capabilities: bool = True
    login_capabilities: bool = True  # in the tagged OK of LOGIN
    max_line: int = 65536
    vanished_log: int | None = None  # expunges remembered; None: all (RFC 7162 §3.2.7 allows less)
    chatty: bool = True  # may report other clients' changes before a command's own data
    shy_modseq: bool = False  # HIGHESTMODSEQ at SELECT only where CONDSTORE was ever asked for
    expunge_down: bool = False  # EXPUNGE from the highest sequence number down
    scramble: bool = False  # FETCH responses in any order
    alter: Callable[[bytes], bytes] | None = None  # what APPEND makes of a body
    strict_message: bool = False  # refuses one without a header, with a bare LF or with NUL
    uidnext_told: bool = True  # at SELECT
    late_news: bool = False  # told with NOOP, CHECK and EXPUNGE only; till then all is as it was
    shows_expunged: bool = False  # FETCH of what is expunged and was not yet told (no bodies)
    exists_after_expunge: bool = False  # EXISTS behind EXPUNGE lines
    silent_tells: bool = False  # flags after STORE .SILENT
    terse: bool = False  # no code in a NO but TRYCREATE
    bad_is_no: bool = False  # NO where others say BAD
    makes_parents: bool = False  # CREATE of A/B makes A, too; DELETE of a parent is refused
    renames_inbox: bool = True
    renames_validity: bool = False  # RENAME gives a new UIDVALIDITY, and keeps the UIDs
    renames_blindly: bool = False  # OK for a name that is not there, or onto a mere parent
    deletes_parents: bool = True  # DELETE of what has mailboxes below
    lists_all: bool = False  # LIST RETURN gives attributes that nobody asked for
    freed_mailboxid: bool = False  # MAILBOXID in STATUS is garbage beside other items
    star_beyond: bool = True  # `n:*` with n above the highest is the highest
    merges: bool = False  # an APPEND of a message that the mailbox holds makes no second one
    size_off: int = 0  # RFC822.SIZE is so far from the truth
    search_only: bool = False  # what asks for ESEARCH is answered by SEARCH
    no_enabled: bool = False  # ENABLE is answered OK, and enables nothing
    copyuid_backwards: bool = False  # both sets of COPYUID from the highest down
    sizes_first: bool = False  # RFC822.SIZE before all other items of FETCH
    wrong_modseqs: bool = False  # MODSEQ (-1) in FETCH
    no_append_uid: bool = False  # APPENDUID is not told, although UIDPLUS is offered
    told_in_ok: bool = False  # COPYUID of MOVE in the tagged line only
    terse_codes: bool = False  # no text behind [HIGHESTMODSEQ n] and its like
    greeting: str = "SimServer ready."
    extra: tuple[str, ...] = ()

    def alter_lf(self, body: bytes) -> bytes:
        """What `alter` makes of a message, with LF line ends."""
        made = body.replace(b"\n", b"\r\n")
        return (self.alter(made) if self.alter else made).replace(b"\r\n", b"\n")

    @property
    def _append_limit(self) -> str:
        value = "" if self.append_limit_by_mailbox else f"={self.append_limit}"
        return f"APPENDLIMIT{value}"

    def capabilities(self, *, authenticated: bool, tls: bool) -> list[str]:
        found = ["IMAP4rev1"]
        switches = [
            ("SASL-IR", self.sasl_ir),
            ("ID", self.id),
            ("ENABLE", self.enable),
            ("IDLE", self.idle),
            ("LITERAL+", self.literal == "plus"),
            ("LITERAL-", self.literal == "minus"),
        ]
        if authenticated:
            switches += [
                ("NAMESPACE", self.namespace),
                ("CHILDREN", self.children),
                ("UNSELECT", self.unselect),
                ("UIDPLUS", self.uidplus),
                ("MOVE", self.move),
                ("MULTIAPPEND", self.multiappend),
                ("CONDSTORE", self.condstore),
                ("QRESYNC", self.qresync),
                ("ESEARCH", self.esearch),
                ("LIST-EXTENDED", self.list_extended),
                ("LIST-STATUS", self.list_status),
                ("SPECIAL-USE", self.special_use),
                ("BINARY", self.binary),
                ("OBJECTID", self.objectid),
                ("STATUS=SIZE", self.status_size),
                ("COMPRESS=DEFLATE", self.compress),
                (self._append_limit, self.append_limit is not None),
            ]
        else:
            hidden = self.login_disabled and not tls
            switches += [
                ("STARTTLS", self.starttls and not tls),
                ("LOGINDISABLED", hidden),
                ("AUTH=PLAIN", not hidden),
            ]
        found += [atom for atom, there in switches if there]
        return found + (list(self.extra) if authenticated else [])


def strict_qresync() -> Profile:
    """Everything there is, by the letter."""
    return Profile()


def condstore() -> Profile:
    return Profile(name="condstore", qresync=False, objectid=False, compress=False)


def plain() -> Profile:
    """IMAP4rev1 with UIDPLUS and no more."""
    return Profile(
        name="plain",
        condstore=False,
        qresync=False,
        move=False,
        multiappend=False,
        literal="none",
        list_status=False,
        list_extended=False,
        special_use=False,
        esearch=False,
        binary=False,
        objectid=False,
        sasl_ir=False,
        enable=False,
        id=False,
        namespace=False,
        unselect=False,
        children=False,
        idle=False,
        status_size=False,
        compress=False,
        greeting_capabilities=False,
        login_capabilities=False,
        chatty=False,
    )


def plain_no_uidplus() -> Profile:
    return replace(plain(), name="plain_no_uidplus", uidplus=False, keywords=False)


def dovecot() -> Profile:
    """Like Dovecot 2.3.19 of Debian 12, with its announcements."""
    return Profile(
        name="dovecot",
        objectid=False,
        compress=False,
        permanent=SYSTEM_FLAGS,
        chatty=False,
        shy_modseq=True,
        expunge_down=True,
        shows_expunged=True,
        extra=(
            "LOGIN-REFERRALS",
            "SORT",
            "SORT=DISPLAY",
            "THREAD=REFERENCES",
            "THREAD=REFS",
            "THREAD=ORDEREDSUBJECT",
            "URL-PARTIAL",
            "CATENATE",
            "I18NLEVEL=1",
            "ESORT",
            "SEARCHRES",
            "WITHIN",
            "CONTEXT=SEARCH",
            "SNIPPET=FUZZY",
            "PREVIEW=FUZZY",
            "PREVIEW",
            "SAVEDATE",
            "NOTIFY",
        ),
    )


def gmail() -> Profile:
    """Gmail's announcements, and its merging of messages (its labels are not simulated)."""
    return Profile(
        name="gmail",
        qresync=False,
        multiappend=False,
        literal="minus",
        binary=False,
        objectid=False,
        status_size=False,
        append_limit=35651584,
        merges=True,
        told_in_ok=True,
        terse_codes=True,
        extra=("QUOTA", "XLIST", "X-GM-EXT-1"),
    )


def cyrus() -> Profile:
    """Like Cyrus 3.6 of Debian 12, with its announcements."""
    return Profile(
        name="cyrus",
        permanent=SYSTEM_FLAGS,
        append_limit=4294967295,
        chatty=False,
        silent_tells=True,
        terse=True,
        makes_parents=True,
        deletes_parents=False,
        lists_all=True,
        strict_message=True,
        freed_mailboxid=True,
        extra=("ACL", "QUOTA", "SORT", "URLAUTH", "DIGEST=SHA1", "SAVEDATE", "X-CREATEDMODSEQ"),
    )


def cyrus_dots() -> Profile:
    """Cyrus with the name space of old: everything below INBOX."""
    return replace(cyrus(), name="cyrus_dots", delimiter=".", prefix=b"INBOX.")


def courier() -> Profile:
    """Courier 5.0 of Debian 12: the old server with the INBOX. prefix."""
    return replace(
        plain(),
        name="courier",
        namespace=True,
        children=True,
        idle=True,
        enable=True,
        delimiter=".",
        prefix=b"INBOX.",
        keywords=True,
        permanent=SYSTEM_FLAGS,
        alter=_as_courier_keeps,
        uidnext_told=False,
        late_news=True,
        shows_expunged=True,
        exists_after_expunge=True,
        terse=True,
        bad_is_no=True,
        renames_inbox=False,
        renames_validity=True,
        renames_blindly=True,
        star_beyond=False,
    )


def _as_courier_keeps(body: bytes) -> bytes:
    """With CRLF everywhere, at the end too."""
    body = re.sub(rb"(?<!\r)\n", b"\r\n", body)
    return body if body.endswith(b"\r\n") else body + b"\r\n"


def received(body: bytes) -> bytes:
    """A message as Exchange stores it: with a header field of its own."""
    return b"X-MS-Exchange-Organization: x\r\n" + body


def o365() -> Profile:
    """Exchange Online: few extensions, wrong sizes, no keywords, and it rewrites what it stores."""
    return replace(
        plain(),
        name="o365",
        move=True,
        literal="plus",
        sasl_ir=True,
        id=True,
        namespace=True,
        unselect=True,
        children=True,
        idle=True,
        keywords=False,
        permanent=SYSTEM_FLAGS,
        refuse_keywords=True,
        forgets_flagged=True,
        alter=received,
        size_off=211,
        sizes_first=True,
        extra=("CLIENTACCESSRULES", "CLIENTNETWORKPRESENCELOCATION", "BACKENDAUTHENTICATE"),
    )


def yahoo() -> Profile:
    """Yahoo's old interface; for its limited view of a mailbox see `test_sim_view`."""
    return replace(
        plain(),
        name="yahoo",
        move=True,
        literal="plus",
        sasl_ir=True,
        id=True,
        namespace=True,
        children=True,
        objectid=True,
        wants_crlf=True,
        copyuid_backwards=True,
        max_line=1000,
        extra=("XYMHIGHESTMODSEQ", "X-MSG-EXT"),
    )


def icloud() -> Profile:
    """CONDSTORE without MOVE; QRESYNC is announced, and ENABLE does nothing."""
    return replace(
        plain(),
        name="icloud",
        condstore=True,
        qresync=True,
        enable=True,
        sasl_ir=True,
        id=True,
        namespace=True,
        unselect=True,
        children=True,
        idle=True,
        esearch=True,
        list_status=True,
        no_enabled=True,
        search_only=True,
        extra=("XAPPLEPUSHSERVICE", "QUOTA", "XAPPLELITERAL", "SORT", "WITHIN", "X-SUN-IMAP"),
    )


def yandex() -> Profile:
    """Few extensions; its gaps in bodies and its endless BYE are faults of the tests."""
    return replace(
        plain(),
        name="yandex",
        move=True,
        literal="plus",
        id=True,
        enable=True,
        namespace=True,
        unselect=True,
        children=True,
        idle=True,
        greeting="Yandex IMAP4rev1 at imap.yandex.com ready to talk",
        extra=("XLIST",),
    )


def zoho() -> Profile:
    """CONDSTORE whose numbers mean nothing; messages of at most 25 MiB."""
    return replace(
        plain(),
        name="zoho",
        condstore=True,
        move=True,
        literal="minus",
        sasl_ir=True,
        id=True,
        namespace=True,
        unselect=True,
        children=True,
        idle=True,
        esearch=True,
        list_extended=True,
        list_status=True,
        append_limit=26214400,
        wrong_modseqs=True,
        greeting="IMAP4 Server (Zoho Mail IMAP4rev1 Server version 1.0)",
        extra=("XLIST", "WITHIN"),
    )


def proton() -> Profile:
    """Proton Mail Bridge: adds a field to what it stores, and does not name its UID."""
    return replace(
        plain(),
        name="proton",
        move=True,
        id=True,
        unselect=True,
        idle=True,
        keywords=False,
        permanent=SYSTEM_FLAGS,
        alter=_as_bridge_keeps,
        no_append_uid=True,
        greeting="Proton Mail Bridge ready",
    )


def _as_bridge_keeps(body: bytes) -> bytes:
    return b"X-Pm-Gluon-Id: 4e5d\r\n" + body


PRESETS: dict[str, Callable[[], Profile]] = {
    make.__name__: make
    for make in (
        *(strict_qresync, condstore, plain, plain_no_uidplus, dovecot, cyrus, cyrus_dots),
        *(courier, gmail, o365, yahoo, icloud, yandex, zoho, proton),
    )
}
