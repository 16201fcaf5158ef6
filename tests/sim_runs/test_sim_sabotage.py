"""The oracle is held against an engine that was broken on purpose: what it does not find here, it
would not find in earnest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from types import ModuleType
from typing import Any

import pytest
from sim.exhaust import calm, crashed
from sim.fs import MODELS, Model
from sim.oracle import Violation
from sim.scenarios import Scenario
from sim.stack import Stack
from sim.under import named
from sqlalchemy import text

from mailsync.cache import observe, observe_local
from mailsync.imap import commands
from mailsync.imap.wire import Command
from mailsync.local import deliver, files
from mailsync.local.tree import Tree
from mailsync.model.layout import Layout
from mailsync.model.rows import Presence
from mailsync.planner import verdict

G, T = Presence.GONE, Presence.THERE

APPENDED = "cache.begin_intents.done"


def scenario(name: str, **account: object) -> Scenario:
    found = named(name)
    return Scenario(
        found.name, found.before, found.change, found.after, found.profile, found.account | account
    )


def found(one: Scenario, since: str = "", models: Sequence[Model] = MODELS, seeds: int = 1) -> str:
    """The first violation, crashing at each step from the first one named `since` on; with more
    `seeds`, what the server had buffered runs at other times, too."""
    names: list[str] = []
    try:
        calm(one, names=names)
    except Violation as error:
        return str(error)
    first = names.index(since) + 1 if since else 1
    for at, model, seed in product(range(first, len(names) + 1), models, range(seeds)):
        try:
            crashed(one, at, model, seed)
        except Violation as error:
            return str(error)
    raise AssertionError("nothing was found")


def test_files_that_are_not_durable_are_lost() -> None:
    assert "the Maildir holds" in found(scenario("first pull", fsync=False))


def test_an_append_that_is_not_waited_for_is_doubled() -> None:
    assert "×2" in found(
        scenario("new on both sides", append_wait=0.0), APPENDED, MODELS[:1], seeds=5
    )


def test_a_removed_file_that_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def unlink(tree: Tree, old: str, new: str, *others: object) -> None:
        tree.make_directory(new.rpartition("/")[0])
        tree.fs.unlink(old)

    monkeypatch.setattr(files, "_rename_or_copy", unlink)
    assert "I21" in found(scenario("deleted on both sides"))


def test_a_deletion_is_taken_for_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(verdict.TABLE, (G, T), lambda row, ground: verdict.PUT_BACK_UP)
    assert "deleted on both sides" in found(scenario("deleted on both sides"))


def told(one: Scenario) -> str:
    """What is found without any crash."""
    with pytest.raises(Violation) as caught:
        calm(one)
    return str(caught.value)


def test_a_file_with_other_bytes_beside_a_message_that_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = deliver.stored_form
    monkeypatch.setattr(deliver, "stored_form", lambda data: whole(data)[:-1])
    assert "with other bytes" in told(scenario("first pull"))


@pytest.mark.parametrize("layout", Layout)
class TestProvenance:
    """I1b, I10: what mailsync takes, a user took elsewhere, as it was."""

    def test_new_mail_is_taken_for_deleted(
        self, monkeypatch: pytest.MonkeyPatch, layout: Layout
    ) -> None:
        monkeypatch.setitem(verdict.TABLE, (T, Presence.NONE), lambda row, ground: verdict.MOVED_ON)
        assert "I1b" in told(scenario("first pull", layout=layout))

    def test_new_files_are_taken_for_left(
        self, monkeypatch: pytest.MonkeyPatch, layout: Layout
    ) -> None:
        monkeypatch.setitem(
            verdict.TABLE, (Presence.NONE, T), lambda row, ground: verdict.DELETED_THERE
        )
        assert "I1b" in told(scenario("new on both sides", layout=layout))

    def test_a_change_does_not_save(self, monkeypatch: pytest.MonkeyPatch, layout: Layout) -> None:
        monkeypatch.setitem(verdict.TABLE, (G, T), lambda row, ground: verdict.DELETED_THERE)
        assert "I10" in told(scenario("deleted against changed", layout=layout))


def test_old_uids_are_taken_for_expunged(monkeypatch: pytest.MonkeyPatch) -> None:
    """I13: a mailbox was made anew, and lacks what nobody deleted: that is held."""
    one = scenario("new UIDVALIDITY")

    def lacking(stack: Stack) -> None:
        one.change(stack)
        del stack.server.box("INBOX").messages[stack.uid_of("INBOX", "b")]

    anew = replace(one, change=lacking)
    assert "exit 3" in told(anew)
    monkeypatch.setattr(observe, "doubt_server", lambda *_: None)
    assert "I1b" in told(anew)


class TestScope:
    """I16."""

    def test_uid_expunge_without_uids(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Everything that is marked goes: also what another client marked."""
        monkeypatch.setattr(commands, "uid_expunge", lambda uids: commands.expunge())
        one = scenario("deleted on both sides")

        def marked(stack: Stack) -> None:
            one.change(stack)
            stack.server.set_flags("INBOX", stack.uid_of("INBOX", "c"), ["\\Deleted"])

        assert "I16" in told(replace(one, change=marked))

    def test_store_by_sequence_numbers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original = commands.uid_store

        def store(*args: Any, **given: Any) -> Command:
            made = original(*args, **given)
            first, *rest = made.parts
            assert isinstance(first, bytes)
            return replace(made, parts=(first.removeprefix(b"UID "), *rest))

        monkeypatch.setattr(commands, "uid_store", store)
        assert "I16" in told(scenario("flags on both sides"))


class TestApplyBeforeAdvance:
    """I14: a cursor that runs ahead of what is stored."""

    def test_new_uids(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._forget(monkeypatch, observe, "ADDED")
        assert "I14" in told(scenario("new on both sides"))

    def test_flags(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._forget(monkeypatch, observe, "CHANGED")
        assert "I14" in told(scenario("flags on both sides"))

    def test_expunges(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._forget(monkeypatch, observe, "_GONE")
        assert "I14" in told(scenario("deleted on both sides"))

    @pytest.mark.parametrize("layout", Layout)
    def test_new_files(self, monkeypatch: pytest.MonkeyPatch, layout: Layout) -> None:
        self._forget(monkeypatch, observe_local, "ADDED")
        one = scenario("new on both sides", layout=layout)

        def long_ago(stack: Stack) -> None:  # the stamps of a folder that changed just now are void
            one.change(stack)
            stack.pass_time(60)

        assert "I14" in told(replace(one, change=long_ago))

    def _forget(self, monkeypatch: pytest.MonkeyPatch, room: ModuleType, name: str) -> None:
        """The statement changes nothing; and the count is not looked at, which would tell."""
        where, order, by = getattr(room, name).text.partition("ORDER BY")
        monkeypatch.setattr(room, name, text(f"{where} AND 0 {order}{by}"))
        monkeypatch.setattr(observe, "_whole", lambda *_: True)
