"""The odd messages on a server that keeps every byte: bare LF, CR CR LF and NUL come back too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from sim.server_profile import Profile, plain_no_uidplus, strict_qresync
from sim.stack import DATE, ROOT, Stack
from support.oddmail import Odd, odd_messages

LARGEST = 200_000  # the simulated disk and network cost too much for more
ODD = [odd for odd in odd_messages() if len(odd.body) <= LARGEST]


def wire(stored: bytes) -> bytes:
    return re.sub(rb"(?<!\r)\n", b"\r\n", stored)


def at_rest(received: bytes) -> bytes:
    reversible = re.fullmatch(rb"(?:[^\r\n]|\r\n)*+", received)
    return received.replace(b"\r\n", b"\n") if reversible else received


@pytest.fixture
def stacks() -> Iterator[Callable[[Profile], Stack]]:
    made: list[Stack] = []

    def make(profile: Profile) -> Stack:
        made.append(Stack("odd", profile, append_wait=1.0))
        return made[-1]

    yield make
    for stack in made:
        stack.close()


def files(stack: Stack) -> Counter[bytes]:
    found = stack.fs.files()
    return Counter(data for path, data in found.items() if "/cur/" in path or "/new/" in path)


def on_server(stack: Stack) -> Counter[bytes]:
    return Counter(message.body for message in stack.server.contents("INBOX"))


def put(stack: Stack, chosen: Sequence[Odd] = ODD) -> None:
    stack.make("INBOX")
    for number, odd in enumerate(chosen):
        stack.write(
            f"{ROOT}/INBOX/cur/{odd.file.decode('utf-8', 'surrogateescape')}",
            odd.body,
            DATE + number,
        )


def assert_idle(stack: Stack) -> None:
    before, executed = stack.fs.files(), len(stack.server.executed)
    report = stack.sync()
    assert report.exit == 0, report
    assert not stack.server.changing(executed)
    assert {p: d for p, d in stack.fs.files().items() if ".mailsync" not in p} == {
        p: d for p, d in before.items() if ".mailsync" not in p
    }
    assert not stack.server.violations


@pytest.mark.parametrize("profile", [strict_qresync(), plain_no_uidplus()], ids=lambda p: p.name)
def test_downloaded_byte_for_byte(stacks: Callable[[Profile], Stack], profile: Profile) -> None:
    stack = stacks(profile)
    for number, odd in enumerate(ODD):
        stack.server.deliver("INBOX", odd.body, [], DATE + number)
    assert stack.sync().exit == 0
    assert files(stack) == Counter(at_rest(odd.body) for odd in ODD)
    assert on_server(stack) == Counter(odd.body for odd in ODD)
    assert_idle(stack)


def test_uploaded_byte_for_byte(stacks: Callable[[Profile], Stack]) -> None:
    stack = stacks(strict_qresync())
    put(stack)
    assert stack.sync().exit == 0
    assert files(stack) == Counter(odd.body for odd in ODD)
    assert on_server(stack) == Counter(wire(odd.body) for odd in ODD)
    assert_idle(stack)


def test_a_nul_is_refused_by_name_where_no_literal8_is(
    stacks: Callable[[Profile], Stack],
) -> None:
    chosen = [odd for number, odd in enumerate(ODD) if odd.has_nul or number % 20 == 0]
    stack = stacks(plain_no_uidplus())
    put(stack, chosen)
    for _ in range(2):
        report = stack.sync()
        assert report.exit == 1
        (box,) = report.mailboxes
        assert box.parked == sum(odd.has_nul for odd in chosen) > 10
        assert all("NUL" in notice and "BINARY" in notice for notice in box.notices)
        assert on_server(stack) == Counter(wire(o.body) for o in chosen if not o.has_nul)
        assert files(stack) == Counter(odd.body for odd in chosen)


def changed(body: bytes) -> bytes:
    """A server that adds a header, drops CRs and rewrites every Message-ID."""
    return b"X-Server: was here\r\n" + body.replace(b"\r\r\n", b"\r\n").replace(
        b"-ID: <", b"-ID: <x"
    )


@pytest.mark.parametrize("uidplus", [True, False], ids=["uidplus", "no uidplus"])
def test_what_the_server_stores_otherwise_is_sent_once(
    stacks: Callable[[Profile], Stack], uidplus: bool
) -> None:
    stack = stacks(replace(strict_qresync(), uidplus=uidplus, move=uidplus, alter=changed))
    put(stack)
    report = stack.sync()
    assert report.exit == 0, report
    assert on_server(stack) == Counter(changed(wire(odd.body)) for odd in ODD)
    assert files(stack) == Counter(odd.body for odd in ODD)
    # And each is linked to its own file: flags go where they belong.
    stack.pass_time(60)
    chosen: Counter[bytes] = Counter()
    for path, data in sorted(stack.fs.files().items())[::7]:
        folder, _, name = path.rpartition("/")
        stem = re.split("[:;!,]", name)[0]
        if folder.endswith("/cur") and path == f"{folder}/{stem}:2,S":
            stack.rename(path, f"{folder}/{stem}:2,FS")
            chosen[changed(wire(data))] += 1
    assert len(chosen) > 3
    before = Counter(m.body for m in stack.server.contents("INBOX") if "\\Flagged" in m.flags)
    assert stack.sync().exit == 0
    after = Counter(m.body for m in stack.server.contents("INBOX") if "\\Flagged" in m.flags)
    assert after - before == chosen
    assert_idle(stack)
