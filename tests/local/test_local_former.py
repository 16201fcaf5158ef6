"""State files of mbsync and OfflineIMAP: what is read out of them, and what is refused.

The plain LocalStatus is hand-written from OfflineIMAP's documented format: no version that can
still be installed makes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsync.local.former import Asked, Former, Places, mbsync, number_of, offlineimap
from mailsync.local.former import text as texts
from mailsync.local.former.text import Unreadable
from mailsync.model.errors import Locked, StorageError
from mailsync.model.flags import Flags
from mailsync.model.former import FormerMailbox, FormerMessage, Kind
from mailsync.model.ids import UID

S = Flags.SEEN
HEAD = "FarUidValidity 77\nNearUidValidity 5\nMaxPulledUid 9\nMaxPushedUid 3\n"


def of(uid: int | None, number: int | None, flags: Flags, kind: Kind = Kind.SYNCED):  # type: ignore[no-untyped-def]
    return FormerMessage(None if uid is None else UID(uid), number, flags, kind)


# -- mbsync ------------------------------------------------------------------------------------


def test_a_state_of_mbsync() -> None:
    text = (
        HEAD + "MaxExpiredFarUid 4\n\n1 2 S\n3 4 \n5 0 FS\n0 6\n7 8 ~S\n9 9 >\n10 11 <F\n12 0 ^\n"
    )
    found, near = mbsync.parse(text, "/state")
    assert (found.uid_validity, near, found.expired_to) == (77, 5, 4)
    assert found.messages == (
        of(1, 2, S),
        of(3, 4, Flags.NONE),
        of(5, None, S | Flags.FLAGGED),
        of(None, 6, Flags.NONE),
        of(7, 8, S, Kind.EXPIRED),
        of(9, 9, Flags.NONE, Kind.PLACEHOLDER),
        of(10, 11, Flags.FLAGGED, Kind.PLACEHOLDER),
    )


def test_an_older_state_of_mbsync() -> None:
    text = "MasterUidValidity 1\nSlaveUidValidity 2\n\n1 1 S\n5 -2 \n-1 6 \n7 7 XS\n"
    found, near = mbsync.parse(text, "/state")
    assert (found.uid_validity, near) == (1, 2)
    assert found.messages == (of(1, 1, S), of(7, 7, S, Kind.EXPIRED))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "/state:"),
        ("1:10:1:0\n", "/state:"),
        ("FarUidValidity x\nNearUidValidity 1\n\n", "/state:"),
        (HEAD + "\n1 2 S\n1 2 S more\n", "/state:7:"),
        (HEAD + "\n1\n", "/state:6:"),
        (HEAD + "\nx 2 S\n", "/state:6:"),
        (HEAD + "\n1 \u0663 S\n", "/state:6:"),
    ],
)
def test_what_is_no_state_of_mbsync_is_said_by_line(text: str, place: str) -> None:
    with pytest.raises(Unreadable, match=place):
        mbsync.parse(text, "/state")


def test_states_in_a_directory_and_by_the_start_of_their_names(tmp_path: Path) -> None:
    for name in (":far:Lists!a_:near:Lists!a", "Lists!a", "p-Lists!a", "p-Other", ":x:y"):
        (tmp_path / name).write_text("")
    places = (f"{tmp_path}/", f"{tmp_path}/p-", "/nowhere/at/all/")
    found = [Path(path).name for path in mbsync.in_places(places, {"Lists/a"})]
    assert found == [":far:Lists!a_:near:Lists!a", "Lists!a", "p-Lists!a"]


NUMBERS = st.integers(-3, 1 << 40).map(str) | st.text("0123456789-\u0663 ", max_size=6)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.text("DFPRST<>~^X ", max_size=4)).map(" ".join)))
def test_any_state_of_mbsync_is_read_or_refused(lines: list[str]) -> None:
    with contextlib.suppress(Unreadable):
        found, _ = mbsync.parse("\n".join([HEAD, *lines]), "/state")
        assert all(one.uid is None or one.uid > 0 for one in found.messages)


@given(st.text())
def test_any_text_is_a_state_or_refused(text: str) -> None:
    with contextlib.suppress(Unreadable):
        mbsync.parse(text, "/state")


# -- OfflineIMAP -------------------------------------------------------------------------------


def database(path: Path, *rows: tuple[object, ...], table: str = "status") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as made:
        made.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, flags VARCHAR(50))")
        made.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)
    made.close()


def test_a_database_of_offlineimap_is_read_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "INBOX"
    database(path, (1, "FS"), (2, None), (-1, "S"), (3, ""))
    before = path.read_bytes(), sorted(tmp_path.iterdir())
    found = offlineimap.status(str(path), 77, frozenset({"tag"}))
    assert found is not None
    assert found.messages == (
        of(1, 1, Flags.FLAGGED | S),
        of(2, 2, Flags.NONE),
        of(3, 3, Flags.NONE),
    )
    assert (path.read_bytes(), sorted(tmp_path.iterdir())) == before


@pytest.mark.parametrize("number", [1, 2])
def test_a_plain_status_of_offlineimap(tmp_path: Path, number: int) -> None:
    path = tmp_path / "INBOX"
    line = "{}:{}" if number == 1 else "{}|{}|1700000000|label, other"
    lines = [line.format(1, "FS"), line.format(20, ""), line.format(-3, "S")]
    head = f"OFFLINEIMAP LocalStatus CACHE DATA - DO NOT MODIFY - FORMAT {number}"
    path.write_text("\n".join([head, *lines]) + "\n")
    found = offlineimap.status(str(path), 77, frozenset())
    assert found is not None
    assert found.messages == (of(1, 1, Flags.FLAGGED | S), of(20, 20, Flags.NONE))


def test_what_is_no_status_is_said(tmp_path: Path) -> None:
    path = tmp_path / "INBOX"
    assert offlineimap.status(str(path), 1, frozenset()) is None
    path.write_text("hello\n")
    with pytest.raises(Unreadable, match="not a LocalStatus"):
        offlineimap.status(str(path), 1, frozenset())
    path.write_text("OFFLINEIMAP LocalStatus CACHE DATA - DO NOT MODIFY - FORMAT 1\nx\n")
    with pytest.raises(Unreadable, match="INBOX:2"):
        offlineimap.status(str(path), 1, frozenset())
    path.unlink()
    database(path, table="other")
    with pytest.raises(Unreadable, match="no such table"):
        offlineimap.status(str(path), 1, frozenset())
    path.write_bytes(b"SQLite format 3\0" + b"x" * 200)
    with pytest.raises(Unreadable):
        offlineimap.status(str(path), 1, frozenset())


def test_names_of_files_in_the_metadata() -> None:
    assert offlineimap.basename("Lists/a/b") == "Lists.a.b"
    assert offlineimap.basename("Lists/.") == "Lists.."


# -- numbers -----------------------------------------------------------------------------------

TAG = hashlib.md5(b"INBOX").hexdigest()
PLAIN = FormerMailbox("mbsync", "", 1, ())
TAGGED = FormerMailbox("OfflineIMAP", "", 1, (), frozenset({TAG}))


@pytest.mark.parametrize(
    ("info", "plain", "tagged"),
    [
        (",U=7:2,S", 7, None),
        (",U=7", 7, None),
        (",S=100,U=7;2,S", 7, None),
        (f",U=7,FMD5={TAG}:2,S", None, 7),
        (f",U=7,FMD5={'0' * 32}:2,S", None, None),
        (":2,S", None, None),
        (":2,U=7", 7, None),
        (",U=x:2,", None, None),
        (",U=12345678901:2,", None, None),
    ],
)
def test_the_number_in_a_name(info: str, plain: int | None, tagged: int | None) -> None:
    assert number_of(PLAIN, info) == plain
    assert number_of(TAGGED, info) == tagged


# -- which state is it -------------------------------------------------------------------------

Find = Callable[..., tuple[FormerMailbox | None, list[str]]]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    box = tmp_path / "mail" / "INBOX"
    box.mkdir(parents=True)
    (box / ".uidvalidity").write_text("5\n9\n")

    def look(validity: int = 77, **more: object) -> tuple[FormerMailbox | None, list[str]]:
        places = Places((f"{tmp_path}/states/",), f"{tmp_path}/meta", **more)  # type: ignore[arg-type]
        return Former(places).state(Asked(str(box), frozenset({"INBOX"}), "INBOX", validity))

    return look


def test_the_state_in_the_mailbox(tmp_path: Path, find: Find) -> None:
    assert find() == (None, [])
    state = tmp_path / "mail" / "INBOX" / ".mbsyncstate"
    state.write_text(HEAD + "\n1 1 S\n")
    found, notices = find()
    assert found is not None
    assert (found.path, notices) == (str(state), [])
    state.with_name(".mbsyncstate.journal").write_text("4\n")
    assert "journal is not read" in find()[1][0]


def test_a_state_of_another_uidvalidity_is_not_used(tmp_path: Path, find: Find) -> None:
    state = tmp_path / "mail" / "INBOX" / ".mbsyncstate"
    state.write_text(HEAD + "\n1 1 S\n")
    found, notices = find(78)
    assert found is None
    assert "server's UIDVALIDITY" in notices[0]
    (state.parent / ".uidvalidity").write_text("6\n9\n")
    found, notices = find()
    assert found is None
    assert ".uidvalidity" in notices[0]
    state.write_text("nonsense")
    assert "not a state" in find()[1][0]


def test_of_several_accounts_the_one_that_fits(tmp_path: Path, find: Find) -> None:
    (tmp_path / "states").mkdir()
    for name, head in (("one", HEAD), ("two", HEAD.replace("77", "78"))):
        (tmp_path / "states" / f":{name}:INBOX_:near:INBOX").write_text(head + "\n1 1 S\n")
    found, notices = find()
    assert found is not None
    assert ("one" in found.path, notices) == (True, [])
    (tmp_path / "states" / ":three:INBOX_:near:INBOX").write_text(HEAD + "\n1 1 S\n")
    found, notices = find()
    assert found is None
    assert "several states" in notices[0]


def test_offlineimap_by_its_validity(tmp_path: Path, find: Find) -> None:
    database(tmp_path / "meta" / "Account-a" / "LocalStatus-sqlite" / "INBOX", (1, "S"))
    found, notices = find()
    assert found is None
    assert "not known" in notices[0]
    validity = tmp_path / "meta" / "Repository-r" / "FolderValidity" / "INBOX"
    validity.parent.mkdir(parents=True)
    validity.write_text("77\n")
    found, notices = find()
    assert found is not None
    assert (found.tags, notices) == (frozenset({TAG}), [])
    assert find(account="a", repository="r")[0] == found
    assert find(account="b", repository="r")[0] is None
    assert find(account="a", repository="s")[0] is None
    assert "(77)" in find(78)[1][0]
    (tmp_path / "meta" / "Account-a" / "LocalStatus-sqlite" / "INBOX").write_text("x")
    assert "not a LocalStatus" in find()[1][0]


@contextmanager
def locked_by_another(path: Path) -> Iterator[None]:
    """By a process of its own, as POSIX locks are a process's."""
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX);"
        "print('locked', flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield
        process.communicate()


def test_the_former_program_is_at_work(tmp_path: Path, find: Find) -> None:
    state = tmp_path / "mail" / "INBOX" / ".mbsyncstate"
    state.write_text(HEAD + "\n1 1 S\n")
    state.with_name(".mbsyncstate.lock").touch()
    assert find()[0] is not None  # left over, and held by nobody
    with (
        locked_by_another(state.with_name(".mbsyncstate.lock")),
        pytest.raises(Locked, match="mbsync is at work"),
    ):
        find()
    state.unlink()
    database(tmp_path / "meta" / "Account-a b" / "LocalStatus-sqlite" / "INBOX", (1, "S"))
    with (
        locked_by_another(tmp_path / "meta" / "a b.lock"),
        pytest.raises(Locked, match="OfflineIMAP is at work"),
    ):
        find()


def test_a_state_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    path.write_text("x" * 100)
    monkeypatch.setattr(texts, "LIMIT", 10)
    with pytest.raises(Unreadable, match="larger"):
        texts.read(str(path))
    assert texts.read(str(tmp_path / "none")) is None
    assert texts.read(str(tmp_path)) is None
    with pytest.raises(StorageError):
        texts.read(str(tmp_path / ("x" * 300)))
