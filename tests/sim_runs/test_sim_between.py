"""What another client moves while the mailboxes are observed one after the other (rule 2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, condstore, gmail, plain, plain_no_uidplus, strict_qresync
from sim.steps import Steps
from support.storied import Ran, Story

from mailsync.model.settings import Deletions


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("make", [strict_qresync, condstore, plain, gmail, plain_no_uidplus])
def test_into_a_mailbox_that_is_looked_at_later(make: Callable[[], Profile], sent: bool) -> None:
    """Seen in both places it is no copy: nothing is fetched, nothing is put back later.
    `sent`: it was new here."""
    with Story("between", make()) as s:
        s.server.create("Work")
        if sent:
            s.file("INBOX", "a", ":2,")
        else:
            s.serve("INBOX", "a")
        s.serve("INBOX", "b")
        s.tell()
        s.serve("Work", "n")
        uid = s.uid_of("INBOX", "a")

        def moved(answer: bytes) -> bytes:
            s.server.move("INBOX", uid, "Work")
            return answer

        s.server.fault("LIST", moved)
        s.flag("INBOX", "a", "F")
        ran = s.tell()
        assert (ran.exit, ran.fetched) == (0, 1), ran.text
        s.flag("Work", "a", "FR")
        s.tell()
        s.agree({"INBOX": "b", "Work": "a:FR n"})


@pytest.mark.parametrize("deletions", list(Deletions))
@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_a_mailbox_renamed_and_made_anew_while_others_are_looked_at(
    make: Callable[[], Profile], deletions: Deletions
) -> None:
    """As by a script that puts the mail of a year aside: it is moved, not deleted and new."""
    with Story("aside", make(), deletions=deletions) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("Work", ghost)
        s.serve("INBOX", "i")
        s.tell()
        s.file("INBOX", "j")  # no stamp holds
        done: list[str] = []

        def mislist(folder: str, names: list[str]) -> list[str]:
            if folder == "/mail/INBOX/cur" and not done:
                done.append(folder)
                s.rename(s.oracle.directory("Work"), s.oracle.directory("Work 2025"))
                s.file("Work", "n")
            return names

        s.mislist = mislist
        ran = s.tell()
        s.mislist = None
        assert done
        assert (ran.exit, ran.fetched) == (0, 0), ran.text
        for _ in range(2):
            s.tell()
        s.agree({"INBOX": "i j", "Work": "n", "Work 2025": "a b"})


def test_a_copy_is_a_copy_all_the_same() -> None:
    with Story("copy", strict_qresync()) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        s.server.copy("INBOX", s.uid_of("INBOX", "a"), "Work")
        ran = s.tell()
        assert (ran.exit, ran.commands["LIST"]) == (0, 2), "one look more, and no third"
        s.agree({"INBOX": "a b", "Work": "a"})


@pytest.mark.parametrize("make", [strict_qresync, plain])
@pytest.mark.parametrize("seed", range(4))
def test_a_file_renamed_while_its_folder_is_read(make: Callable[[], Profile], seed: int) -> None:
    """readdir shows both names, or one: it is no copy, and nothing is sent."""
    with Story(f"renamed {seed}", make()) as s:
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        s.file("INBOX", "n")  # no stamp holds
        s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), ["\\Answered"])
        path = s.path_of("INBOX", "a")
        done: list[str] = []

        def mislist(folder: str, names: list[str]) -> list[str]:
            if folder != "/mail/INBOX/cur" or done:
                return names
            done.append(folder)
            s.fs.rename(path, f"{folder}/another:2,")
            s.fs.sync_dir(folder)
            return [*names, "another:2,"]

        s.mislist = mislist
        ran = s.tell()
        s.mislist = None
        assert done
        assert (ran.exit, ran.stored, ran.fetched) == (0, 1, 0), ran.text
        s.agree({"INBOX": "a:R b n"})


def told_while_it_moves(s: Story, source: str, target: str) -> Ran:
    """A sync, between whose listings of two mailboxes the file of "a" goes from one to the other.
    Only the two new files are sent."""
    path = s.path_of(source, "a")
    new = path.replace(f"/{source}/", f"/{target}/")
    done: list[str] = []

    def mislist(folder: str, names: list[str]) -> list[str]:
        if folder == "/mail/INBOX/cur" and not done:
            done.append(folder)
            s.fs.rename(path, new)
            s.fs.sync_dir(folder)
            s.fs.sync_dir("/mail/Work/cur")
        return names

    s.mislist = mislist
    ran = s.tell()
    s.mislist = None
    assert done
    assert (ran.exit, ran.stored, ran.fetched) == (0, 2, 0), ran.text
    return ran


@pytest.mark.parametrize("source", ["INBOX", "Work"])
@pytest.mark.parametrize("deletions", list(Deletions))
def test_a_file_moved_between_two_listings(source: str, deletions: Deletions) -> None:
    """Whichever folder is listed first: it is moved on the server, too."""
    target = "Work" if source == "INBOX" else "INBOX"
    with Story("moved", strict_qresync(), deletions=deletions) as s:
        s.server.create("Work")
        s.serve(source, "a")
        for box in ("INBOX", "Work"):
            s.serve(box, f"{box}1")
        s.tell()
        s.file("INBOX", "n")
        s.file("Work", "m")
        ran = told_while_it_moves(s, source, target)
        assert ran.commands["UID MOVE"] == 1
        s.agree(
            {
                source: f"{source}1 {'n' if source == 'INBOX' else 'm'}",
                target: f"a {target}1 {'n' if target == 'INBOX' else 'm'}",
            }
        )


@pytest.mark.parametrize("source", ["INBOX", "Work"])
@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_a_file_moved_between_two_listings_whose_message_was_flagged(
    make: Callable[[], Profile], source: str
) -> None:
    """It is not put back where it was, as if it had been deleted here: it moves with its flag."""
    target = "Work" if source == "INBOX" else "INBOX"
    with Story("moved and flagged", make()) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve(source, ghost)
        s.tell()
        s.file("INBOX", "n")
        s.file("Work", "m")
        s.server.set_flags(source, s.uid_of(source, "a"), ["\\Flagged"])
        told_while_it_moves(s, source, target)
        here, there = ("n", "m") if source == "INBOX" else ("m", "n")
        s.agree({source: f"b {here}", target: f"a:F {there}"})


@pytest.mark.parametrize("make", [strict_qresync, condstore])
def test_what_was_never_agreed_on_and_is_moved_there_between_two_looks(
    make: Callable[[], Profile],
) -> None:
    """A run that only pulled paired it, and left its flag unsent: it is not sent once more."""
    with Story("never agreed", make()) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("Work", ghost)
        s.serve("INBOX", "i")
        s.tell()
        s.flag("Work", "a", "F")
        (s.state / "cache.db").unlink()
        s.tell(pull=True)
        s.serve("Work", "n")
        uid = s.uid_of("Work", "a")

        def moved(answer: bytes) -> bytes:
            s.server.move("Work", uid, "INBOX")
            return answer

        s.server.fault("LIST", moved)
        ran = s.tell()
        assert (ran.exit, ran.stored, ran.fetched) == (0, 0, 1), ran.text
        s.agree({"INBOX": "a:F i", "Work": "b n"})


@pytest.mark.parametrize(
    "renames", [{1: "a"}, {2: "a"}, {2: "c", 3: "a"}, {1: "c", 3: "a"}], ids=str
)
@pytest.mark.parametrize("deletions", list(Deletions))
def test_files_renamed_between_two_readings_of_their_folder(
    deletions: Deletions, renames: dict[int, str]
) -> None:
    """What a reading lacks is looked for by another one, and what the plan makes of it by a third:
    the old name is in the one, the new name in the other.  `renames`: after which reading."""
    with Story("renamed between", strict_qresync(), deletions=deletions) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        s.unlink("INBOX", "b")
        folder = s.path_of("INBOX", "a").rpartition("/")[0]
        readings: list[str] = []

        def mislist(read: str, names: list[str]) -> list[str]:
            if read == folder:
                readings.append(read)
                if ghost := renames.get(len(readings)):
                    s.fs.rename(s.path_of("INBOX", ghost), f"{folder}/another-{ghost}:2,")
                    s.fs.sync_dir(folder)
            return names

        s.mislist = mislist
        ran = s.tell()
        s.mislist = None
        assert len(readings) >= max(renames)
        trashed = deletions is Deletions.TRASH  # b, which is fetched there
        assert (ran.exit, ran.stored, ran.fetched) == (0, 0, trashed), ran.text
        executed = len(s.server.executed)
        assert s.tell().exit == 0
        assert not s.server.changing(executed)
        assert s.server.ghosts("INBOX")["a"] == 1
        assert s.server.ghosts("Trash")["a"] == 0


@pytest.mark.parametrize("make", [strict_qresync, condstore])
@pytest.mark.parametrize("letters", ["F", "S"])
def test_a_flag_set_between_the_look_and_the_deletion(
    make: Callable[[], Profile], letters: str
) -> None:
    """It saves the message or not (I10) as if it had been seen at once: UNCHANGEDSINCE."""
    with Story("flagged", make()) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        uid = s.uid_of("INBOX", "a")
        for ghost in "ab":
            path = s.path_of("INBOX", ghost)
            s.fs.unlink(path)
            s.fs.sync_dir(path.rpartition("/")[0])
        s.oracle.deleted |= {"b", *("a" if letters == "S" else "")}
        steps = Steps()
        flag = {"F": "\\Flagged", "S": "\\Seen"}[letters]
        steps.before("cache.mark", lambda: s.server.set_flags("INBOX", uid, [flag]))
        ran = s.tell(steps)
        s.witnessed("flagged meanwhile")
        assert (ran.exit, ran.fetched) == (0, int(letters == "F")), ran.text
        s.agree({"INBOX": "a:F c" if letters == "F" else "c"})
