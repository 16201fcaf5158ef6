"""The oracle is held against an engine that was broken on purpose: what it does not find here, it
would not find in earnest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
from sim.exhaust import calm, crashed
from sim.fs import MODELS, Model
from sim.oracle import Violation
from sim.scenarios import SCENARIOS, Scenario

from mailsync.local import files
from mailsync.local.tree import Tree
from mailsync.model.rows import Presence
from mailsync.planner import verdict

G, T = Presence.GONE, Presence.THERE

APPENDED = "cache.begin_intents.done"


def scenario(name: str, **account: object) -> Scenario:
    found = next(one for one in SCENARIOS if one.name == name)
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
    def unlink(tree: Tree, old: str, new: str, scratch: str) -> None:
        tree.fs.unlink(old)

    monkeypatch.setattr(files, "_rename_or_copy", unlink)
    assert "I21" in found(scenario("deleted on both sides"))


def test_a_deletion_is_taken_for_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(verdict.TABLE, (G, T), lambda row, ground: verdict.PUT_BACK_UP)
    assert "deleted on both sides" in found(scenario("deleted on both sides"))
