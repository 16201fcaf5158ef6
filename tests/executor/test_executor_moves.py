"""What goes from one mailbox to another, on either side: once, and what does not go is said."""

from __future__ import annotations

import asyncio
import errno
import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, condstore, plain, strict_qresync
from sim.stack import DATE
from sim.steps import Steps
from support.storied import Story

from mailsync.cache import Intent, IntentKind, NewIntent
from mailsync.executor.run import Run
from mailsync.model.content import header_hash
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, IntentId, MailboxId, RowId, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.model.settings import Deletions
from mailsync.model.uidset import UIDSet
from mailsync.server import CopyUID

moves = importlib.import_module("mailsync.executor.moves")
DAY = 86_400.0
VALIDITY = UIDValidity(7)
SOURCE = Mailbox(
    MailboxId(1), MailboxName("INBOX"), Presence.THERE, Presence.THERE, uid_validity=UIDValidity(6)
)
TARGET = Mailbox(
    MailboxId(2), MailboxName("Work"), Presence.THERE, Presence.THERE, uid_validity=VALIDITY
)


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("moves") as made:
        made.server.create("Work")
        for ghost in "abc":
            made.serve("INBOX", ghost)
        made.serve("Work", "w")
        made.tell()
        yield made


# -- on the server -------------------------------------------------------------------------------


def filed(story: Story, ghost: str, names: str) -> None:
    """A mail reader copies a message into Work, under each of these names."""
    data = story.mail()[story.path_of("INBOX", ghost)]
    for name in names.split():
        story.write(f"/mail/Work/cur/{name}:2,", data, DATE + 1)


def test_as_many_copies_as_were_made_here(story: Story) -> None:
    """A command copies a UID once, so three files are three commands; what else goes, in the first.

    What a flag was set of is looked at, and new files are read where another one is gone."""
    filed(story, "a", "one two three")
    filed(story, "b", "four")
    for ghost in "ab":
        story.server.set_flags("INBOX", story.uid_of("INBOX", ghost), ["\\Seen"])
    story.unlink("INBOX", "c")
    ran = story.tell()
    assert (ran.exit, ran.stored, ran.total.uploaded) == (0, 0, 4)
    assert ran.commands["UID COPY"] == 3
    assert story.server.ghosts("Work") == {"a": 3, "b": 1, "w": 1}
    story.idle()


@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_each_copy_has_the_flags_of_its_file(make: Callable[[], Profile]) -> None:
    """What was set since both agreed is merged; where the copy came from stays as it was."""
    with Story("flags of copies", make()) as s:
        for box in ("B", "C"):
            s.server.create(box)
        s.serve("INBOX", "m", "\\Seen")
        s.serve("INBOX", "n", "\\Seen")
        s.tell()
        for ghost in "mn":
            s.move_file("INBOX", ghost, "B", unique=f"888.{ghost}.reader")
            s.server.move("INBOX", s.uid_of("INBOX", ghost), "C")
        s.server.set_flags("C", s.uid_of("C", "m"), ["\\Flagged"])
        s.flag("B", "n", "RS")
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
        assert ran.commands["UID COPY"] == 1
        assert ran.total.uploaded == 2
        s.tell()
        s.agree({"B": "m:FS n:RS", "C": "m:FS n:S"})


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_only_what_the_server_refuses_to_move_stays(
    story: Story, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """It is parked, and goes when its time has come."""
    monkeypatch.setattr(moves, "BATCH", batch)
    story.refuse_uid("UID MOVE", story.uid_of("INBOX", "b"))
    for ghost in "abc":
        story.move_file("INBOX", ghost, "Work")
    ran = story.tell()
    assert (ran.exit, ran.total.moved, ran.total.failed, ran.total.parked) == (1, 2, 1, 1)
    assert "the server refused to move to Work" in ran.text
    assert story.server.ghosts("INBOX") == {"b": 1}
    story.idle(exit=1)
    del story.server.next_fault
    ran = story.tell(pause=DAY)
    assert (ran.exit, ran.total.moved) == (0, 1)
    story.agree({"Work": "a b c w"})


def test_where_moves_are_refused_one_is_enough(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reason that holds for all is not asked for again in this run, and said of each."""
    monkeypatch.setattr(moves, "BATCH", 1)
    story.server.fault("UID MOVE", "NO [NOPERM] not you", sticky=True)
    for ghost in "abc":
        story.move_file("INBOX", ghost, "Work")
    ran = story.tell()
    assert (ran.exit, ran.total.moved, ran.total.failed, ran.total.parked) == (1, 0, 3, 3)
    assert ran.commands["UID MOVE"] == 1
    assert "the server refused to move to Work" in ran.text
    story.server.faults.clear()
    ran = story.tell(pause=DAY)
    assert (ran.exit, ran.total.moved, ran.stored) == (0, 3, 0)
    story.agree({"Work": "a b c w"})


def test_a_mark_of_ours_does_not_go_along(story: Story) -> None:
    """A deletion was cut off behind \\Deleted; then its file is found in another mailbox."""
    path = story.path_of("INBOX", "a")
    data, name = story.mail()[path], path.rpartition("/")[2]
    story.fs.unlink(path)
    story.server.fault("UID EXPUNGE", "NO [CANNOT] not now")
    assert story.tell().exit == 1
    assert story.oracle.server_views(story.server)["INBOX"]["a", "T"] == 1
    story.write(f"/mail/Work/cur/{name}:2,", data, DATE + 1)
    ran = story.tell(pause=DAY)
    assert (ran.exit, ran.stored) == (0, 0)
    story.agree({"INBOX": "b c", "Work": "a w"})


def cache_lost(story: Story) -> None:
    """Then files are told by their names, and nothing is known of their headers."""
    for path in story.state.glob("cache.db*"):
        path.unlink()
    story.tell()


@pytest.mark.parametrize("make", [strict_qresync, condstore, plain])
@pytest.mark.parametrize("hidden", [False, True])
def test_what_was_told_by_its_name_is_recognised_after_a_doubt(
    make: Callable[[], Profile], hidden: bool
) -> None:
    """Its header is asked for before the command; where the server does not show that, the file is
    read.  The server names no UID, and another message comes at once."""
    with Story("named", replace(make(), no_append_uid=True)) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        cache_lost(s)
        s.move_file("INBOX", "a", "Work")
        if hidden:
            s.server.nil_bodies.add((b"INBOX", s.uid_of("INBOX", "a")))
        ran = s.tell()
        s.server.nil_bodies.clear()
        assert (ran.exit, ran.stored, ran.total.moved) == (0, 0, 1)
        s.agree({"INBOX": "b", "Work": "a"})


def test_what_goes_to_the_trash_needs_no_file_there(story: Story) -> None:
    story.change(deletions=Deletions.TRASH)
    for ghost in "ab":
        story.unlink("INBOX", ghost)
    ran = story.tell()
    assert (ran.exit, ran.commands["UID MOVE"], ran.commands["UID COPY"]) == (0, 1, 0)
    assert story.server.ghosts("Trash") == {"a": 1, "b": 1}
    story.oracle.deleted.clear()
    story.tell()
    story.agree({"INBOX": "c", "Trash": "a b", "Work": "w"})


def test_a_move_that_cannot_be_verified_is_not_done_again(story: Story) -> None:
    """It is looked for once more in this run: what is seen then is done, and no trouble is left."""

    def hide(answer: bytes) -> bytes:
        story.server.fault("UID FETCH", "NO [SERVERBUG] no", mailbox="Work")
        return answer

    story.server.fault("UID MOVE", hide)
    for ghost in "ab":
        story.move_file("INBOX", ghost, "Work")
    ran = story.tell()
    assert (ran.exit, ran.commands["UID MOVE"], ran.total.moved, ran.stored) == (0, 1, 0, 0)
    story.agree({"INBOX": "c", "Work": "a b w"})


@pytest.mark.parametrize("told", [True, False])
def test_what_copyuid_names_is_not_looked_for(told: bool) -> None:
    with Story("copyuid", replace(strict_qresync(), uidplus=told)) as s:
        s.server.create("Work")
        for box, ghost in (("Work", "w"), ("INBOX", "b"), ("INBOX", "a")):
            s.serve(box, ghost)
        s.tell()
        s.move_file("INBOX", "a", "Work")
        since = len(s.server.executed)
        assert s.tell().exit == 0
        asked = [b"BODY.PEEK[HEADER]" in one.text for one in s.server.executed[since:]]
        assert any(asked) is not told
        s.agree({"INBOX": "b", "Work": "w a"})


# -- what is remembered of it --------------------------------------------------------------------


def row(number: int, **known: object) -> Row:
    return replace(
        Row(RowId(number), MailboxId(1), UID(number), internal_date=DATE, size=100), **known
    )  # type: ignore[arg-type]


class Stage:
    """A server that shows these headers (None: NIL), and what it and the cache are told."""

    def __init__(self, heads: dict[int, bytes | None]) -> None:
        self.heads = {UID(uid): head for uid, head in heads.items()}
        self.told: list[tuple[object, ...]] = []
        cache = SimpleNamespace(headers="headers", stored_flags="stored_flags")
        self.run = cast(Run, SimpleNamespace(server=self, cache=cache, stored=self._stored))

    async def _stored(self, *call: object) -> None:
        self.told.append(call)

    async def headers(self, name: MailboxName, uids: UIDSet) -> dict[UID, bytes | None]:
        assert name == SOURCE.name
        self.told.append(("asked", list(uids)))
        return {uid: head for uid, head in self.heads.items() if uid in uids}

    async def store(self, *call: object, uid_validity: UIDValidity) -> None:
        assert uid_validity == SOURCE.uid_validity
        self.told.append(("store", *call))


def test_of_a_mark_that_is_taken_back_the_cache_is_told() -> None:
    stage = Stage({})
    asyncio.run(moves._unmarked(stage.run, SOURCE, (row(1), row(3))))
    asyncio.run(moves._unmarked(stage.run, SOURCE, ()))
    gone, uids = Flags.DELETED, UIDSet([UID(1), UID(3)])
    assert stage.told == [
        ("store", SOURCE.name, uids, Flags.NONE, gone),
        ("stored_flags", [1, 3], Flags.NONE, gone),
    ]


def test_what_is_not_known_of_a_message_is_asked_for_before_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its header, where neither it nor its new file was read; where the server gives none, the
    file."""
    read: list[int] = []

    async def digested(
        run: Run, box: Mailbox, rows: Sequence[Row]
    ) -> list[tuple[Row, SimpleNamespace]]:
        assert box is TARGET
        read.extend(one.id for one in rows)
        return [(one, SimpleNamespace(**FILE)) for one in rows if one.id != 17]

    monkeypatch.setattr(moves, "digested", digested)
    told, nil, shown = b"x" * 16, None, b"Message-ID: <%d@x>\r\n\r\n"
    unread = {"wire_size": None}
    group = (
        (row(1, header=told), row(11)),
        (row(2, server_header=told), None),
        (row(3), row(13, body=BODY)),
        (row(4), row(14)),
        (row(5), None),
        (row(6), row(16, **unread)),
        (row(7), row(17)),  # a file that is gone by now
        (row(8), None),
        (row(9), row(19, **unread)),
    )
    stage = Stage({4: shown % 4, 5: shown % 5, 6: nil, 7: nil, 8: nil})
    now = asyncio.run(moves._recognisable(stage.run, SOURCE, TARGET, group))
    hashes = {number: header_hash(shown % number) for number in (4, 5)}
    assert stage.told == [("asked", [4, 5, 6, 7, 8, 9]), ("headers", hashes)]
    assert read == [16, 17, 19]
    assert now == (
        *group[:3],
        (row(4, header=hashes[4], message_id="<4@x>"), row(14)),
        (row(5, header=hashes[5], message_id="<5@x>"), None),
        (row(6), row(16, **FILE)),
        *group[6:8],
        (row(9), row(19, **FILE)),
    )
    stage = Stage({})
    assert asyncio.run(moves._recognisable(stage.run, SOURCE, TARGET, group[:3])) == group[:3]
    assert stage.told == []


HEAD, THERE, BODY = b"h" * 16, b"s" * 16, b"b" * 16
FILE = {"body": b"B" * 16, "header": b"H" * 16, "message_id": "<file@x>", "wire_size": 102}


@pytest.mark.parametrize(
    ("source", "join", "told"),
    [
        ({"header": HEAD, "body": BODY, "message_id": "<a@x>"}, None, (100, BODY, HEAD, "<a@x>")),
        # The file's own word, where it was read.
        ({"header": HEAD, "message_id": "<a@x>"}, FILE, (100, b"B" * 16, b"H" * 16, "<file@x>")),
        ({"message_id": "<a@x>"}, FILE | {"message_id": ""}, (100, b"B" * 16, b"H" * 16, "<a@x>")),
        ({"header": HEAD}, FILE | {"body": None}, (100, None, HEAD, "")),
        ({"header": HEAD}, FILE | {"header": None}, (100, b"B" * 16, HEAD, "<file@x>")),
        # What the server shows is what it will show again.
        ({"header": HEAD, "server_header": THERE}, FILE, (100, b"B" * 16, THERE, "<file@x>")),
        ({"header": HEAD, "size": None}, FILE, (102, b"B" * 16, b"H" * 16, "<file@x>")),
        ({"header": HEAD, "size": None, "wire_size": 99}, None, (99, None, HEAD, "")),
        (
            {"header": HEAD, "size": None, "wire_size": 99},
            FILE | {"wire_size": None},
            (99, b"B" * 16, b"H" * 16, "<file@x>"),
        ),
    ],
)
@pytest.mark.parametrize("base", [None, Flags.SEEN])
def test_what_is_remembered_before_the_command(
    source: dict[str, object],
    join: dict[str, object] | None,
    told: tuple[int, bytes | None, bytes, str],
    base: Flags | None,
) -> None:
    """By this the copy is found after a doubt."""
    size, body, header, message_id = told
    here = row(5, server_flags=Flags.FLAGGED, **source)
    there = None if join is None else row(8, **join)
    assert moves._intent(here, there, TARGET, 42, IntentKind.COPY, base) == NewIntent(
        kind=IntentKind.COPY,
        row=None if join is None else RowId(8),
        source=RowId(5),
        mailbox=MailboxId(2),
        uid_validity=VALIDITY,
        uid_next=42,
        message_id=message_id,
        size=size,
        body=body,
        header=header,
        internal_date=DATE,
        flags=Flags.FLAGGED if base is None else base,
    )


# -- which UIDs the server names -----------------------------------------------------------------


def copied(source: str, target: str, validity: int = VALIDITY) -> CopyUID:
    def uids(text: str) -> tuple[UID, ...]:
        return tuple(UID(int(word)) for word in text.split())

    return CopyUID(UIDValidity(validity), uids(source), uids(target))


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (copied("5 6", "50 60"), [50, 60]),
        (copied("6 5", "60 50"), [50, 60]),  # MailKit #1405
        (copied("6 4 5", "60 40 50"), [50, 60]),
        (copied("5", "50"), None),
        (copied("5 7", "50 60"), None),
        (copied("5 6", "50 60", 8), None),
        (None, None),
    ],
)
def test_copyuid_is_taken_by_source(said: CopyUID | None, named: list[int] | None) -> None:
    rows = [row(6), row(5)]
    intents = [
        Intent(
            IntentId(n), moves._intent(row(n), None, TARGET, 42, IntentKind.COPY, None), "r", 0, 1
        )
        for n in (5, 6)
    ]
    assert moves._named(said, intents, rows, TARGET) == named


# -- in the Maildir ------------------------------------------------------------------------------


def moved_there(story: Story) -> None:
    for ghost in "abc":
        story.server.move("INBOX", story.uid_of("INBOX", ghost), "Work")


def test_a_file_that_goes_at_the_last_moment_is_looked_for(story: Story) -> None:
    """A mail reader moves it to a third mailbox between the last look and the rename: it is where
    he put it, and on the server, too."""
    moved_there(story)
    steps = Steps()
    steps.before("disk.rename_all", lambda: story.move_file("INBOX", "b", "Third"))
    ran = story.tell(steps)
    assert (ran.total.moved, ran.total.failed) == (2, 0)
    story.tell()
    ran = story.tell()
    assert (ran.exit, story.server.ghosts("Work")) == (0, {"a": 1, "b": 1, "c": 1, "w": 1})


def test_a_file_that_the_disk_does_not_move_holds_up_no_other(story: Story) -> None:
    moved_there(story)
    path = story.path_of("INBOX", "b")

    def step(name: str, where: str) -> None:
        if name == "rename" and where == path:
            raise OSError(errno.EINVAL, "not that one", where)

    story.refuse = step
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.total.moved, ran.total.parked) == (1, 0, 2, 1)
    assert ran.report.mailboxes[0].name == "INBOX"
    story.refuse = None
    ran = story.tell(pause=DAY)
    assert (ran.exit, ran.fetched, ran.total.moved) == (0, 0, 1)
    story.agree({"Work": "a b c w"})


@pytest.mark.parametrize("copy", [False, True])
def test_a_file_is_named_by_where_it_is_now(story: Story, copy: bool) -> None:
    """After a loss of the cache its name tells which message it is (semantics.md, rule 4)."""
    act = story.server.copy if copy else story.server.move
    for ghost in "ab":
        act("INBOX", story.uid_of("INBOX", ghost), "Work")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.total.moved) == (0, 0, 0 if copy else 2)
    for path in story.state.glob("cache.db*"):
        path.unlink()
    for ghost, age in (("a", 1), ("b", 2)):
        assert story.path_of("Work", ghost).startswith(f"/mail/Work/new/{DATE + age}.")
    since = len(story.server.executed)
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
    asked = [one for one in story.server.executed[since:] if b"BODY.PEEK" in one.text]
    assert asked == []
    story.agree({"INBOX": "a b c" if copy else "c", "Work": "a b w"})


def test_a_copy_of_what_is_written_over_is_fetched(story: Story) -> None:
    """At the last moment: its text is another message's by then."""
    story.server.copy("INBOX", story.uid_of("INBOX", "a"), "Work")
    story.oracle.born("n", body_of("n"))
    path, over = story.path_of("INBOX", "a"), []

    def step(name: str, where: str) -> None:
        if name == "open" and where == path and not over:
            over.append(where)
            story.fs.unlink(path)
            story.write(path, body_of("n"), DATE + 9)

    story.refuse = step
    story.tell()
    story.tell()
    assert over
    assert story.server.ghosts("Work") == {"a": 1, "w": 1}
    here = story.oracle.local_views(story.mail())
    assert {ghost for ghost, _ in here["Work"]} == {"a", "w"}


def test_what_the_disk_does_not_copy_is_fetched(story: Story) -> None:
    story.server.copy("INBOX", story.uid_of("INBOX", "a"), "Work")
    path = story.path_of("INBOX", "a")

    def step(name: str, where: str) -> None:
        if name == "open" and where == path:
            raise OSError(errno.EACCES, "unreadable", where)

    story.refuse = step
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.total.downloaded) == (0, 1, 1)
    story.refuse = None
    story.agree({"INBOX": "a b c", "Work": "a w"})
