"""Keywords from end to end: letters in the Maildir, names on the server, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sim.server_profile import Profile, condstore, plain, strict_qresync
from sim.stack import ROOT, Stack

from mailsync.model.errors import Exit
from mailsync.model.settings import Direction

PROFILES = (strict_qresync(), condstore(), plain())


@pytest.fixture(params=PROFILES, ids=lambda profile: profile.name)
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with_profile = made(request.param)
    yield with_profile
    with_profile.close()


def made(profile: Profile) -> Stack:
    stack = Stack(f"keywords {profile.name}", profile)
    stack.server.create("Archive")
    stack.serve("INBOX", "a", "\\Seen", "Work")
    stack.serve("INBOX", "b", "\\Seen", "$Junk", "Work")
    stack.serve("INBOX", "c", "\\Seen")
    stack.pass_time(10)
    return stack


def settled(stack: Stack, runs: int = 1) -> None:
    """A sync, and a second one that changes nothing on either side."""
    for _ in range(runs):
        report = stack.sync()
        assert report.exit == Exit.OK, report
        stack.pass_time(10)
    executed, files = len(stack.server.executed), stack.fs.files()
    report = stack.sync()
    assert report.exit == Exit.OK, report
    assert not stack.server.changing(executed)
    assert stack.fs.files() == files
    stack.pass_time(10)


def words(stack: Stack, ghost: str, box: str = "INBOX") -> set[str]:
    """On the server."""
    flags = next(m.flags for m in stack.server.contents(box) if m.ghost == ghost)
    return {flag for flag in flags if not flag.startswith("\\")}


def letters(stack: Stack, ghost: str, box: str = "INBOX") -> str:
    name = stack.path_of(box, ghost).rpartition("/")[2]
    return name.partition(":2,")[2]


def table(stack: Stack, box: str = "INBOX") -> str:
    return stack.fs.files().get(f"{ROOT}/{box}/dovecot-keywords", b"").decode()


def write_table(stack: Stack, text: str, box: str = "INBOX") -> None:
    stack.make(box)
    path = f"{ROOT}/{box}/dovecot-keywords"
    if path in stack.fs.files():
        stack.fs.unlink(path)
    stack.write(path, text.encode(), 1_700_000_000)


def set_words(stack: Stack, ghost: str, add: list[str], remove: list[str] | None = None) -> None:
    stack.server.set_flags("INBOX", stack.uid_of("INBOX", ghost), add, remove or [])


def test_they_are_shown_and_told_by_one_table(stack: Stack) -> None:
    settled(stack)
    assert table(stack) == table(stack, "Trash") == "0 $Junk\n1 Work\n"
    assert (letters(stack, "a"), letters(stack, "b"), letters(stack, "c")) == ("Sb", "Sab", "S")
    assert not any(path.endswith(".lock") for path in stack.fs.files())


def test_both_ways(stack: Stack) -> None:
    settled(stack)
    stack.flag("INBOX", "a", "RSab")  # a reader that knows letters
    stack.flag("INBOX", "b", "Sa")
    set_words(stack, "c", ["WORK", "Later"])
    settled(stack)
    assert (words(stack, "a"), words(stack, "b")) == ({"Work", "$Junk"}, {"$Junk"})
    assert letters(stack, "c") == "Sbc"
    assert table(stack) == "0 $Junk\n1 Work\n2 Later\n"
    set_words(stack, "c", [], ["Work"])
    settled(stack)
    assert letters(stack, "c") == "Sc"


def test_each_keyword_is_merged_by_itself(stack: Stack) -> None:
    settled(stack)
    stack.flag("INBOX", "b", "FSa")  # -Work, +F here
    set_words(stack, "b", ["Later"], ["$Junk"])  # +Later, -$Junk there
    settled(stack)
    assert words(stack, "b") == {"Later"}
    assert letters(stack, "b") == "FSc"


def test_a_reader_that_drops_all_letters_removes_nothing(stack: Stack) -> None:
    settled(stack)
    stack.flag("INBOX", "a", "FS")
    stack.flag("INBOX", "b", "")
    settled(stack)
    assert (letters(stack, "a"), letters(stack, "b")) == ("FSb", "ab")
    assert (words(stack, "a"), words(stack, "b")) == ({"Work"}, {"$Junk", "Work"})
    stack.flag("INBOX", "a", "FS")  # nothing but the letter of its one keyword
    settled(stack)
    assert (letters(stack, "a"), words(stack, "a")) == ("FSb", {"Work"})


def test_letters_dropped_and_removed_on_the_server(stack: Stack) -> None:
    settled(stack)
    stack.flag("INBOX", "b", "FS")
    set_words(stack, "b", [], ["Work"])
    settled(stack)
    assert (letters(stack, "b"), words(stack, "b")) == ("FSa", {"$Junk"})


@pytest.mark.parametrize("box", ["INBOX", "Archive"])
def test_letters_dropped_by_a_move_of_what_was_expunged(stack: Stack, box: str) -> None:
    """It is sent as new, with the keywords that it had."""
    settled(stack)
    stack.flag("INBOX", "b", "")
    stack.move_file("INBOX", "b", box, "another.reader")
    stack.expunge("INBOX", "b")
    settled(stack)
    assert (letters(stack, "b", box), words(stack, "b", box)) == ("ab", {"$Junk", "Work"})


def test_beside_a_dovecot_the_last_letter_can_be_removed(stack: Stack) -> None:
    """Which keeps letters when it changes flags: what it drops alone was meant.  With a change of
    flags it may have been a reader that drops them."""
    settled(stack)
    stack.write(f"{ROOT}/INBOX/dovecot-uidlist", b"3 V1 N1\n", 1_700_000_000)
    stack.flag("INBOX", "a", "S")
    stack.flag("INBOX", "b", "FS")
    settled(stack)
    assert (words(stack, "a"), letters(stack, "a")) == (set(), "S")
    assert (words(stack, "b"), letters(stack, "b")) == ({"$Junk", "Work"}, "FSab")


def new_mail(stack: Stack, word: str) -> None:
    stack.serve("INBOX", "n", word)
    settled(stack)
    assert "/new/" in stack.path_of("INBOX", "n")


def test_new_mail_stays_new_and_gets_its_letters_when_it_is_read(stack: Stack) -> None:
    new_mail(stack, "$Junk")
    set_words(stack, "n", ["Work"])
    settled(stack)
    assert "/new/" in stack.path_of("INBOX", "n")
    stack.flag("INBOX", "n", "S")
    settled(stack)
    assert letters(stack, "n") == "Sab"
    assert words(stack, "n") == {"$Junk", "Work"}


def test_new_mail_that_another_client_flags_gets_its_letters_at_once(stack: Stack) -> None:
    new_mail(stack, "Work")
    set_words(stack, "n", ["\\Draft"])
    settled(stack)
    assert letters(stack, "n") == "Db"


def test_a_table_of_another_program_is_kept_and_read_by_its_own_word(stack: Stack) -> None:
    """`a` is Later in this mailbox, whatever it is elsewhere."""
    stack.file("Other", "x", ":2,Sa")
    stack.file("Other", "y", ":2,Sb")
    write_table(stack, "0 Later\n1 work\n", "Other")
    settled(stack)
    assert words(stack, "x", "Other") == {"Later"}
    assert {word.lower() for word in words(stack, "y", "Other")} == {"work"}
    assert table(stack, "Other") == "0 Later\n1 work\n"
    stack.server.set_flags("Other", stack.uid_of("Other", "x"), ["$Junk"])
    settled(stack)
    assert table(stack, "Other") == "0 Later\n1 work\n2 $Junk\n"
    assert letters(stack, "x", "Other") == "Sac"
    stack.server.move("Other", stack.uid_of("Other", "x"), "INBOX")
    settled(stack)
    number = next(line for line in table(stack).splitlines() if line.endswith(" Later"))[0]
    assert letters(stack, "x") == "S" + "".join(sorted("a" + chr(97 + int(number))))
    assert words(stack, "x") == {"Later", "$Junk"}


def test_letters_without_a_table_are_nobodys(stack: Stack) -> None:
    stack.file("INBOX", "x", ":2,Sac")
    settled(stack)
    assert words(stack, "x") == set()
    assert letters(stack, "x") == "Sac"
    assert table(stack) == "1 Work\n3 $Junk\n"
    set_words(stack, "x", ["$Junk"])
    settled(stack)
    assert letters(stack, "x") == "Sacd"


@pytest.mark.parametrize("seen", [True, False])
def test_a_letter_that_is_nobodys_where_a_reader_moves_it(stack: Stack, seen: bool) -> None:
    """What a sync saw before is known of the message; what it did not see was lost by the move."""
    write_table(stack, "0 $Junk\n", "Archive")
    settled(stack)
    assert table(stack) == "0 $Junk\n1 Work\n"
    stack.flag("INBOX", "c", "FSb")
    if seen:
        settled(stack)
    write_table(stack, "0 $Junk\n2 Later\n", "Archive")
    stack.move_file("INBOX", "c", "Archive", "other.name")
    settled(stack)
    assert words(stack, "c", "Archive") == ({"Work"} if seen else set())
    assert letters(stack, "c", "Archive") == ("FSbd" if seen else "FSb")


def test_more_than_26(stack: Stack) -> None:
    many = [f"k{number:02}" for number in range(30)]
    stack.serve("INBOX", "m", "\\Seen", *many)
    settled(stack)
    assert len(table(stack).splitlines()) == 26
    stack.flag("INBOX", "m", "FS" + letters(stack, "m").strip("S"))
    settled(stack)
    assert words(stack, "m") == set(many)
    stack.move_file("INBOX", "m", "Archive")
    settled(stack)
    assert words(stack, "m", "Archive") == set(many)


def test_more_than_an_account_can_have(stack: Stack) -> None:
    many = [f"k{number:02}" for number in range(80)]
    stack.serve("INBOX", "m", "\\Seen", *many)
    settled(stack)
    stack.flag("INBOX", "m", "RS")
    settled(stack)
    assert words(stack, "m") == set(many)


def test_moves_copies_and_uploads_carry_them(stack: Stack) -> None:
    settled(stack)
    stack.file("INBOX", "u", ":2,Sab")
    stack.move_file("INBOX", "b", "Archive")
    stack.move_file("INBOX", "a", "Archive", unique="777.other.reader")
    path = stack.path_of("Archive", "a")
    stack.rename(path, path.partition(":2,")[0] + ":2,FS")  # the reader writes the name anew
    settled(stack)
    assert words(stack, "u") == words(stack, "b", "Archive") == {"$Junk", "Work"}
    assert letters(stack, "u") == letters(stack, "b", "Archive") == "Sab"
    assert (words(stack, "a", "Archive"), letters(stack, "a", "Archive")) == ({"Work"}, "FSb")


@pytest.mark.parametrize("lie", ["refused", "dropped"])
def test_a_server_that_keeps_none_of_ours(stack: Stack, lie: str) -> None:
    """It says that it takes any.  The Maildir has them, the server is not asked again and again."""
    settled(stack)
    profile = stack.server.profile
    stack.server.profile = replace(profile, keywords_lie=lie)
    write_table(stack, "0 $Junk\n1 Work\n2 Mine\n")
    stack.flag("INBOX", "c", "FSac")
    stack.file("INBOX", "u", ":2,Sc")
    settled(stack)
    assert words(stack, "c") == {"$Junk"}
    assert letters(stack, "c") == "FSac"
    assert (words(stack, "u"), letters(stack, "u")) == (set(), "Sc")
    stack.flag("INBOX", "c", "S")
    settled(stack)
    assert letters(stack, "c") == "Sac"
    stack.server.profile = profile
    set_words(stack, "a", ["Fresh"])  # PERMANENTFLAGS says something else
    settled(stack)
    assert (words(stack, "c"), words(stack, "u")) == ({"$Junk", "Mine"}, {"Mine"})


def test_a_server_without_star(stack: Stack) -> None:
    settled(stack)
    stack.server.profile = replace(stack.server.profile, keywords=False)
    write_table(stack, "0 $Junk\n1 Work\n2 Mine\n")
    stack.flag("INBOX", "c", "FSac")
    settled(stack)
    assert words(stack, "c") <= {"$Junk"}
    assert letters(stack, "c") == "FSac"


def test_a_server_that_forgets_them_on_the_way(stack: Stack) -> None:
    settled(stack)
    stack.server.profile = replace(stack.server.profile, forgets_keywords=True)
    stack.file("INBOX", "u", ":2,Sab")
    stack.move_file("INBOX", "b", "Archive")
    settled(stack)
    assert words(stack, "u") == words(stack, "b", "Archive") == {"$Junk", "Work"}
    assert letters(stack, "u") == letters(stack, "b", "Archive") == "Sab"


def test_a_limited_number(stack: Stack) -> None:
    settled(stack)
    stack.server.profile = replace(stack.server.profile, most_keywords=3)
    write_table(stack, "0 $Junk\n1 Work\n2 One\n3 Two\n")
    stack.flag("INBOX", "c", "RSabcd")
    settled(stack, 2)
    kept = words(stack, "c")
    assert len(kept) == 3
    assert kept > {"$Junk", "Work"}
    assert letters(stack, "c") == "RSabcd"


def test_one_saves_a_message_from_deletion(stack: Stack) -> None:
    settled(stack)
    set_words(stack, "a", ["$NotJunk"])
    stack.unlink("INBOX", "a")
    set_words(stack, "c", ["Todo"])
    stack.unlink("INBOX", "c")
    settled(stack)
    assert "a" not in stack.server.ghosts("INBOX")
    assert stack.path_of("INBOX", "c")
    assert words(stack, "c") == {"Todo"}


def test_a_cache_that_is_lost(stack: Stack) -> None:
    """The Maildir tells what the letters mean."""
    settled(stack)
    stack.flag("INBOX", "c", "Sb")
    for path in stack.state.glob("cache.db*"):
        path.unlink()
    settled(stack)
    assert (words(stack, "a"), words(stack, "b")) == ({"Work"}, {"$Junk", "Work"})
    assert (words(stack, "c"), letters(stack, "c")) == ({"Work"}, "Sb")


def test_a_look_says_their_names(stack: Stack) -> None:
    settled(stack)
    stack.flag("INBOX", "c", "Sab")
    plan = stack.sync(dry_run=True).plan
    assert any("StoreFlags INBOX +$Junk Work UID 3" in line for line in plan), plan


@pytest.mark.parametrize("model", ["all", "synced", "weak"])
def test_a_crash_at_any_step_loses_none(model: str) -> None:
    """Set on both sides, letters dropped, a new one, an upload, a move: cut off anywhere."""
    at, died = 5, True
    while died:
        stack = made(strict_qresync())
        settled(stack)
        stack.flag("INBOX", "a", "FS")
        stack.flag("INBOX", "c", "Sa")
        set_words(stack, "b", ["Fresh"])
        stack.file("INBOX", "u", ":2,Sb")
        stack.serve("INBOX", "n", "$Junk")
        stack.pass_time(10)
        died = stack.crash(at, model)
        stack.pass_time(60)
        report = stack.sync()
        assert report.exit in (Exit.OK, Exit.TEMPORARY), (at, report)
        stack.pass_time(600)  # a lock that it left is stale
        settled(stack, 2)
        stack.serve("INBOX", "z")  # a sync that has something to do writes what letters wait
        settled(stack, 2)
        everything = {one: words(stack, one) for one in "abcun"}
        assert everything == {
            "a": {"Work"},
            "b": {"$Junk", "Work", "Fresh"},
            "c": {"$Junk"},
            "u": {"Work"},
            "n": {"$Junk"},
        }, at
        shown = {one: letters(stack, one) for one in "abcu"}
        assert shown == {"a": "FSb", "b": "Sabc", "c": "Sa", "u": "Sb"}, at
        stack.close()
        at += 29


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("flags", [(), ("\\Seen",)], ids=["new", "cur"])
def test_a_mailbox_renamed_here_keeps_what_its_names_do_not_show(
    stack: Stack, flags: tuple[str, ...], count: int
) -> None:
    """What is in new/ has no letters, and beyond the 26th nothing has."""
    many = [f"k{number:02}" for number in range(count)]
    stack.server.create("Old")
    stack.serve("Old", "n", *flags, *many)
    settled(stack)
    shown = letters(stack, "n", "Old")
    stack.rename(f"{ROOT}/Old", f"{ROOT}/New")
    settled(stack)
    assert words(stack, "n", "New") == set(many)
    assert letters(stack, "n", "New") == shown
    stack.flag("New", "n", "FS")
    settled(stack)
    assert words(stack, "n", "New") == set(many)
    assert len(letters(stack, "n", "New")) == len("FS") + min(count, 24)  # two are of INBOX


def test_a_mailbox_renamed_by_a_reader_that_drops_all_letters(stack: Stack) -> None:
    stack.server.create("Old")
    stack.serve("Old", "x", "\\Flagged", "$Junk", "Work")
    stack.serve("Old", "y", "\\Flagged", "$Junk", "Work")
    settled(stack)
    stack.rename(f"{ROOT}/Old", f"{ROOT}/New")
    stack.flag("New", "x", "FS")
    stack.flag("New", "y", "Fa")
    settled(stack)
    assert (words(stack, "x", "New"), letters(stack, "x", "New")) == ({"$Junk", "Work"}, "FSab")
    assert (words(stack, "y", "New"), letters(stack, "y", "New")) == ({"$Junk"}, "Fa")


@pytest.mark.parametrize("asked", [True, False])
def test_push_writes_no_table(stack: Stack, asked: bool) -> None:
    both = stack.account
    if not asked:
        stack.account = replace(both, direction=Direction.PUSH)
    stack.file("INBOX", "x", ":2,S")
    files = stack.fs.files()
    assert stack.sync(push=asked).exit == Exit.OK
    assert {path: data for path, data in stack.fs.files().items() if path in files} == files
    assert "dovecot-keywords" not in str(stack.fs.files().keys())
    stack.account = both
    settled(stack)
    assert (table(stack), letters(stack, "a")) == ("0 $Junk\n1 Work\n", "Sb")


def test_a_mailbox_that_is_renamed_keeps_them(stack: Stack) -> None:
    stack.server.create("Old")
    stack.serve("Old", "x", "\\Flagged", "$Junk")
    settled(stack)
    stack.rename(f"{ROOT}/Old", f"{ROOT}/New")
    settled(stack)
    assert (words(stack, "x", "New"), letters(stack, "x", "New")) == ({"$Junk"}, "Fa")
    stack.server.rename("New", "Newer")
    settled(stack)
    assert (words(stack, "x", "Newer"), letters(stack, "x", "Newer")) == ({"$Junk"}, "Fa")
