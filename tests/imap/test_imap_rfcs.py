"""The RFCs' own examples: what the client says we write, what the server says we read."""

# ruff: noqa: E501 (tables are read in rows)

from __future__ import annotations

import re

import pytest

from mailsync.imap import (
    AppendMessage,
    AppendUID,
    Code,
    Command,
    CopyUID,
    ESearch,
    Event,
    Exists,
    Expunged,
    Fetch,
    Header,
    List,
    MailboxFlags,
    Receiver,
    Search,
    Status,
    StatusData,
    Vanished,
    cmd,
    encode,
)
from mailsync.model.ids import UID, ModSeq, SeqNum, UIDValidity
from mailsync.model.uidset import UIDSet


def written(command: Command, tag: str) -> str:
    """All that is written when every `+` comes, with bodies as `…`."""
    pieces = encode(command, tag)
    return "".join(p.decode() if isinstance(p, bytes) else "" for p in pieces).rstrip("\r\n")


def heard(text: str) -> list[Event]:
    data = re.sub(r"^ *S: ", "", text.strip("\n"), flags=re.M).replace("\n", "\r\n") + "\r\n"
    return Receiver().receive(data.encode())


def of(*ranges: tuple[int, int] | int) -> UIDSet:
    return UIDSet.of_ranges((r, r) if isinstance(r, int) else r for r in ranges)


def validity(number: int) -> UIDValidity:
    return UIDValidity(number)


SENT = [
    (cmd.login("SMITH", "SESAME"), 'LOGIN "SMITH" "SESAME"'),
    (cmd.authenticate("plain", b"\0test\0test"), "AUTHENTICATE plain AHRlc3QAdGVzdA=="),  # RFC 4959
    (cmd.authenticate("EXTERNAL", b""), "AUTHENTICATE EXTERNAL ="),
    (cmd.authenticate("GSSAPI"), "AUTHENTICATE GSSAPI"),
    (cmd.select(b"INBOX", qresync=(validity(67890007), ModSeq(20050715194045000), of((41, 211), (214, 541)))),
     'SELECT "INBOX" (QRESYNC (67890007 20050715194045000 41:211,214:541))'),  # RFC 7162 §3.2.5.2
    (cmd.select(b"INBOX", qresync=(validity(67890007), ModSeq(90060115194045000), None)),
     'SELECT "INBOX" (QRESYNC (67890007 90060115194045000))'),
    (cmd.select(b"INBOX", condstore=True), 'SELECT "INBOX" (CONDSTORE)'),
    (cmd.select(b"blurdybloop", read_only=True), 'EXAMINE "blurdybloop"'),
    (cmd.uid_fetch(of((300, 500)), ["FLAGS"], ModSeq(12345), vanished=True),
     "UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)"),  # RFC 7162 §3.2.6
    (cmd.uid_store(of((7), 9), "+", ["\\Seen"], unchanged_since=ModSeq(320162338)),
     "UID STORE 7,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Seen)"),
    (cmd.uid_store(of(2), "-", ["\\Deleted", "$Junk"], silent=False), "UID STORE 2 -FLAGS (\\Deleted $Junk)"),
    (cmd.uid_fetch(of((5, 4294967295)), ["UID", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)]"]),
     "UID FETCH 5:4294967295 (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])"),
    (cmd.uid_expunge(of((3000, 3002))), "UID EXPUNGE 3000:3002"),  # RFC 4315 §2.1
    (cmd.uid_copy(of((2, 4)), b"MEETING"), 'UID COPY 2:4 "MEETING"'),
    (cmd.uid_move(of((42, 69)), b"foo"), 'UID MOVE 42:69 "foo"'),  # RFC 6851 §3.3
    (cmd.uid_search(["DELETED", Header("Message-ID", "<a@b>")], ["ALL", "COUNT"]),
     'UID SEARCH RETURN (ALL COUNT) DELETED HEADER "Message-ID" "<a@b>"'),
    (cmd.uid_search([of((1, 5)), "UNSEEN"]), "UID SEARCH UID 1:5 UNSEEN"),
    (cmd.list_(b"", [b"%"], returns=["SUBSCRIBED", "CHILDREN"], status=["MESSAGES", "UNSEEN"]),
     'LIST "" "%" RETURN (SUBSCRIBED CHILDREN STATUS (MESSAGES UNSEEN))'),  # RFC 5819 §2
    (cmd.list_(b"", [b"INBOX", b"Drafts"], ["REMOTE", "SUBSCRIBED"]),
     'LIST (REMOTE SUBSCRIBED) "" ("INBOX" "Drafts")'),
    (cmd.list_(b"", [b"*"], status=["MESSAGES"]), 'LIST "" "*" RETURN (STATUS (MESSAGES))'),
    (cmd.list_(b"", [b""]), 'LIST "" ""'),
    (cmd.status(b"blurdybloop", ["UIDNEXT", "MESSAGES"]), 'STATUS "blurdybloop" (UIDNEXT MESSAGES)'),
    (cmd.create(b"Everything", ["\\All"]), 'CREATE "Everything" (USE (\\All))'),  # RFC 6154 §5.3
    (cmd.create(b"owatagusiam/"), 'CREATE "owatagusiam/"'),
    (cmd.delete(b"foo"), 'DELETE "foo"'),
    (cmd.rename(b"blurdybloop", b"sarasoop"), 'RENAME "blurdybloop" "sarasoop"'),
    (cmd.lsub(b"", b"*"), 'LSUB "" "*"'),
    (cmd.subscribe(b"x"), 'SUBSCRIBE "x"'),
    (cmd.unsubscribe(b"x"), 'UNSUBSCRIBE "x"'),
    (cmd.enable("CONDSTORE"), "ENABLE CONDSTORE"),
    (cmd.id_({"name": "sodr", "version": "19.34"}), 'ID ("name" "sodr" "version" "19.34")'),  # RFC 2971
    (cmd.id_(), "ID NIL"),
    (cmd.compress(), "COMPRESS DEFLATE"),
    (cmd.capability(), "CAPABILITY"), (cmd.noop(), "NOOP"), (cmd.logout(), "LOGOUT"),
    (cmd.starttls(), "STARTTLS"), (cmd.idle(), "IDLE"), (cmd.namespace(), "NAMESPACE"),
    (cmd.unselect(), "UNSELECT"), (cmd.expunge(), "EXPUNGE"),
    (cmd.append(b"saved-messages", [AppendMessage(["\\Seen"], None, 329), AppendMessage([], 0, 295, True)]),
     'APPEND "saved-messages" (\\Seen) {329}\r\n "01-Jan-1970 00:00:00 +0000" ~{295}\r\n'),  # RFC 3502
    (cmd.append(b"x", [AppendMessage([], 10**15, 5)]), 'APPEND "x" {5}\r\n'),
]  # fmt: skip


@pytest.mark.parametrize(("command", "text"), SENT, ids=[row[1][:30] for row in SENT])
def test_sent(command: Command, text: str) -> None:
    assert written(command, "A003") == f"A003 {text}".rstrip("\r\n")
    assert command.name.split()[0] == text.split()[0]


def test_rfc7162_select_qresync() -> None:
    assert heard(r"""
        S: * 464 EXISTS
        S: * 3 RECENT
        S: * OK [UIDVALIDITY 3857529045] UIDVALIDITY
        S: * OK [UIDNEXT 550] Predicted next UID
        S: * OK [HIGHESTMODSEQ 90060128194045007] Highest mailbox mod-sequence
        S: * FLAGS (\Answered \Flagged \Draft \Deleted \Seen)
        S: * OK [PERMANENTFLAGS (\Answered \Flagged \Draft \Deleted \Seen \*)] Permanent flags
        S: * VANISHED (EARLIER) 1:2,4:5,7:8,10:11
        S: * 1 FETCH (UID 3 FLAGS (\Seen \Answered $Important) MODSEQ (90060115205545359))
        S: A03 OK [READ-WRITE] mailbox selected
        """.rstrip())[3:] == [
        Status("OK", Code("UIDNEXT", 550), "Predicted next UID"),
        Status("OK", Code("HIGHESTMODSEQ", 90060128194045007), "Highest mailbox mod-sequence"),
        MailboxFlags(frozenset([r"\Answered", r"\Flagged", r"\Draft", r"\Deleted", r"\Seen"])),
        Status("OK", Code("PERMANENTFLAGS", frozenset([r"\Answered", r"\Flagged", r"\Draft", r"\Deleted", r"\Seen", r"\*"])),
               "Permanent flags"),
        Vanished(of((1, 2), (4, 5), (7, 8), (10, 11)), True),
        Fetch(SeqNum(1), UID(3), frozenset([r"\Seen", r"\Answered", r"$Important"]), modseq=ModSeq(90060115205545359)),
        Status("OK", Code("READ-WRITE"), "mailbox selected", "A03"),
    ]  # fmt: skip


def test_rfc4315_uidplus() -> None:
    assert heard("""
        S: A003 OK [APPENDUID 38505 3955] APPEND completed
        S: A004 OK [COPYUID 38505 304,319:320 3956:3958] Done
        S: A005 OK [APPENDUID 38505 3955:3957] APPEND completed
        """.rstrip()) == [
        Status("OK", Code("APPENDUID", AppendUID(validity(38505), (UID(3955),))), "APPEND completed", "A003"),
        Status("OK", Code("COPYUID", CopyUID(validity(38505), (UID(304), UID(319), UID(320)),
                                             (UID(3956), UID(3957), UID(3958)))), "Done", "A004"),
        Status("OK", Code("APPENDUID", AppendUID(validity(38505), (UID(3955), UID(3956), UID(3957)))),
               "APPEND completed", "A005"),
    ]  # fmt: skip


def test_rfc6851_move() -> None:
    assert heard("""
        S: * OK [COPYUID 432432 42:69 1202:1229]
        S: * 22 EXPUNGE
        S: a OK Done
        """.rstrip()) == [
        Status("OK", Code("COPYUID", CopyUID(validity(432432), tuple(of((42, 69))), tuple(of((1202, 1229)))))),
        Expunged(SeqNum(22)),
        Status("OK", text="Done", tag="a"),
    ]  # fmt: skip


def test_rfc5819_list_status() -> None:
    assert heard(
        r"""
        S: * LIST ()  "." "INBOX"
        S: * STATUS "INBOX" (MESSAGES 17 UNSEEN 16)
        S: * LIST () "." "foo"
        S: * STATUS "foo" (MESSAGES 30 UNSEEN 29)
        S: * LIST (\NoSelect) "." "bar"
        S: A01 OK List completed.
        """.rstrip()
    ) == [
        List(frozenset(), ".", b"INBOX"),
        StatusData(b"INBOX", {"MESSAGES": 17, "UNSEEN": 16}),
        List(frozenset(), ".", b"foo"),
        StatusData(b"foo", {"MESSAGES": 30, "UNSEEN": 29}),
        List(frozenset({"\\noselect"}), ".", b"bar"),
        Status("OK", text="List completed.", tag="A01"),
    ]


def test_rfc4731_esearch_and_rfc7162_search() -> None:
    assert heard(
        """
        S: * ESEARCH (TAG "A282") MIN 2 COUNT 3
        S: * ESEARCH (TAG "A285") UID MIN 7 MAX 3800
        S: * ESEARCH (TAG "a") ALL 1:3,5 MODSEQ 1236
        S: * SEARCH 2 5 6 7 11 12 18 19 20 23 (MODSEQ 917162500)
        """.rstrip()
    ) == [
        ESearch("A282", False, count=3, min=2),
        ESearch("A285", True, min=7, max=3800),
        ESearch("a", False, of((1, 3), 5), modseq=ModSeq(1236)),
        Search(of(2, (5, 7), (11, 12), (18, 20), 23), ModSeq(917162500)),
    ]


def test_rfc8474_objectid() -> None:
    assert heard("""
        S: * OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Ok
        S: * STATUS foo (MAILBOXID (F2212ea87-6097-4256-9d51-71338625))
        S: * 1 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9))
        S: * 2 FETCH (EMAILID (M288836c4c7a762b) THREADID NIL)
        """.rstrip()) == [
        Status("OK", Code("MAILBOXID", "F2212ea87-6097-4256-9d51-71338625"), "Ok"),
        StatusData(b"foo", {"MAILBOXID": "F2212ea87-6097-4256-9d51-71338625"}),
        Fetch(SeqNum(1), email_id="M6d99ac3275bb4e"),
        Fetch(SeqNum(2), email_id="M288836c4c7a762b"),
    ]  # fmt: skip


def test_rfc3501_fetch_of_a_header() -> None:
    header = (
        "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\nFrom: Terry Gray <gray@cac.washington.edu>\n"
    )
    body = header.replace("\n", "\r\n").encode()
    assert heard(f"S: * 12 FETCH (BODY[HEADER] {{{len(body)}}}\n{header})\nS: a004 OK FETCH completed") == [
        Fetch(SeqNum(12), sections={"BODY[HEADER]": body}),
        Status("OK", text="FETCH completed", tag="a004"),
    ]  # fmt: skip


def test_rfc2177_idle() -> None:
    assert heard("S: * 4 EXISTS\nS: A004 OK IDLE terminated") == [
        Exists(4),
        Status("OK", text="IDLE terminated", tag="A004"),
    ]
