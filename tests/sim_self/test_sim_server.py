"""SimServer by raw dialogues, many of them the RFCs' own."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace

from sim.raw import entered, filled, mail, say
from sim.server import SimServer, talk
from sim.server_profile import condstore, plain, plain_no_uidplus, strict_qresync


def test_greeting_login_and_capabilities() -> None:
    server = SimServer()
    session = server.session()
    session.greet()
    greeting = session.drain()
    assert greeting.startswith(b"* OK [CAPABILITY IMAP4rev1 SASL-IR")
    assert b"AUTH=PLAIN" in greeting
    assert b"UIDPLUS" not in greeting
    assert say(session, "LOGIN joe wrong") == ["NO [AUTHENTICATIONFAILED] Authentication failed."]
    (answer,) = say(session, 'LOGIN "joe" "secret"')
    assert answer.startswith("OK [CAPABILITY IMAP4rev1")
    assert "QRESYNC" in answer
    assert server.failed_logins == 1
    assert server.violations == []


def test_authenticate_plain_with_and_without_initial_response() -> None:
    for profile, lines in (
        (strict_qresync(), [b"A AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=\r\n"]),
        (plain(), [b"A AUTHENTICATE PLAIN\r\n", b"AGpvZQBzZWNyZXQ=\r\n"]),
    ):
        session = SimServer(profile).session()
        assert b"A OK" in b"".join(talk(session, line) for line in lines)
        assert session.user == "joe"


def test_select_shows_the_state_and_recent_once() -> None:
    server = filled()
    session = entered(server)
    answers = say(session, "SELECT INBOX")
    assert "* 3 EXISTS" in answers
    assert "* 3 RECENT" in answers
    assert "* OK [UIDNEXT 4] Predicted next UID" in answers
    assert answers[-1] == "OK [READ-WRITE] Select completed"
    assert "* 0 RECENT" in say(entered(server), "SELECT inbox")


def test_sequence_numbers_are_the_sessions_own() -> None:
    server = filled(plain())
    session = entered(server, "SELECT INBOX")
    server.expunge("INBOX", 1)
    server.deliver("INBOX", mail(4))
    # RFC 3501 §7.4.1: no EXPUNGE while FETCH runs; message 2 is still UID 2.
    answers = say(session, "FETCH 2 (UID)")
    assert answers == ["* 2 FETCH (UID 2)", "* 4 EXISTS", "* 4 RECENT", "OK Fetch completed"]
    assert say(session, "FETCH 1 (UID)") == [
        "NO [EXPUNGEISSUED] Some of the messages no longer exist."
    ]
    assert say(session, "NOOP") == ["* 1 EXPUNGE", "OK Done"]
    assert say(session, "FETCH 1 (UID)")[0] == "* 1 FETCH (UID 2)"


def test_expunges_may_come_with_uid_commands() -> None:
    server = filled(plain())
    session = entered(server, "SELECT INBOX")
    server.expunge("INBOX", [1, 2])
    assert say(session, "UID FETCH 1:* (FLAGS)") == [
        "* 3 FETCH (UID 3 FLAGS (\\Recent))",
        "* 1 EXPUNGE",
        "* 1 EXPUNGE",
        "OK Fetch completed",
    ]


def test_flag_changes_of_another_client() -> None:
    server = filled(condstore())
    session = entered(server, "SELECT INBOX (CONDSTORE)")
    server.set_flags("INBOX", 2, ["\\Flagged"])
    assert say(session, "NOOP") == ["* 2 FETCH (MODSEQ (5) FLAGS (\\Flagged \\Recent))", "OK Done"]
    assert say(session, "NOOP") == ["OK Done"]
    old = entered(filled(plain()), "SELECT INBOX")
    old.server.set_flags("INBOX", 2, ["\\Flagged"])
    assert say(old, "NOOP")[0] == "* 2 FETCH (FLAGS (\\Flagged \\Recent))"


def test_unchangedsince() -> None:
    server = filled()
    session = entered(server, "SELECT INBOX (CONDSTORE)")
    server.set_flags("INBOX", 2, ["\\Seen"])
    assert say(session, "UID STORE 1:3 (UNCHANGEDSINCE 4) +FLAGS.SILENT (\\Deleted)") == [
        "* 1 FETCH (UID 1 MODSEQ (6))",
        "* 3 FETCH (UID 3 MODSEQ (7))",
        "* 2 FETCH (UID 2 MODSEQ (5) FLAGS (\\Seen \\Recent))",
        "OK [MODIFIED 2] Conditional store failed",
    ]
    assert "\\Deleted" not in server.box("INBOX").messages[2].flags


def test_qresync_select_and_vanished() -> None:
    server = filled(count=5)
    validity = server.box("INBOX").uid_validity
    server.expunge("INBOX", [2, 3])
    server.set_flags("INBOX", 5, ["\\Seen"])
    session = entered(server, "ENABLE QRESYNC")
    answers = say(session, f"SELECT INBOX (QRESYNC ({validity} 6))")
    assert answers[-3:] == [
        "* VANISHED (EARLIER) 2:3",
        "* 3 FETCH (UID 5 FLAGS (\\Seen \\Recent) MODSEQ (8))",
        "OK [READ-WRITE] Select completed",
    ]
    server.expunge("INBOX", 4)
    assert say(session, "NOOP") == ["* VANISHED 4", "OK Done"]
    answers = say(session, "UID FETCH 1:4294967295 (FLAGS) (CHANGEDSINCE 7 VANISHED)")
    assert answers[0] == "* VANISHED (EARLIER) 4"
    other = say(session, f"SELECT INBOX (QRESYNC ({validity + 1} 6))")
    assert not [line for line in other if "VANISHED" in line]
    assert other[0] == "* OK [CLOSED] Previous mailbox closed."
    known = say(session, f"SELECT INBOX (QRESYNC ({validity} 6 3:5))")
    assert "* VANISHED (EARLIER) 3:4" in known
    assert server.violations == []


def test_a_short_log_names_more_than_was_asked() -> None:
    server = SimServer(replace(strict_qresync(), vanished_log=1))
    for number in range(1, 6):
        server.deliver("INBOX", mail(number))
    for uid in (1, 3, 4):
        server.expunge("INBOX", uid)
    session = entered(server, "ENABLE QRESYNC")
    validity = server.box("INBOX").uid_validity
    assert "* VANISHED (EARLIER) 1,3:4" in say(session, f"SELECT INBOX (QRESYNC ({validity} 7))")


def test_append_waits_for_the_continuation() -> None:
    server = SimServer()
    session = entered(server)
    body = mail(7)
    out = talk(session, b"A APPEND INBOX (\\Seen) {%d}\r\n" % len(body))
    assert out == b"+ go on\r\n"
    out = talk(session, body + b"\r\n")
    assert re.fullmatch(rb"A OK \[APPENDUID \d+ 1\] Append completed\r\n", out)
    (message,) = server.messages("INBOX")
    assert (message.body, message.flags, message.ghost) == (body, {"\\Seen"}, "g7")
    assert server.violations == []


def test_multiappend_is_all_or_nothing() -> None:
    server = SimServer()
    session = entered(server)
    date = b'" 5-Feb-2020 01:02:03 +0100"'
    out = talk(session, b"A APPEND INBOX (\\Seen) " + date + b" {2+}\r\nab {0+}\r\n\r\n")
    assert out == b"A NO [CANNOT] Can't save a zero byte message.\r\n"
    assert server.messages("INBOX") == []
    out = talk(session, b"A APPEND INBOX " + date + b" {2+}\r\nab ~{3+}\r\nc\0d\r\n")
    assert re.fullmatch(rb"A OK \[APPENDUID \d+ 1:2\] Append completed\r\n", out)
    assert server.messages("INBOX")[0].date == 1580860923
    assert server.violations == []


def test_copy_move_expunge() -> None:
    server = filled(count=4)
    server.create("Work/Deep")
    session = entered(server, "SELECT INBOX")
    assert say(session, "UID COPY 1 Nowhere")[0].startswith("NO [TRYCREATE]")
    (answer,) = say(session, "UID COPY 1,3 Work/Deep")
    assert re.fullmatch(r"OK \[COPYUID \d+ 1,3 1:2\] Copy completed", answer)
    answers = say(session, "UID MOVE 2:3 Work/Deep")
    assert re.fullmatch(r"\* OK \[COPYUID \d+ 2:3 3:4\] Moved UIDs.", answers[0])
    assert answers[1:] == ["* 2 EXPUNGE", "* 2 EXPUNGE", "OK Move completed"]
    assert say(session, "UID MOVE 77 Work/Deep") == ["OK No messages found."]
    say(session, "UID STORE 1,4 +FLAGS.SILENT (\\Deleted)")
    assert say(session, "UID EXPUNGE 4") == ["* 2 EXPUNGE", "OK Expunge completed"]
    assert [m.uid for m in server.messages("INBOX")] == [1]
    assert server.ghosts("Work/Deep") == {"g1": 1, "g2": 1, "g3": 2}
    ids = {m.ghost: m.email_id for m in server.messages("Work/Deep")}
    assert ids["g1"] == server.messages("INBOX")[0].email_id


def test_fetch_of_bodies() -> None:
    server = filled(count=2)
    session = entered(server, "SELECT INBOX")
    body = mail(1)
    out = talk(session, b"A UID FETCH 1 (BODY.PEEK[] RFC822.SIZE INTERNALDATE EMAILID)\r\n")
    assert b"BODY[] {%d}\r\n" % len(body) + body + b" RFC822.SIZE %d" % len(body) in out
    assert re.search(rb'INTERNALDATE "[ \d]\d-\w{3}-\d{4} [\d:]{8} \+0000" EMAILID \(M\d+\)\)', out)
    head = talk(session, b"A UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (message-id)])\r\n")
    assert b"BODY[HEADER.FIELDS (MESSAGE-ID)] {21}\r\nMessage-ID: <1@x>\r\n\r\n)" in head
    assert server.box("INBOX").messages[1].flags == set()
    assert b"FLAGS (\\Seen \\Recent)" in talk(session, b"A UID FETCH 1 (BODY[])\r\n")
    server.nil_bodies.add((b"INBOX", 1))
    server.missing_bodies.add((b"INBOX", 2))
    assert say(session, "UID FETCH 1:2 (BODY.PEEK[])") == [
        "* 1 FETCH (UID 1 BODY[] NIL)",
        "OK Fetch completed",
    ]
    assert server.bodies_sent == 2


def test_list_and_status() -> None:
    server = SimServer()
    server.create("Sent", ["\\Sent"])
    server.create("A/B")
    session = entered(server)
    assert say(session, 'LIST "" "*"') == [
        '* LIST (\\Noselect \\HasChildren) "/" "A"',
        '* LIST (\\HasNoChildren) "/" "A/B"',
        '* LIST (\\HasNoChildren) "/" "INBOX"',
        '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
        "OK List completed",
    ]
    assert len(say(session, 'LIST "" "%"')) == 4
    answers = say(session, 'LIST "" "Sent" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT))')
    assert answers[:2] == [
        '* LIST (\\Sent) "/" "Sent"',
        '* STATUS "Sent" (MESSAGES 0 UIDNEXT 1)',
    ]
    assert say(session, "STATUS Nope (MESSAGES)")[0].startswith("NO [NONEXISTENT]")
    assert say(session, "CREATE A/B")[0].startswith("NO [ALREADYEXISTS]")
    assert say(session, "RENAME A C", "SUBSCRIBE C/B")[0].startswith("OK")
    assert b"C/B" in server.boxes
    assert say(session, "DELETE INBOX")[0].startswith("NO [CANNOT]")
    assert '* LSUB () "/" "C/B"' in say(session, 'LSUB "" "*"')


def test_search() -> None:
    server = filled(count=4)
    server.set_flags("INBOX", [2, 3], ["\\Deleted", "$Junk"])
    session = entered(server, "SELECT INBOX")
    for line, expected in (
        ("ALL", "1 2 3 4"),
        ("UID 3:4294967295", "3 4"),
        ("DELETED", "2 3"),
        ("UNDELETED UID 1:3", "1"),
        ("HEADER Message-ID <3@x>", "3"),
        ('HEADER "message-id" "nobody"', ""),
        ("NOT (DELETED)", "1 4"),
        ("OR UID 1 KEYWORD $junk", "1 2 3"),
    ):
        assert say(session, f"UID SEARCH {line}")[0] == f"* SEARCH {expected}".rstrip()
    assert say(session, "UID SEARCH RETURN (ALL COUNT) DELETED")[0] == (
        '* ESEARCH (TAG "A") UID ALL 2:3 COUNT 2'
    )
    assert say(session, "UID SEARCH RETURN (ALL) UID 99")[0] == '* ESEARCH (TAG "A") UID'


def test_keywords_and_permanent_flags() -> None:
    server = filled(plain_no_uidplus())
    session = entered(server)
    permanent = "\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded"
    shown = say(session, "SELECT INBOX")
    assert f"* OK [PERMANENTFLAGS ({permanent})] Flags permitted." in shown
    say(session, "UID STORE 1 +FLAGS ($forwarded mine)")
    assert server.box("INBOX").messages[1].flags == {"$forwarded"}


def test_a_mailbox_that_changes_under_a_session_ends_it() -> None:
    server = filled()
    session = entered(server, "SELECT INBOX")
    server.new_uidvalidity("INBOX", shift=10)
    assert say(session, "UID FETCH 1 (FLAGS)")[0].startswith("* BYE")
    assert session.closed
    assert [m.uid for m in server.messages("INBOX")] == [11, 12, 13]


def test_idle_reports_at_once() -> None:
    server = filled()
    session = entered(server, "SELECT INBOX")
    assert say(session, "IDLE") == ["+ idling"]
    server.deliver("INBOX", mail(9))
    session.tell_news()
    assert session.drain() == b"* 4 EXISTS\r\n* 4 RECENT\r\n"
    assert talk(session, b"DONE\r\n") == b"A OK Idle completed\r\n"


def test_compress() -> None:
    session = entered(SimServer())
    assert say(session, "COMPRESS DEFLATE") == ["OK DEFLATE active"]
    up, down = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
    said = up.compress(b"B NOOP\r\n") + up.flush(zlib.Z_SYNC_FLUSH)
    assert down.decompress(talk(session, said)) == b"B OK Done\r\n"
