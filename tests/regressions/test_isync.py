"""What mbsync of isync got wrong (reliability.md §2): the numbers are those of its list."""

from __future__ import annotations

import re

import pytest
from sim.server_profile import plain_no_uidplus, strict_qresync
from support.storied import Story

ROOT = "/mail"


def test_12_isync_1_4_1_uidvalidity_changes_and_there_is_no_message_id() -> None:
    """Paired by header and size, in whatever order they come; nothing is sent again."""
    with Story("validity", strict_qresync()) as s:
        for ghost in "abcde":
            body = f"From: a@x.example\nSubject: {ghost}\nX-Ghost: {ghost}\n\nBody {ghost}\n"
            s.oracle.born(ghost, body.encode())
            s.server.deliver("INBOX", body.replace("\n", "\r\n").encode(), (), 1_700_000_000)
        s.tell()
        box = s.server.box("INBOX")
        box.messages = dict(sorted(box.messages.items(), reverse=True))
        s.server.new_uidvalidity("INBOX", shift=2)
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
        s.agree({"INBOX": "a b c d e"})


def test_13_isync_no_uidplus_another_client_marks_meanwhile() -> None:
    """Between our mark and our last look: left there, and said.  A mark that comes between that
    look and EXPUNGE goes with it: without UIDPLUS nothing can close that."""
    with Story("meanwhile", plain_no_uidplus()) as s:
        for ghost in "abx":
            s.serve("INBOX", ghost)
        s.tell()
        s.unlink("INBOX", "a")
        uid = s.uid_of("INBOX", "x")

        def mark(answer: bytes) -> bytes:
            s.server.set_flags("INBOX", uid, ["\\Deleted"])
            return answer

        s.server.fault("UID STORE", mark)
        ran = s.tell()
        assert (ran.exit, ran.commands["EXPUNGE"]) == (1, 0)
        assert s.server.ghosts("INBOX")["x"] == 1


def test_31_isync_u_in_file_names_is_no_identity() -> None:
    """mbsync's `,U=`: a file copied with its name to another mailbox is another message there."""
    with Story("names", strict_qresync()) as s:
        s.serve("INBOX", "a")
        s.serve("Trash", "b")
        s.tell()
        for box, ghost in (("INBOX", "c"), ("Trash", "d")):
            path = s.file(box, ghost, ":2,S")
            s.rename(path, f"{ROOT}/{box}/cur/1700000000.1_1.host,U=1:2,S")
        s.tell()
        s.agree({"INBOX": "a c:S", "Trash": "b d:S"})


def test_33_isync_1_2_1_no_appenduid_and_others_deliver_meanwhile() -> None:
    """seznam.cz: what came between UIDNEXT and our upload is not ours; nothing goes twice."""
    with Story("race", plain_no_uidplus()) as s:
        s.file("INBOX", "a", ":2,F")
        s.file("INBOX", "b")

        def deliver(answer: bytes) -> bytes:
            if "z" not in s.oracle.bodies:
                s.serve("INBOX", "z", "\\Seen")
            return answer

        s.server.fault("APPEND", deliver, sticky=True)
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded) == (0, 2)
        s.server.faults.clear()
        s.tell()
        s.agree({"INBOX": "a:F b z:S"})


CODES = [
    b"APPENDUID 1700000001 1",
    b"UIDVALIDITY 1",
    b"HIGHESTMODSEQ 9223372036854775807",
]


@pytest.mark.parametrize("code", CODES)
def test_47_isync_cve_2021_3578_a_response_code_where_none_belongs(code: bytes) -> None:
    """In the tagged answers of commands that have nothing to do with it."""

    def add(answer: bytes) -> bytes:
        return re.sub(rb"(?m)^(\S+ OK )(?!\[)", rb"\1[" + code + rb"] ", answer)

    with Story("code", strict_qresync()) as s:
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        s.flag("INBOX", "a", "F")
        s.file("INBOX", "c")
        for command in ("NOOP", "LIST", "UID FETCH", "UID SEARCH", "ENABLE", "ID"):
            s.server.fault(command, add, sticky=True)
        s.tell()
        s.serve("INBOX", "d")
        s.tell()
        s.server.faults.clear()
        s.tell()
        s.agree({"INBOX": "a:F b c d"})
