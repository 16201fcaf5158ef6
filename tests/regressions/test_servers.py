"""What servers do that cost others mail (reliability.md §2): the numbers are those of its list."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from sim.net import Cut
from sim.server_profile import Profile, condstore, plain, strict_qresync
from support.storied import Story

KINDS = [strict_qresync, condstore, plain]


def test_14_go_imap_276_a_copy_that_is_refused_deletes_nothing() -> None:
    """MOVE by hand: the source is not even marked, and what others marked stays."""
    with Story("copy", replace(plain(), move=False)) as s:
        for ghost in "abx":
            s.serve("INBOX", ghost)
        s.server.create("Work")
        s.tell()
        s.server.set_flags("INBOX", s.uid_of("INBOX", "x"), ["\\Deleted"])
        s.move_file("INBOX", "a", "Work")
        s.server.fault("UID COPY", "NO no room", sticky=True)
        ran = s.tell()
        assert ran.exit == 1
        assert ran.commands["EXPUNGE"] == ran.commands["UID EXPUNGE"] == 0
        views = s.oracle.server_views(s.server)["INBOX"]
        assert dict(views) == {("a", ""): 1, ("b", ""): 1, ("x", "T"): 1}
        s.server.faults.clear()
        assert s.tell(pause=24 * 3600).exit == 0
        s.agree({"INBOX": "b x:T", "Work": "a"})


@pytest.mark.parametrize("kind", KINDS)
def test_15_mutt_2021_lines_are_missing_in_a_listing(kind: Callable[[], Profile]) -> None:
    """Nothing is taken for deleted, and all is seen when the server shows it again."""

    def omit(answer: bytes) -> bytes:
        return re.sub(rb"\* 2 FETCH \([^\r]*\r\n", b"", answer)

    with Story("gaps", kind()) as s:
        for ghost in "abcde":
            s.serve("INBOX", ghost)
        s.tell()
        s.server.fault("UID FETCH", omit, sticky=True)
        s.server.set_flags("INBOX", [1, 2, 3], ["\\Seen"])
        s.serve("INBOX", "f")
        ran = s.tell()
        assert ran.total.removed == 0
        s.server.faults.clear()
        s.tell()
        s.tell(pause=25 * 3600)  # a flag that CONDSTORE forgot to tell comes with the audit
        s.agree({"INBOX": "a:S b:S c:S d e f"})


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        *[(strict_qresync, one) for one in ("SELECT", "UID FETCH", "UID STORE", "APPEND", "LIST")],
        *[(kind, one) for kind in (condstore, plain) for one in ("UID FETCH", "APPEND")],
    ],
)
def test_16_mailspring_141_expunged_while_any_command_runs(
    kind: Callable[[], Profile], command: str
) -> None:
    """The VANISHED or EXPUNGE may come with any answer; none is lost behind a newer cursor."""
    with Story("vanished", kind()) as s:
        for ghost in "abcd":
            s.serve("INBOX", ghost)
        s.tell()
        s.flag("INBOX", "b", "F")
        s.file("INBOX", "e")
        s.serve("INBOX", "f")
        done: list[str] = []

        def expunge(answer: bytes) -> bytes:
            if not done:
                done.append("c")
                s.expunge("INBOX", "c")
            return answer

        s.server.fault(command, expunge, sticky=True)
        s.tell()
        s.server.faults.clear()
        s.tell()
        s.agree({"INBOX": "a b:F d e f"})


@pytest.mark.parametrize("kind", [strict_qresync, condstore])
def test_19_purelymail_446_highestmodseq_is_0(kind: Callable[[], Profile]) -> None:
    """It costs listings, never the cache: no body comes twice."""

    def zero(answer: bytes) -> bytes:
        return re.sub(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ 0", answer)

    with Story("zero", kind()) as s:
        for command in ("SELECT", "LIST", "STATUS"):
            s.server.fault(command, zero, sticky=True)
        s.serve("INBOX", "a")
        s.serve("INBOX", "b")
        assert s.tell().exit == 0
        s.server.set_flags("INBOX", 1, ["\\Seen"])
        s.expunge("INBOX", "b")
        s.serve("INBOX", "c")
        ran = s.tell()
        assert (ran.exit, ran.fetched) == (0, 1)
        s.agree({"INBOX": "a:S c"})


@pytest.mark.parametrize("kind", [strict_qresync, condstore])
def test_20_emailengine_a_modseq_beyond_53_bits(kind: Callable[[], Profile]) -> None:
    with Story("large", kind()) as s:
        s.server.box("INBOX").highest = 2**62 + 1
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        s.idle()
        s.server.set_flags("INBOX", 2, ["\\Seen"])
        s.expunge("INBOX", "c")
        ran = s.tell()
        assert (ran.exit, ran.fetched) == (0, 0)
        s.agree({"INBOX": "a b:S"})


@pytest.mark.parametrize("uidplus", [True, False])
def test_23_imapsync_260_mail_arrives_while_we_delete(uidplus: bool) -> None:
    with Story("arrival", replace(plain(), uidplus=uidplus)) as s:
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        s.unlink("INBOX", "a")

        def deliver(answer: bytes) -> bytes:
            if "z" not in s.oracle.bodies:
                s.serve("INBOX", "z")
            return answer

        s.server.fault("UID STORE", deliver)
        s.tell()
        s.tell()
        s.agree({"INBOX": "b z"})


def test_25_mailkit_1615_a_listed_message_is_not_given() -> None:
    """Office 365: OK, and no FETCH.  It stays to be done, is said, and is never deleted."""
    with Story("nobody", strict_qresync()) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.server.missing_bodies.add((b"INBOX", 2))
        for _ in range(3):
            ran = s.tell()
            assert ran.exit == 1, ran.report
            assert s.server.ghosts("INBOX") == {"a": 1, "b": 1, "c": 1}
        s.server.missing_bodies.clear()
        assert s.tell(pause=24 * 3600).exit == 0
        s.agree({"INBOX": "a b c"})


@pytest.mark.parametrize("size", [b"0", b"1", b"19189"])
def test_26_vandelay_12_the_size_is_an_estimate(size: bytes) -> None:
    """Exchange; imapsync skipped size 0, others threw the message away."""

    def estimate(answer: bytes) -> bytes:
        return re.sub(rb"RFC822\.SIZE \d+", b"RFC822.SIZE " + size, answer)

    with Story("size", strict_qresync()) as s:
        s.server.fault("UID FETCH", estimate, sticky=True)
        s.serve("INBOX", "a")
        s.file("INBOX", "b")
        assert s.tell().exit == 0
        s.agree({"INBOX": "a b"})


def test_27_k9_4364_one_uid_in_two_mailboxes() -> None:
    with Story("same uid", strict_qresync()) as s:
        s.serve("INBOX", "a")
        s.serve("Trash", "b")
        s.tell()
        assert s.uid_of("INBOX", "a") == s.uid_of("Trash", "b")
        s.flag("INBOX", "a", "F")
        s.expunge("Trash", "b")
        s.tell()
        s.agree({"INBOX": "a:F", "Trash": ""})


@pytest.mark.parametrize("after", [0, 60, 150, 400])
def test_30_mailspring_1948_a_listing_that_breaks_off(after: int) -> None:
    with Story("partial", plain()) as s:
        for ghost in "abcdefgh":
            s.serve("INBOX", ghost)
        s.tell()
        s.server.fault("UID FETCH", after)
        ran = s.tell()
        assert ran.total.removed == 0
        s.tell()
        s.agree({"INBOX": "a b c d e f g h"})


@pytest.mark.parametrize("wrong", [b"2:1", b"2,1", b"7:8", b"1", b"1:3"])
def test_32_mailkit_1405_copyuid_pairs_the_wrong_messages(wrong: bytes) -> None:
    """Yahoo counts down; a pair is believed only when the message itself says the same."""

    def pair(answer: bytes) -> bytes:
        return re.sub(rb"(COPYUID \d+ \S+) [\d:,]+", rb"\1 " + wrong, answer)

    with Story("pairs", strict_qresync()) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.server.create("Work")
        s.tell()
        for ghost in "ab":
            s.move_file("INBOX", ghost, "Work")
        s.server.fault("UID MOVE", pair)
        s.tell()
        s.server.set_flags("Work", s.uid_of("Work", "b"), ["\\Flagged"])
        s.tell(pause=3600)
        s.agree({"INBOX": "c", "Work": "a b:F"})


def test_37_import_mailbox_56_gmail_merges_an_upload_with_what_it_has() -> None:
    """APPENDUID names the message that was there; nothing is stored, nothing is lost."""
    with Story("merged", plain()) as s:
        s.serve("INBOX", "a")
        s.file("INBOX", "b")

        def merge(answer: bytes) -> bytes:
            s.server.expunge("INBOX", s.uid_of("INBOX", "b"))
            return re.sub(rb"APPENDUID (\d+) \d+", rb"APPENDUID \1 1", answer)

        s.server.fault("APPEND", merge)
        for _ in range(3):
            s.tell(pause=24 * 3600)
        s.agree({"INBOX": "a b"})


def test_40_proton_bridge_123_uidplus_is_announced_and_refused() -> None:
    """No APPENDUID, another Message-ID, and UID EXPUNGE is refused: marked, said, not lost."""

    def other_id(body: bytes) -> bytes:
        return re.sub(rb"Message-ID: <(\w+)@", rb"Message-ID: <proton-\1@", body)

    def silent(answer: bytes) -> bytes:
        return re.sub(rb"\[APPENDUID [^\]]*\] ?", b"", answer)

    with Story("proton", replace(plain(), alter=other_id)) as s:
        s.server.fault("APPEND", silent, sticky=True)
        s.server.fault("UID EXPUNGE", "NO not allowed", sticky=True)
        s.serve("INBOX", "a")
        s.file("INBOX", "b")
        s.tell()
        s.tell()
        assert s.server.ghosts("INBOX") == {"a": 1, "b": 1}
        s.unlink("INBOX", "a")
        for _ in range(2):
            ran = s.tell()
            assert ran.exit == 1
            assert ran.commands["EXPUNGE"] == 0
        assert s.server.ghosts("INBOX") == {"a": 1, "b": 1}
        s.server.faults.clear()
        assert s.tell(pause=24 * 3600).exit == 0
        assert s.server.ghosts("INBOX") == {"b": 1}


@pytest.mark.parametrize("start", [1, 2])
def test_42_fetchmail_silence_after_any_byte(start: int) -> None:
    """Every connection goes silent there and stays open: each wait ends, and is said."""
    for at in range(start, 10_000, 211):
        with Story("silence", plain()) as s:
            s.serve("INBOX", "a")
            s.file("INBOX", "b")
            s.tell()
            s.serve("INBOX", "c")
            s.flag("INBOX", "a", "F")
            s.cuts = [Cut(down=at, silent=True)] * 50
            began = s.server.time.now
            ran = s.tell()
            assert s.server.time.now - began < 3600
            s.cuts = []
            if ran.exit:
                assert "no progress" in ran.text, (at, ran.report)
                assert s.tell(pause=3600).exit == 0
            s.agree({"INBOX": "a:F b c"})
            if ran.exit == 0:  # that byte is the last or beyond
                return
    raise AssertionError("the run never came to its end")
