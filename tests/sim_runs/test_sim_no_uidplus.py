"""Without UIDPLUS a message of ours is expunged only while nothing else is marked (I16)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sim.server_profile import strict_qresync
from support.storied import Story


@pytest.fixture
def story() -> Iterator[Story]:
    """b is marked \\Deleted by another client, and a's file is deleted."""
    with Story("no uidplus", replace(strict_qresync(), uidplus=False)) as made:
        for ghost in "abc":
            made.serve("INBOX", ghost)
        made.tell()
        made.server.set_flags("INBOX", made.uid_of("INBOX", "b"), ["\\Deleted"])
        made.tell()
        made.unlink("INBOX", "a")
        yield made


def broken_esearch(answer: bytes) -> bytes:
    return re.sub(rb'(ESEARCH \(TAG "[^"]*"\) UID)[^\r]*', rb"\1", answer)


def mute_search(answer: bytes) -> bytes:
    """Neither an ESEARCH that says something nor a SEARCH that lists."""
    return re.sub(rb"SEARCH \d[^\r]*", b"SEARCH", broken_esearch(answer))


@pytest.mark.parametrize("broken", [broken_esearch, mute_search])
def test_a_broken_search_does_not_expunge_what_others_marked(story: Story, broken: object) -> None:
    story.server.fault("UID SEARCH", broken, sticky=True)  # type: ignore[arg-type]
    ran = story.tell()
    assert ran.exit == 1
    assert "left there" in ran.text
    assert ran.commands["EXPUNGE"] == 0
    assert set(story.server.ghosts("INBOX")) == set("abc")


def test_what_another_client_expunged_meanwhile_is_no_trouble(story: Story) -> None:
    """Nothing foreign is marked, and of ours one is gone when it is looked for."""
    story.server.set_flags("INBOX", story.uid_of("INBOX", "b"), [], ["\\Deleted"])
    story.tell()
    story.unlink("INBOX", "c")
    uid = story.uid_of("INBOX", "c")
    story.server.fault("UID STORE", lambda answer: (story.server.expunge("INBOX", uid), answer)[1])
    assert story.tell().exit == 0
    story.agree({"INBOX": "b"})
