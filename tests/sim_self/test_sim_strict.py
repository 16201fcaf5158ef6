"""What SimServer refuses by the letter, and what it does wrong on request."""

from __future__ import annotations

import pytest
from sim.raw import entered, filled, say
from sim.server import SimServer, talk
from sim.server_faults import Stop
from sim.server_profile import plain_no_uidplus


def test_bytes_before_the_continuation_are_a_violation() -> None:
    server = SimServer()
    talk(entered(server), b"A APPEND INBOX {4}\r\nabcd\r\n")
    assert "before the continuation" in server.violations[0]


def test_a_bad_append_with_a_literal_plus_executes_the_body() -> None:
    """protocol.md §0.3: why the client's first literal is synchronising."""
    server = SimServer()
    body = b"x CREATE injected\r\n"
    talk(entered(server), b"A APPEND INBOX (\\Recent) {%d+}\r\n" % len(body) + body + b"\r\n")
    assert b"injected" in server.boxes
    assert any("\\Recent" in line for line in server.violations)


@pytest.mark.parametrize(
    "line",
    [
        "UID FETCH  (FLAGS)",
        "UID STORE 1 +FLAGS (\\Recent)",
        "STORE 1 +FLAGS (\\Seen)",
        "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 3 VANISHED)",
        "UID FETCH 1:5 (FLAGS) (CHANGEDSINCE 0)",
        "UID SEARCH HEADER Message-ID <a> \xff",
        "UID FETCH 0 (FLAGS)",
        "UID FETCH 1 ENVELOPE",
        "SELECT INBOX (QRESYNC (1 1))",
        "NONSENSE",
        "CREATE a&b",
        'APPEND INBOX "1-Feb-2020 01:02:03 +0100" {3}',
    ],
)
def test_what_a_client_must_not_say(line: str) -> None:
    server = filled()
    session = entered(server, "SELECT INBOX")
    out = talk(session, b"A " + line.encode("latin-1") + b"\r\n")
    assert b" BAD " in out
    assert len(server.violations) == 1


def test_line_ends_are_crlf() -> None:
    server = SimServer()
    assert b"BAD" in talk(entered(server), b"A NOOP\n")
    assert b"BAD" in talk(entered(server), b"A NO\rOP\r\n")
    assert len(server.violations) == 2


def test_what_was_not_offered_is_refused() -> None:
    server = filled(plain_no_uidplus())
    session = entered(server, "SELECT INBOX")
    for line in (
        "UID EXPUNGE 1",
        "UID MOVE 1 INBOX",
        "ENABLE QRESYNC",
        'LIST "" "*" RETURN (STATUS (MESSAGES))',
        "UID SEARCH RETURN (ALL) ALL",
        "STATUS INBOX (HIGHESTMODSEQ)",
        "UID FETCH 1 (EMAILID)",
        "UNSELECT",
        "ID NIL",
        "IDLE",
        "APPEND INBOX {3+}",
    ):
        assert say(session, line)[-1].startswith("BAD"), line


def test_scripted_faults() -> None:
    server = filled()
    server.fault("NOOP", "NO [UNAVAILABLE] later", nth=2)
    server.fault("CHECK", Stop.CUT_AFTER)
    session = entered(server, "SELECT INBOX")
    assert say(session, "NOOP", "NOOP", "NOOP") == ["OK Done", "NO [UNAVAILABLE] later", "OK Done"]
    assert say(session, "CHECK") == []
    assert session.closed
    session = entered(server, "SELECT INBOX")
    server.fault("UID STORE", 12)
    assert talk(session, b"A UID STORE 1 +FLAGS (\\Seen)\r\n") == b"* 1 FETCH (U"
    assert server.box("INBOX").messages[1].flags == {"\\Seen"}
    server.fault("APPEND", "NO [OVERQUOTA] full", early=True)
    session = entered(server)
    assert talk(session, b"A APPEND INBOX {3}\r\n") == b"A NO [OVERQUOTA] full\r\n"
    server.fault("NOOP", lambda said: said.replace(b"OK", b"NO"))
    assert say(session, "NOOP") == ["NO Done"]
    server.refuse_store.add((b"INBOX", 2))
    session = entered(server, "SELECT INBOX")
    answers = say(session, "UID STORE 2:3 +FLAGS.SILENT (\\Draft)")
    assert answers[-1].startswith("NO [CANNOT]")
    assert [m.uid for m in server.messages("INBOX") if "\\Draft" in m.flags] == [3]
    assert server.counts()["UID STORE"] == 2
    assert [r.name for r in server.changing()] == ["UID STORE", "UID STORE"]
