"""What a server says, one table: bytes → events."""

# ruff: noqa: E501 (tables are read in rows)

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from mailsync.imap import (
    STREAMED,
    AppendUID,
    BodyBegin,
    BodyData,
    BodyEnd,
    Capability,
    Code,
    Continuation,
    CopyUID,
    Enabled,
    ESearch,
    Event,
    Exists,
    Expunged,
    Fetch,
    Id,
    Ignored,
    List,
    MailboxFlags,
    Namespace,
    Receiver,
    Search,
    Status,
    StatusData,
    Vanished,
)
from mailsync.model.ids import UID, ModSeq, SeqNum, UIDValidity
from mailsync.model.uidset import UIDSet


def heard(*lines: str) -> list[Event]:
    """The events of whole lines; nothing may be left over."""
    receiver = Receiver()
    events = receiver.receive("".join(line + "\r\n" for line in lines).encode("latin-1"))
    assert receiver.pending() == 0
    return events


def one(line: str) -> Event:
    [event] = heard(line)
    return event


def uids(*ranges: tuple[int, int]) -> UIDSet:
    return UIDSet.of_ranges(ranges)


def seq(number: int) -> SeqNum:
    return SeqNum(number)


TABLE: list[tuple[str, Event]] = [
    ("* 18 EXISTS", Exists(18)),
    ("* 0 EXISTS", Exists(0)),
    ("* 44 EXPUNGE", Expunged(seq(44))),
    ("* 2 RECENT", Ignored("* 2 RECENT")),
    ("+ Ready for literal", Continuation(b"Ready for literal")),
    ("+ ", Continuation(b"")),
    ("* CAPABILITY IMAP4rev1 AUTH=PLAIN", Capability(frozenset({"IMAP4REV1", "AUTH=PLAIN"}))),
    ("* ENABLED CONDSTORE X-GOOD-IDEA", Enabled(frozenset({"CONDSTORE", "X-GOOD-IDEA"}))),
    ("* ENABLED", Enabled(frozenset())),
    (r"* FLAGS (\Answered \Seen $Junk)", MailboxFlags(frozenset({r"\Answered", r"\Seen", "$Junk"}))),
    ("* BYE Autologout; idle for too long", Status("BYE", text="Autologout; idle for too long")),
    ("* PREAUTH hello", Status("PREAUTH", text="hello")),
    ("A1 OK done", Status("OK", text="done", tag="A1")),
    ("A1 NO [TRYCREATE] no", Status("NO", Code("TRYCREATE"), "no", "A1")),
    ("A1 BAD", Status("BAD", tag="A1")),
    # -- FETCH
    (r"* 23 FETCH (FLAGS (\Seen) UID 4827313)", Fetch(seq(23), UID(4827313), frozenset({r"\Seen"}))),
    ("* 12 FETCH (RFC822.SIZE 44827)", Fetch(seq(12), size=44827)),
    ('* 1 FETCH (INTERNALDATE "17-Jul-1996 02:44:25 -0700")', Fetch(seq(1), internal_date=837596665)),
    ("* 1 FETCH (MODSEQ (624140003))", Fetch(seq(1), modseq=ModSeq(624140003))),
    ("* 1 FETCH (MODSEQ (9223372036854775807))", Fetch(seq(1), modseq=ModSeq((1 << 63) - 1))),
    ("* 1 FETCH (MODSEQ (9223372036854775808))", Fetch(seq(1))),
    ("* 1 FETCH (EMAILID (M6d99) THREADID NIL)", Fetch(seq(1), email_id="M6d99")),
    ("* 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-LABELS (\\Inbox \"a b\"))",
     Fetch(seq(1), gm_msgid=1278455344230334865)),
    ("* 1 FETCH (X-GM-MSGID 1278455344230334 UID 3)",
     Fetch(seq(1), UID(3), gm_msgid=1278455344230334)),
    ("* 1 FETCH (UID 3 BODY[] NIL)", Fetch(seq(1), UID(3), sections={"BODY[]": None})),
    ('* 1 FETCH (UID 3 BODY[] "abc")', Fetch(seq(1), UID(3), sections={"BODY[]": b"abc"})),
    ('* 1 FETCH (UID 3 BODY[]<5> "")', Fetch(seq(1), UID(3), sections={"BODY[]<5>": b""})),
    ('* 1 FETCH (BODY[HEADER.FIELDS ("DATE" FROM)] "x")',
     Fetch(seq(1), sections={'BODY[HEADER.FIELDS ("DATE" FROM)]': b"x"})),
    ('* 1 FETCH (RFC822.HEADER "x" UID 1)',
     Fetch(seq(1), UID(1), sections={"RFC822.HEADER": b"x"})),
    ("* 1 FETCH ()", Fetch(seq(1))),
    ("* 25997 UIDFETCH (FLAGS ())", Fetch(None, UID(25997), frozenset())),
    # -- searching
    ("* SEARCH", Search(UIDSet())),
    ("* SEARCH 2 3 6", Search(uids((2, 3), (6, 6)))),
    ("* SEARCH 6 5 4 (MODSEQ 917162500)", Search(uids((4, 6)), ModSeq(917162500))),
    ("* SEARCH (MODSEQ 0)", Search(UIDSet())),
    ("* ESEARCH", ESearch(None, uid=False)),
    ('* ESEARCH (TAG "A282") MIN 2 COUNT 3', ESearch("A282", uid=False, min=2, count=3)),
    ('* ESEARCH (TAG "A283") UID ALL 2,10:11', ESearch("A283", uids=uids((2, 2), (10, 11)))),
    ('* ESEARCH (TAG "A1") UID MIN 7 MAX 3800 MODSEQ 5 X-NEW (1 2)',
     ESearch("A1", min=7, max=3800, modseq=ModSeq(5))),
    ("* VANISHED 405,407,410:420", Vanished(uids((405, 405), (407, 407), (410, 420)), False)),
    ("* VANISHED (EARLIER) 41,43:116", Vanished(uids((41, 41), (43, 116)), True)),
    ("* VANISHED 4294967290:*", Vanished(uids((4294967290, 4294967295)), False)),
    ('* VANISHED ""', Vanished(UIDSet(), False)),
    ("* VANISHED 9:7", Vanished(uids((7, 9)), False)),
    ("* VANISHED (EARLIER)", Vanished(UIDSet(), True)),
    # -- mailboxes
    ('* LIST (\\Noselect) "/" ~/Mail/foo', List(frozenset({"\\noselect"}), "/", b"~/Mail/foo")),
    ('* LIST () NIL "INBOX"', List(frozenset(), None, b"INBOX")),
    ('* LIST () NIL "NIL"', List(frozenset(), None, b"NIL")),
    ('* LIST () "" x', List(frozenset(), None, b"x")),
    (r'* LIST () "\\" "a\\b\"c"', List(frozenset(), "\\", rb'a\b"c')),
    ('* LSUB () "." #news.comp.mail.misc', List(frozenset(), ".", b"#news.comp.mail.misc", lsub=True)),
    ('* XLIST (\\HasNoChildren \\Inbox) "/" "x"',
     List(frozenset({"\\hasnochildren", "\\inbox"}), "/", b"x")),
    ('* LIST (\\Subscribed) "/" new ("OLDNAME" ("old"))',
     List(frozenset({"\\subscribed"}), "/", b"new", b"old")),
    ('* LIST () "/" "Foo" ("CHILDINFO" ("SUBSCRIBED"))', List(frozenset(), "/", b"Foo")),
    ('* LIST () "/" "Foo" NIL', List(frozenset(), "/", b"Foo")),
    ("* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)",
     StatusData(b"blurdybloop", {"MESSAGES": 231, "UIDNEXT": 44292})),
    ('* STATUS "a b" (HIGHESTMODSEQ 7011231777 MAILBOXID (F2212ea) SIZE 0 X-NEW (1 2) APPENDLIMIT NIL)',
     StatusData(b"a b", {"HIGHESTMODSEQ": 7011231777, "MAILBOXID": "F2212ea", "SIZE": 0})),
    ("* STATUS a (MESSAGES 1 MAILBOXID (\xaa\x1f\x89U))", StatusData(b"a", {"MESSAGES": 1})),
    ("* STATUS a (MAILBOXID () MESSAGES 1)", StatusData(b"a", {"MESSAGES": 1})),
    ("* STATUS a (MAILBOXID (a b) MESSAGES 1)", StatusData(b"a", {"MESSAGES": 1})),
    ("* STATUS a (MAILBOXID ((a)) MESSAGES 1)", StatusData(b"a", {"MESSAGES": 1})),
    ("* STATUS x (HIGHESTMODSEQ 0 UIDNEXT 0 UIDVALIDITY 0 UNSEEN -1 MESSAGES 0)",
     StatusData(b"x", {"MESSAGES": 0})),
    ("* STATUS x (UIDNEXT 4294967295)", StatusData(b"x", {"UIDNEXT": 4294967295})),
    ("* STATUS x (UIDNEXT 4294967296 UIDVALIDITY 4294967296)",
     StatusData(b"x", {"UIDVALIDITY": 4294967296})),
    ('* NAMESPACE (("" "/")) NIL (("#shared/" "/" "X-PARAM" ("a" "b"))("#public" NIL))',
     Namespace((( b"", "/"),), (), ((b"#shared/", "/"), (b"#public", None)))),
    ('* ID ("name" "Cyrus" "Version" "1.5" "os" NIL)', Id({"name": "Cyrus", "version": "1.5"})),
    ("* ID NIL", Id({})),
    # -- no use to us
    ("* METADATA \"INBOX\" (/shared/comment \"x\")", Ignored('* METADATA "INBOX" (/shared/comment "x")')),
    ("* THREAD (2)(3 6 (4 23))", Ignored("* THREAD (2)(3 6 (4 23))")),
    ("*", Ignored("*")),
    ("", Ignored("")),
    ("x" * 1000, Ignored("x" * 200)),
]  # fmt: skip


@pytest.mark.parametrize(("line", "event"), TABLE)
def test_line(line: str, event: Event) -> None:
    assert one(line) == event


UV = UIDValidity(38505)
LIST_OF_3 = (UID(304), UID(319), UID(320))
CODES: list[tuple[str, Code | None, str]] = [
    ("[UIDVALIDITY 3857529045] valid", Code("UIDVALIDITY", 3857529045), "valid"),
    ("[UIDNEXT 4392] next", Code("UIDNEXT", 4392), "next"),
    ("[UIDNEXT 4294967295] x", Code("UIDNEXT", 4294967295), "x"),
    ("[UIDNEXT 4294967296] x", Code("UIDNEXT"), "x"),
    ("[UNSEEN 17] first", Code("UNSEEN", 17), "first"),
    ("[HIGHESTMODSEQ 715194045007]", Code("HIGHESTMODSEQ", 715194045007), ""),
    ("[HIGHESTMODSEQ 0] x", Code("HIGHESTMODSEQ"), "x"),
    ("[HIGHESTMODSEQ -1] x", Code("HIGHESTMODSEQ"), "x"),
    ("[HIGHESTMODSEQ 9223372036854775808] x", Code("HIGHESTMODSEQ"), "x"),
    ("[UIDVALIDITY 0] x", Code("UIDVALIDITY"), "x"),
    ("[NOMODSEQ] Sorry", Code("NOMODSEQ"), "Sorry"),
    ("[READ-ONLY] x", Code("READ-ONLY"), "x"),
    ("[APPENDLIMIT 0] x", Code("APPENDLIMIT", 0), "x"),
    (r"[PERMANENTFLAGS (\Deleted \Seen \*)] Limited",
     Code("PERMANENTFLAGS", frozenset({r"\Deleted", r"\Seen", r"\*"})), "Limited"),
    ("[PERMANENTFLAGS (a[b] c)] x", Code("PERMANENTFLAGS", frozenset({"a[b]", "c"})), "x"),
    ("[PERMANENTFLAGS ()] x", Code("PERMANENTFLAGS", frozenset()), "x"),
    ("[CAPABILITY IMAP4rev1 idle ] ready", Code("CAPABILITY", frozenset({"IMAP4REV1", "IDLE"})), "ready"),
    ('[BADCHARSET (UTF-8 "us-ascii")] x', Code("BADCHARSET", frozenset({"UTF-8", "US-ASCII"})), "x"),
    ("[BADCHARSET] x", Code("BADCHARSET", frozenset()), "x"),
    ("[MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Ok",
     Code("MAILBOXID", "F2212ea87-6097-4256-9d51-71338625"), "Ok"),
    ("[MAILBOXID ()] Ok", Code("MAILBOXID"), "Ok"),
    ("[MODIFIED 7,9] failed", Code("MODIFIED", UIDSet([7, 9])), "failed"),
    ("[MODIFIED] failed", Code("MODIFIED"), "failed"),
    ("[APPENDUID 38505 3955] done", Code("APPENDUID", AppendUID(UV, (UID(3955),))), "done"),
    ("[APPENDUID 38505 319:320,304] done",
     Code("APPENDUID", AppendUID(UV, (UID(319), UID(320), UID(304)))), "done"),
    ("[APPENDUID 0 0] done", Code("APPENDUID"), "done"),
    ("[APPENDUID 1:2 5] done", Code("APPENDUID"), "done"),
    ("[APPENDUID 5] done", Code("APPENDUID"), "done"),
    ("[APPENDUID] done", Code("APPENDUID"), "done"),
    ("[COPYUID 38505 304,319:320 3956:3958] Done",
     Code("COPYUID", CopyUID(UV, LIST_OF_3, (UID(3956), UID(3957), UID(3958)))), "Done"),
    ("[COPYUID 38505 304,319:320 3956:3957] unpaired", Code("COPYUID"), "unpaired"),
    ("[COPYUID 124  ] Exchange", Code("COPYUID"), "Exchange"),
    ("[COPYUID 1 1:4294967295 1:4294967295] bomb", Code("COPYUID"), "bomb"),
    ("[COPYUID 1 1:* 99999999999999999999999] x", Code("COPYUID"), "x"),
    ("[COPYUID 1 a b] x", Code("COPYUID"), "x"),
    ("[REFERRAL imap://x/] y", Code("REFERRAL", "imap://x/"), "y"),
    ("[alert]text", Code("ALERT"), "text"),
    ("[no end", None, "[no end"),
    ("no [CODE] here", None, "no [CODE] here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "human"), CODES)
@pytest.mark.parametrize(("head", "tag"), [("*", None), ("a7", "a7")])
def test_code(text: str, code: Code | None, human: str, head: str, tag: str | None) -> None:
    assert one(f"{head} OK {text}") == Status("OK", code, human, tag)


RFC5530 = (
    "UNAVAILABLE AUTHENTICATIONFAILED AUTHORIZATIONFAILED EXPIRED PRIVACYREQUIRED CONTACTADMIN"
    " NOPERM INUSE EXPUNGEISSUED CORRUPTION SERVERBUG CLIENTBUG CANNOT LIMIT OVERQUOTA"
    " ALREADYEXISTS NONEXISTENT UNKNOWN-CTE"
)


@pytest.mark.parametrize("name", RFC5530.split())
def test_rfc5530_codes(name: str) -> None:
    assert one(f"b NO [{name.lower()}] text") == Status("NO", Code(name), "text", "b")


def test_literals_stand_for_strings_anywhere() -> None:
    assert heard("* LIST () {1}", "/ {7}", 'a\r\nb"]) ("OLDNAME" ({1}', "b))") == [
        List(frozenset(), "/", b'a\r\nb"])', b"b")
    ]
    assert heard("* STATUS {1}", "x (MESSAGES 1)") == [StatusData(b"x", {"MESSAGES": 1})]
    assert heard("* 1 FETCH (FLAGS ({5}", r"\Seen) INTERNALDATE {26}", "17-Jul-1996 02:44:25 -0700)") == [
        Fetch(seq(1), flags=frozenset({r"\Seen"}), internal_date=837596665)
    ]  # fmt: skip


def test_body_kept_in_the_fetch() -> None:
    assert heard("* 3 FETCH (UID 9 BODY[] {7}", "a) x\r\nb)") == [
        Fetch(seq(3), UID(9), sections={"BODY[]": b"a) x\r\nb"})
    ]
    assert heard("* 3 FETCH (BODY[] {2}", "ab BODY[HEADER] ~{1+}", "c UID 9)") == [
        Fetch(seq(3), UID(9), sections={"BODY[]": b"ab", "BODY[HEADER]": b"c"})
    ]


def test_body_streamed() -> None:
    receiver = Receiver(body_threshold=3)
    head = b"* 3 FETCH (UID 9 BODY[] {4}\r\nab"
    assert receiver.receive(head) == [BodyBegin(seq(3), UID(9), "BODY[]", 4), BodyData(b"ab")]
    assert receiver.pending() > 0
    assert receiver.receive(b"") == []
    assert receiver.receive(b"cd BODY[1] {2}\r\nxy)\r\n* 1 EXISTS\r\n") == [
        BodyData(b"cd"),
        BodyEnd(),
        Fetch(seq(3), UID(9), sections={"BODY[]": STREAMED, "BODY[1]": b"xy"}),
        Exists(1),
    ]


def test_bodies_of_one_response_share_the_threshold() -> None:
    receiver = Receiver(body_threshold=3)
    events = receiver.receive(b"* 3 FETCH (BODY[1] {2}\r\nab BODY[2] {2}\r\ncd UID 7)\r\n")
    assert events == [
        BodyBegin(seq(3), None, "BODY[2]", 2),
        BodyData(b"cd"),
        BodyEnd(),
        Fetch(seq(3), UID(7), sections={"BODY[1]": b"ab", "BODY[2]": STREAMED}),
    ]


def test_body_of_a_uidfetch() -> None:
    receiver = Receiver(body_threshold=0)
    events = receiver.receive(b"* 30 UIDFETCH (BODY[] {1}\r\na)\r\n* 0 FETCH (BODY[] {1}\r\nb)\r\n")
    assert events[0] == BodyBegin(None, UID(30), "BODY[]", 1)
    assert events[3] == Fetch(None, UID(30), sections={"BODY[]": STREAMED})
    assert events[4] == BodyBegin(None, None, "BODY[]", 1)


def test_empty_body_is_never_streamed() -> None:
    assert Receiver(body_threshold=0).receive(b"* 1 FETCH (BODY[] {0}\r\n)\r\n") == [
        Fetch(seq(1), sections={"BODY[]": b""})
    ]


def test_events_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Exists(1).count = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Fetch(None).uid = UID(1)  # type: ignore[misc]


def test_the_memo_of_flag_sets_is_bounded() -> None:
    lines = [f"* {n} FETCH (FLAGS (k{n}))" for n in range(1, 5000)]
    assert heard(*lines)[-1] == Fetch(seq(4999), flags=frozenset({"k4999"}))


def test_a_literal_may_end_the_response() -> None:
    assert heard('* LIST () "/" {3}', "a b", "* STATUS {0}", "") == [
        List(frozenset(), "/", b"a b"),
        StatusData(b"", {}),
    ]
