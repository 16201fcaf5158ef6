"""`subscribed-only`: what is not subscribed to is left alone, on both sides, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sim.scenarios import six
from sim.server import COMMANDS
from sim.server_grammar import No, Scan
from sim.server_profile import strict_qresync
from sim.server_session import Session
from sim.stack import Stack

from mailsync.model.errors import Exit
from mailsync.model.report import AccountReport


@pytest.fixture(params=[True, False], ids=["LIST", "LSUB"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    profile = replace(strict_qresync(), list_extended=request.param)
    made = Stack(request.node.name, profile, subscribed_only=True)
    six(made)
    made.server.create("Other")
    made.serve("Other", "o")
    unsubscribe(made, "Other")
    yield made
    made.close()


def subscribe(stack: Stack, *boxes: str) -> None:
    stack.server.state.subscribed |= {box.encode() for box in boxes}


def unsubscribe(stack: Stack, *boxes: str) -> None:
    stack.server.state.subscribed -= {box.encode() for box in boxes}


def synced(stack: Stack, exit: int = 0) -> AccountReport:
    report = stack.sync()
    assert report.exit == exit, report
    stack.pass_time(60)
    return report


def idle(stack: Stack) -> None:
    executed, files = len(stack.server.executed), stack.fs.files()
    synced(stack)
    assert not stack.server.changing(executed)
    assert stack.fs.files() == files


def here(stack: Stack) -> dict[str, str]:
    views = stack.oracle.local_views(stack.fs.files())
    return {box: " ".join(sorted(ghost for ghost, _ in view)) for box, view in views.items()}


def there(stack: Stack) -> dict[str, str]:
    views = stack.oracle.server_views(stack.server)
    return {box: " ".join(sorted(g for g, _ in view)) for box, view in views.items() if view}


def test_only_what_is_subscribed_to(stack: Stack) -> None:
    synced(stack)
    assert here(stack) == {"INBOX": "a b c", "Work": "d e"}, "INBOX is as good as subscribed to"
    idle(stack)
    subscribe(stack, "Other")
    synced(stack)
    assert here(stack)["Other"] == "o"
    idle(stack)


def test_a_new_one_here_is_made_and_subscribed_to(stack: Stack) -> None:
    synced(stack)
    stack.file("New/Deep", "n")
    synced(stack)
    assert there(stack)["New/Deep"] == "n"
    assert b"New/Deep" in stack.server.state.subscribed
    idle(stack)


def test_unsubscribing_deletes_nothing(stack: Stack) -> None:
    """Whatever happens there meanwhile on either side; what is subscribed to again is paired."""
    synced(stack)
    unsubscribe(stack, "Work")
    synced(stack)
    assert here(stack)["Work"] == "d e"
    assert there(stack)["Work"] == "d e"
    stack.unlink("Work", "d")
    stack.server.expunge("Work", stack.uid_of("Work", "e"))
    stack.file("Work", "w")
    stack.serve("Work", "v")
    synced(stack)
    idle(stack)
    assert here(stack)["Work"] == "e w"
    assert there(stack)["Work"] == "d v"
    subscribe(stack, "Work")
    synced(stack, Exit.HELD)
    assert here(stack)["Work"] == "d e v w", "nobody knows any more that d was deleted here"
    assert set(there(stack)["Work"].split()) >= {"d", "v", "w"}


def test_one_that_is_unsubscribed_and_then_deleted_there(stack: Stack) -> None:
    """Nobody knows what that was meant for here: it is held."""
    synced(stack)
    unsubscribe(stack, "Work")
    synced(stack)
    for ghost in "de":
        stack.server.expunge("Work", stack.uid_of("Work", ghost))
    stack.server.delete("Work")
    report = synced(stack, Exit.HELD)
    assert here(stack)["Work"] == "d e", report


def test_one_that_is_not_subscribed_to_and_lies_here(stack: Stack) -> None:
    """Of the same name, and no part of the sync."""
    stack.file("Other", "mine")
    synced(stack)
    idle(stack)
    assert here(stack)["Other"] == "mine"
    assert there(stack)["Other"] == "o"


def test_a_renamed_mailbox_stays_subscribed_to(stack: Stack) -> None:
    stack.server.create("Work/Sub")
    stack.serve("Work/Sub", "s")
    subscribe(stack, "Work/Sub")
    synced(stack)
    stack.rename("/mail/Work", "/mail/Job")
    synced(stack)
    assert {b"Job", b"Job/Sub"} <= stack.server.state.subscribed
    idle(stack)
    assert there(stack) == here(stack) | {"Other": "o"}


def test_a_server_that_refuses_to_subscribe(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    synced(stack)
    state, switch, usual = COMMANDS["SUBSCRIBE"]

    def refuse(session: Session, scan: Scan) -> str:
        raise No("no room for subscriptions")

    monkeypatch.setitem(COMMANDS, "SUBSCRIBE", (state, switch, refuse))
    stack.file("New", "n")
    for _ in range(2):
        report = stack.sync()
        assert report.exit == Exit.FAILED, report
        told = [*report.errors, *(text for box in report.mailboxes for text in box.notices)]
        assert any("to subscribe to New (subscribed-only)" in text for text in told), told
        stack.pass_time(2 * 86400)
    monkeypatch.setitem(COMMANDS, "SUBSCRIBE", (state, switch, usual))
    synced(stack)
    stack.pass_time(2 * 86400)
    synced(stack)
    assert there(stack)["New"] == "n"
    idle(stack)


def test_asked_for_by_name(stack: Stack) -> None:
    synced(stack)
    for _ in range(2):
        report = stack.sync(only=("Other",))
        assert report.exit == Exit.CONFIG
        assert "test/Other is not synced: not subscribed to on the server" in report.errors[0]
