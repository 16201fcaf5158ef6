"""Random runs as data, what makes them small, and that their ledger finds harm."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace

import pytest
from sim.disk import SimDisk
from sim.events import Act, Fault, Pause, Run, Sync
from sim.fs import SimFs
from sim.ledger import Ledger
from sim.liar import LIES, lines_of
from sim.make_run import make_run
from sim.play import SERVER_SINCE, play
from sim.rand import SimRand
from sim.shrink import shrunk
from sim.stack import Stack

from mailsync.model.checked import AccountCheck, Difference, MailboxCheck
from mailsync.modes import cycle, decide
from mailsync.planner import flags, verdict
from mailsync.planner.policy import Bounds, Ground

SYNC = Sync((0,), 1)


def run_of(*events: Act | Sync | Pause) -> Run:
    return Run("self", events=events)


def test_a_run_is_kept_as_text() -> None:
    for number in range(30):
        run = make_run(f"text.{number}")
        assert Run.load(run.dump()) == run


def test_a_run_is_made_small() -> None:
    run = make_run("small.1")
    assert len(run.events) > 10

    def fails(one: Run) -> bool:
        return sum(isinstance(event, Sync) for event in one.events) >= 2

    small = shrunk(run, fails)
    assert [type(event) for event in small.events] == [Sync, Sync]
    assert small.parts() == [(0, "event", 0), (1, "event", 0)]


def test_lines_of_an_answer_keep_their_literals() -> None:
    answer = b"* 1 FETCH (BODY[] {4}\r\na\r\nb)\r\nt OK done\r\n"
    assert lines_of(answer) == [b"* 1 FETCH (BODY[] {4}\r\na\r\nb)", b"t OK done"]


def test_each_lie_is_a_word_without_comma() -> None:
    assert not any("," in kind for kind in LIES)


class TestNames:
    def disk(self, names: str) -> SimFs:
        disk = SimDisk()
        disk.names = names
        fs = SimFs(SimRand(1), disk)
        fs.mkdir("/d")
        fs.create("/d/K\u00e4se").close()
        return fs

    def test_posix_keeps_them_apart(self) -> None:
        fs = self.disk("posix")
        fs.create("/d/k\u00e4se").close()
        assert len(fs.files()) == 2

    @pytest.mark.parametrize("names", ["fold", "nfd"])
    def test_another_spelling_is_the_same_file(self, names: str) -> None:
        fs = self.disk(names)
        with pytest.raises(FileExistsError):
            fs.create("/d/k\u00e4SE")
        assert fs.stat("/d/KA\u0308SE").kind == "file"
        shown = "Ka\u0308se" if names == "nfd" else "K\u00e4se"
        assert [name for name, _ in fs.list("/d")] == [shown]
        fs.replace("/d/k\u00e4se", "/d/K\u00c4SE")
        assert [name for name, _ in fs.list("/d")] == [shown]
        fs.rename("/d/k\u00e4se", "/d/other")
        assert [name for name, _ in fs.list("/d")] == ["other"]


class TestLedger:
    """What it does not find here, it would not find in earnest."""

    def test_nothing_wrong(self) -> None:
        done = play(run_of(Act("server", "serve", ("a", "INBOX", "S")), SYNC))
        assert done.wrong == ""
        assert done.syncs == 4

    def test_a_deletion_that_comes_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gone, there = verdict.Presence.GONE, verdict.Presence.THERE
        monkeypatch.setitem(verdict.TABLE, (gone, there), lambda *_: verdict.PUT_BACK_UP)
        run = run_of(
            Act("server", "serve", ("a", "INBOX", "")),
            *(SYNC, SYNC),
            Act("server", "expunge", ("a", "INBOX")),
        )
        assert "I3" in play(run).wrong

    def test_an_upload_that_is_doubled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def blind(*_: object) -> list[object]:
            return []

        async def nothing(*_: object, **__: object) -> bool:
            return False

        monkeypatch.setattr(cycle, "resolve", blind)
        monkeypatch.setattr(cycle, "wait_and_resolve", nothing)
        monkeypatch.setattr(sys.modules["mailsync.executor.upload"], "link_appended", blind)
        wrong = play(run_of(Act("0", "file", ("a", "INBOX", "")), SYNC)).wrong
        assert wrong != ""

    def test_flags_and_places(self) -> None:
        ledger = Ledger(letters="DFPRST")
        ledger.born("a", "INBOX", "S")
        ledger.flagged("a", {"F": True})

        def judge(box: str, letters: str, count: int = 1) -> str:
            return ledger.judge({box: Counter({("a", letters): count})})

        assert judge("INBOX", "FS") == ""
        assert "I9" in judge("INBOX", "S")
        assert "I9" in judge("INBOX", "F")
        assert "I2" in judge("INBOX", "FS", 2)
        assert "I11" in judge("Work", "FS")
        assert "I1" in ledger.judge({})
        ledger.moved("a", "INBOX", "Work")
        ledger.deeds["a"].restless = False
        assert judge("Work", "FS") == ""

    def test_what_is_at_rest_is_judged_before_it_counts_as_what_users_wanted(self) -> None:
        for box, letters, wrong in (
            ("INBOX", "FS", ""),
            ("INBOX", "S", "I9"),
            ("Work", "FS", "I11"),
            ("", "", "I1"),
        ):
            ledger = Ledger(letters="DFPRST", now=1)
            ledger.born("a", "INBOX", "S")
            ledger.flagged("a", {"F": True})
            view = {box: Counter({("a", letters): 1})} if box else {}
            assert ledger.rest([view, view], 1).startswith(wrong)
            assert bool(wrong) != ledger.deeds["a"].at_rest

    def test_a_flag_that_changes_by_itself_later(self) -> None:
        ledger = Ledger(letters="DFPRST", now=1)
        ledger.born("a", "INBOX", "S")
        for letters, wrong in (("S", False), ("FS", True)):
            view = {"INBOX": Counter({("a", letters): 1})}
            assert bool(ledger.rest([view, view], 1)) is wrong

    def test_flags_of_one_side_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(flags, "merge", lambda base, server, local: local)
        run = run_of(
            Act("server", "serve", ("a", "INBOX", "")),
            SYNC,
            Act("server", "sflag", ("a", "INBOX", "F")),
            SYNC,
        )
        assert "I9" in play(run).wrong


class TestAsked:
    """What a sync was asked to leave alone, and what a person decides."""

    NEW = (Act("server", "serve", ("a", "Work", "")), Act("0", "file", ("b", "Work", "")))
    GONE = (SYNC, SYNC, Act("0", "unlink", ("b", "Work")), Act("server", "expunge", ("a", "Work")))
    CASES = (
        ("dry_run", ()),
        ("pull", ()),
        ("push", ()),
        ("no_delete", GONE),
        ("only INBOX", ()),
    )

    @pytest.mark.parametrize(("option", "acts"), CASES, ids=[one for one, _ in CASES])
    def test_it_is_kept_to(
        self, option: str, acts: tuple[Act | Sync, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        acts = (Act("server", "screate", ("Work",)), *self.NEW, *acts)
        run = run_of(*acts, Sync((0,), 2, options=(option,)))
        assert play(run).wrong == ""
        job = Stack.job
        monkeypatch.setattr(
            Stack, "job", lambda self, steps, seed, **_: job(self, steps, seed=seed)
        )
        wrong = play(run).wrong
        assert ("--no-delete" if option == "no_delete" else f"asked: ['{option}']") in wrong

    def test_undelete_that_leaves_something(self, monkeypatch: pytest.MonkeyPatch) -> None:
        removed = (SYNC, SYNC, Act("server", "expunge", ("a", "Work")), SYNC)
        run = run_of(
            *(Act("server", "screate", ("Work",)), *self.NEW, *removed),
            Act("0", "undelete"),
        )
        assert play(run).wrong == ""
        monkeypatch.setattr(decide.Back, "once_each", lambda self, found: [])
        assert "I21: undelete left ['a']" in play(run).wrong

    @pytest.mark.parametrize(
        ("profile", "lied", "what", "wrong"),
        [
            ("strict_qresync", False, "other bytes", True),
            ("o365", True, "other bytes", True),
            ("o365", False, SERVER_SINCE, True),
            ("strict_qresync", True, SERVER_SINCE, True),
            ("o365", True, f"other bytes; {SERVER_SINCE}", False),  # it told a wrong size once
        ],
    )
    def test_a_check_that_finds_something(
        self, profile: str, lied: bool, what: str, wrong: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lie = Fault("lie", 0, 100, "size wrong")
        sync = replace(SYNC, faults=(lie,)) if lied else SYNC
        made = run_of(Act("server", "screate", ("Work",)), *self.NEW, sync)
        run = replace(made, profile=profile)
        assert play(run).wrong == ""
        box = MailboxCheck("Work", differences=(Difference(what),))
        there = AccountCheck("test", (box,))
        monkeypatch.setattr(sys.modules["sim.play"], "checked", lambda machine: there)
        assert ("check, on machine 0" in play(run).wrong) is wrong


class TestSections:
    """An engine that does not keep to them is found, and one that does is not."""

    DELETED_HERE = (Act("0", "unlink", ("a", "Work")), SYNC)
    DELETED_THERE = (Act("server", "expunge", ("a", "Work")), SYNC)
    FLAGGED_HERE = (Act("0", "fflag", ("a", "Work", "F")), SYNC)
    FLAGGED_THERE = (Act("server", "sflag", ("a", "Work", "F")), SYNC)

    def run_of(self, kind: str, then: tuple[Act | Sync, ...], how: str = "") -> Run:
        return run_of(
            Act("server", "screate", ("Work",)),
            Act("server", "serve", ("a", "Work", "", how)),
            *(SYNC, SYNC),
            Act("0", "section", ("Work", kind)),
            *then,
        )

    CASES = (
        ("pull", DELETED_HERE, "", "server_may_change", True),
        ("pull", FLAGGED_HERE, "", "server_may_change", True),
        ("push", DELETED_THERE, "", "maildir_may_change", True),
        ("push", FLAGGED_THERE, "", "maildir_may_change", True),
        ("keep", DELETED_HERE, "", "keeps", False),
        ("size", DELETED_HERE, "large", "leaves_out", lambda *_: ""),
        ("size", DELETED_THERE, "large", "leaves_out", lambda *_: ""),
        ("age", DELETED_HERE, "old", "leaves_out", lambda *_: ""),
        ("age", DELETED_THERE, "old", "leaves_out", lambda *_: ""),
    )

    @pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1][0].what}")
    def test_sections(
        self,
        case: tuple[str, tuple[Act | Sync, ...], str, str, object],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        kind, then, how, name, instead = case
        run = self.run_of(kind, then, how)
        assert play(run).wrong == ""
        monkeypatch.setattr(Ground if name == "keeps" else Bounds, name, instead)
        assert "rule 9" in play(run).wrong


def test_what_goes_wrong_is_over_with_its_sync() -> None:
    faults = (Fault("answer", 0, 1, "NO@LIST", True), Fault("errno", 0, 3, "EIO", True))
    run = run_of(Act("server", "serve", ("a", "INBOX", "")), Sync((0,), 1, faults=faults))
    assert play(run).wrong == ""
