"""Does SimServer still answer as real servers do?  `known.py` has what differs on purpose."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from model_reality.known import KNOWN
from model_reality.play import LIKE, Difference, differences
from model_reality.scripts import SCRIPTS
from support.servers import Server

marks = {"dovecot": pytest.mark.dovecot}
KINDS = [pytest.param(kind, marks=marks.get(kind, pytest.mark.servers)) for kind in LIKE]


NAMES = ["lists", "renames", "mailboxes", "two sessions, mailboxes"]


def scripts_of(kind: str) -> list[str]:
    """Cyrus with dots differs in names only; `play.py cyrus-dots` says it all."""
    return NAMES if kind == "cyrus-dots" else list(SCRIPTS)


@pytest.fixture(scope="module")
def found(
    real_server: Callable[[str], Server],
) -> Callable[[str, str], list[Difference]]:
    """The differences of one script; all of a server are played at once, as Courier sleeps for
    two seconds in every RENAME and DELETE."""
    played: dict[str, dict[str, list[Difference]]] = {}

    def ask(kind: str, script: str) -> list[Difference]:
        if kind not in played:
            server = real_server(kind)
            scripts = scripts_of(kind)
            with ThreadPoolExecutor(len(scripts)) as pool:
                said = pool.map(lambda name: differences(kind, server, name), scripts)
                played[kind] = dict(zip(scripts, said, strict=True))
        return played[kind][script]

    return ask


@pytest.mark.parametrize(
    ("kind", "script"),
    [
        pytest.param(kind, script, marks=marks.get(kind, pytest.mark.servers))
        for kind in LIKE
        for script in scripts_of(kind)
    ],
)
def test_the_model_answers_as_the_server_does(
    found: Callable[[str, str], list[Difference]], kind: str, script: str
) -> None:
    unknown = [
        str(one)
        for one in found(kind, script)
        if not any(known.explains(kind, script, one.line) for known in KNOWN)
    ]
    assert not unknown, "\n".join(["", *unknown])


@pytest.mark.parametrize("kind", KINDS)
def test_every_known_difference_is_one(
    found: Callable[[str, str], list[Difference]], kind: str
) -> None:
    """None is left in the table that was mended meanwhile."""
    for known in KNOWN:
        if kind.split("-")[0] in known.kinds and known.script in scripts_of(kind):
            lines = [one.line for one in found(kind, known.script)]
            assert any(known.explains(kind, known.script, line) for line in lines), known
