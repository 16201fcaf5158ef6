"""Any order of observations leads to what a model of dicts says."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.cachebox import NOW, Box, entry, facts

from mailsync.cache import Cache, DeliveredRow
from mailsync.cache.quick import look
from mailsync.model.flags import Flags, from_letters
from mailsync.model.ids import UID, UniqueName
from mailsync.model.mailboxname import INBOX
from mailsync.model.observation import ServerMailbox
from mailsync.model.rows import Presence, Row, Settled

UIDS = st.integers(1, 12)
FLAGS = st.sets(st.sampled_from("DFPRST"), max_size=3).map(lambda letters: "".join(sorted(letters)))
SHOWN = st.dictionaries(UIDS, FLAGS, max_size=8)


class Trees(RuleBasedStateMachine):
    """`server` is what the server has; `stored` what the cache must say of each UID."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(prefix="mailsync-")
        self.cache = Cache.open(self.directory.name, "account")
        self.cache.see_mailboxes([ServerMailbox(INBOX, b"INBOX")], [INBOX], lambda n, r: True)
        self.box = Box(self.cache)
        self.server: dict[int, str] = {}
        self.files: dict[str, str] = {}
        self.there: dict[int, str] = {}
        self.gone: set[int] = set()
        self.highest = 0

    def teardown(self) -> None:
        self.cache.close()
        self.directory.cleanup()

    @initialize()
    def first(self) -> None:
        assert self.box.server({}) == (True, False)

    # -- the server changes, and is observed in one of several ways --------------------------

    @rule(flags=st.lists(FLAGS, min_size=1, max_size=3))
    def arrive(self, flags: list[str]) -> None:
        for letters in flags:
            self.highest += 1
            self.server[self.highest] = letters

    @precondition(lambda self: self.server)
    @rule(data=st.data(), flags=FLAGS)
    def flag(self, data: st.DataObject, flags: str) -> None:
        self.server[data.draw(st.sampled_from(sorted(self.server)))] = flags

    @precondition(lambda self: self.server)
    @rule(data=st.data())
    def expunge(self, data: st.DataObject) -> None:
        del self.server[data.draw(st.sampled_from(sorted(self.server)))]

    def delta(self, shown: dict[int, str], vanished: tuple[int, ...] = ()) -> tuple[bool, bool]:
        return self.box.server(
            shown, full=False, vanished=vanished, count=len(self.server), highest=self.highest
        )

    def observed(self) -> None:
        self.gone |= self.there.keys() - self.server.keys()
        self.there = dict(self.server)

    @rule()
    def observe_in_full(self) -> None:
        assert self.box.server(self.server, highest=self.highest) == (True, False)
        self.observed()

    @rule(noise=st.sets(st.integers(50, 60)))
    def observe_a_delta(self, noise: set[int]) -> None:
        changed = {uid: flags for uid, flags in self.server.items() if self.there.get(uid) != flags}
        vanished = tuple((self.there.keys() - self.server.keys()) | noise)
        stored = self.delta(changed, vanished)
        assert stored == (True, False)
        self.observed()

    @precondition(lambda self: len(self.there) != len(self.server))
    @rule()
    def observe_a_delta_that_lacks_something(self) -> None:
        kept = dict.fromkeys(self.there.keys() & self.server.keys(), "")
        assert self.delta(kept) == (False, False)

    # -- files --------------------------------------------------------------------------------

    @precondition(lambda self: self.cache.due(NOW))
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        wanted = [
            row
            for row in self.cache.due(NOW)
            if row.server is Presence.THERE and row.local is Presence.NONE
        ]
        if not wanted:
            return
        rows = data.draw(st.lists(st.sampled_from(wanted), unique_by=lambda row: row.id))
        items = []
        for row in rows:
            letters = self.there[row.uid or 0]
            self.files[f"f{row.uid}"] = letters
            items.append(
                DeliveredRow(row.id, entry(f"f{row.uid}", letters), facts(), from_letters(letters))
            )
        self.cache.delivered(items)

    @precondition(lambda self: self.files)
    @rule(data=st.data(), flags=FLAGS)
    def flag_a_file(self, data: st.DataObject, flags: str) -> None:
        self.files[data.draw(st.sampled_from(sorted(self.files)))] = flags
        self.box.local(self.files)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def remove_a_file(self, data: st.DataObject) -> None:
        del self.files[data.draw(st.sampled_from(sorted(self.files)))]
        self.box.local(self.files)

    @rule()
    def list_unproven(self) -> None:
        self.box.local({}, proven=False)
        self.box.local(self.files)

    # -- what must be so ---------------------------------------------------------------------

    @invariant()
    def the_server_tree(self) -> None:
        rows = {row.uid: row for row in self.box.rows() if row.uid is not None}
        there = {uid: row for uid, row in rows.items() if row.server is Presence.THERE}
        assert {uid: row.server_flags for uid, row in there.items()} == {
            uid: from_letters(flags) for uid, flags in self.there.items()
        }
        assert {u for u, row in rows.items() if row.server is Presence.GONE} == self.gone

    @invariant()
    def the_local_tree(self) -> None:
        there = {row.name: row for row in self.box.rows() if row.local is Presence.THERE}
        assert {name: row.local_flags for name, row in there.items()} == {
            name: from_letters(flags) for name, flags in self.files.items()
        }

    @invariant()
    def open_rows_are_those_whose_trees_differ(self) -> None:
        rows = self.box.rows()
        assert {row.id for row in self.cache.open_rows()} == {r.id for r in rows if not closed(r)}
        assert self.cache.cursors()[INBOX].known == len(self.there)


def closed(row: Row) -> bool:
    both = row.server is Presence.THERE and row.local is Presence.THERE
    return row.settled is Settled.KEPT or (
        both and row.synced == row.server_flags == row.local_flags
    )


Trees.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTrees = Trees.TestCase


@settings(max_examples=60, deadline=None)
@given(server=FLAGS, local=FLAGS, synced=st.none() | FLAGS)
def test_agreement(server: str, local: str, synced: str | None) -> None:
    """Synced takes each flag on which both sides agree, and keeps its word on the others."""
    import sqlite3

    from mailsync.cache.sql import agreed

    a, b = int(from_letters(server)), int(from_letters(local))
    base = None if synced is None else int(from_letters(synced))
    raw = sqlite3.connect(":memory:")
    (found,) = raw.execute(f"SELECT {agreed(':a', ':b', ':c')}", {"a": a, "b": b, "c": base})
    raw.close()
    if base is None:
        assert found[0] == (a if a == b else None)
    else:
        for flag in Flags:
            kept = base & flag if (a ^ b) & flag else a & flag
            assert found[0] & flag == kept


@settings(max_examples=20, deadline=None)
@given(shown=SHOWN, files=st.dictionaries(UIDS, FLAGS, max_size=8))
def test_quick_says_what_the_full_path_says(shown: dict[int, str], files: dict[int, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="mailsync-") as directory:
        cache = Cache.open(directory, "account")
        cache.see_mailboxes([ServerMailbox(INBOX, b"INBOX")], [INBOX], lambda name, role: True)
        box = Box(cache)
        box.paired(dict.fromkeys(range(1, 6), "S"))
        box.server(shown)
        box.local({f"f{uid}": flags for uid, flags in files.items()})
        for deleted in (False, True):
            due = cache.due(NOW, deleted)
            cache.close()
            found = look(str(Path(directory) / "cache.db"), NOW, expunge_deleted=deleted)
            assert (found is None) is bool(due)
            cache = Cache.open(directory, "account")
        cache.close()


@settings(max_examples=30, deadline=None)
@given(names=st.sets(st.text(max_size=8).filter(lambda name: "\0" not in name), max_size=6))
def test_any_names(names: set[str]) -> None:
    usable = {name for name in names if name}
    with tempfile.TemporaryDirectory(prefix="mailsync-") as directory:
        cache = Cache.open(directory, "account")
        cache.see_mailboxes([ServerMailbox(INBOX, b"INBOX")], [INBOX], lambda name, role: True)
        box = Box(cache)
        box.local(dict.fromkeys(usable, ""))
        assert {row.name for row in box.rows()} == usable
        assert not cache.lacks(INBOX, [UniqueName(name) for name in usable])
        assert cache.row_of_uid(box.id, [UID(1)]) == {}
        cache.close()
