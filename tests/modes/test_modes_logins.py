"""What logins leave for the next runs: the strongest mechanism, and refusals."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.dialogue import account

from mailsync.model.errors import AuthError, Exit
from mailsync.model.settings import Secret
from mailsync.modes.logins import DAY, Logins

NOW = 1_800_000_000.0
REFUSED = AuthError("the server refused the login: no")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def wall(self) -> float:
        return self.now

    def boot(self) -> tuple[str, float]:
        raise AssertionError


class Runs:
    """One run after another."""

    def __init__(self, state: Path) -> None:
        self.clock = Clock()
        self.account = account(state=state / "me", secret=Secret(inline="one"))
        self.words = ["one"]
        self.fetched: list[bool] = []

    def run(self, *, interactive: bool = False, keep: bool = True) -> Logins:
        async def fetch(again: bool) -> str:
            self.fetched.append(again)
            return self.words[-1]

        return Logins(self.account, self.clock, fetch, interactive=interactive, keep=keep)

    def fail(self, **how: bool) -> str:
        made = self.run(**how)
        made.check()
        return str(made.failed(REFUSED))

    def blocked(self, **how: bool) -> str:
        with pytest.raises(AuthError) as caught:
            self.run(**how).check()
        assert caught.value.exit is Exit.AUTH
        return str(caught.value)

    def change(self, **changes: object) -> None:
        self.account = replace(self.account, **changes)  # type: ignore[arg-type]

    @property
    def file(self) -> Path:
        return self.account.state / "logins"


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_three_a_day(runs: Runs) -> None:
    assert runs.fail() == str(REFUSED)
    runs.clock.now += 3600
    assert runs.fail() == str(REFUSED)
    runs.clock.now += 3600
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(NOW + DAY))
    rest = (
        f"3 logins were refused within a day, the next try is at {when}, or at once with a changed "
        "configuration, or by `mailsync sync test` on a terminal"
    )
    assert runs.fail() == f"{REFUSED}; {rest}"
    assert runs.blocked() == f"not tried: {rest}; the last time {REFUSED}"
    runs.clock.now = NOW + DAY - 1
    runs.blocked()
    runs.clock.now = NOW + DAY
    assert "the next try is at" in runs.fail()
    runs.blocked()


def test_a_clock_that_was_wrong_does_not_block_for_ever(runs: Runs) -> None:
    for _ in range(3):
        runs.fail()
    runs.clock.now -= 3 * DAY
    runs.run().check()


def test_success_forgets_them(runs: Runs) -> None:
    runs.fail()
    runs.fail()
    runs.run().succeeded("PLAIN")
    assert runs.fail() == runs.fail() == str(REFUSED)


def test_a_person_at_a_terminal_may_try_on(runs: Runs) -> None:
    for _ in range(3):
        assert runs.fail(interactive=True) == str(REFUSED)
    runs.blocked()
    assert runs.fail(interactive=True) == str(REFUSED)
    runs.run().check()
    runs.fail(), runs.fail()
    runs.blocked()
    runs.run(interactive=True).check()
    runs.run().check()


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": Secret(inline="two")},
        {"secret": Secret(command=("x",))},
        {"auth": "plain"},
        {"port": 7},
        {"user": "bob"},
        {"host": "127.0.0.1"},
    ],
    ids=str,
)
def test_a_changed_configuration_may(runs: Runs, changes: dict[str, object]) -> None:
    for _ in range(3):
        runs.fail()
    runs.change(timeout=3.0)
    runs.blocked()
    runs.change(**changes)
    runs.run().check()


def test_a_changed_password_file_may(runs: Runs, tmp_path: Path) -> None:
    path = tmp_path / "word"
    runs.change(secret=Secret(file=path))
    for _ in range(3):
        runs.fail()
    runs.blocked()
    path.write_text("one")
    runs.run().check()


def test_the_strongest_is_remembered_for_one_login(runs: Runs) -> None:
    assert runs.run().strongest == ""
    runs.run().succeeded("SCRAM-SHA-256")
    assert runs.run().strongest == "SCRAM-SHA-256"
    runs.change(port=7)
    assert runs.run().strongest == "SCRAM-SHA-256"
    runs.change(user="bob")
    assert runs.run().strongest == ""


def test_what_the_user_named_takes_its_place(runs: Runs) -> None:
    runs.run().succeeded("SCRAM-SHA-256")
    runs.change(auth="plain")
    runs.run().succeeded("PLAIN")
    runs.change(auth="auto")
    assert runs.run().strongest == "PLAIN"


def test_a_binding_that_was_not_taken_is_left_out_for_a_week(runs: Runs) -> None:
    """It is a refused login each time, and Dovecot waits two seconds before it says so."""
    assert not runs.run().unbound
    runs.run().succeeded("SCRAM-SHA-256", ["tls-server-end-point"])
    runs.clock.now += 6 * DAY
    runs.run().succeeded("SCRAM-SHA-256")
    assert set(runs.run().unbound) == {"tls-server-end-point"}
    runs.change(port=7)
    assert not runs.run().unbound
    runs.change(port=account().port)
    assert set(runs.run().unbound) == {"tls-server-end-point"}
    runs.clock.now += DAY
    assert not runs.run().unbound


def test_what_an_older_version_kept_is_read(runs: Runs) -> None:
    runs.run().succeeded("SCRAM-SHA-256")
    kept = json.loads(runs.file.read_text())
    del kept["unbound"]
    runs.file.write_text(json.dumps(kept))
    assert runs.run().strongest == "SCRAM-SHA-256"


def test_the_same_again_writes_nothing(runs: Runs) -> None:
    runs.run().succeeded("PLAIN")
    before = runs.file.stat()
    runs.run().succeeded("PLAIN")
    assert runs.file.stat().st_ino == before.st_ino
    assert stat.S_IMODE(before.st_mode) == 0o600
    assert stat.S_IMODE(runs.file.parent.stat().st_mode) == 0o700


def test_a_dry_run_keeps_refusals_only(runs: Runs) -> None:
    runs.run(keep=False).succeeded("PLAIN")
    assert not runs.file.exists()
    for _ in range(3):
        runs.fail(keep=False)
    runs.blocked(keep=False)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"whose": 3}', '{"refused": null}', "\xff", '{"refused": ["x"]}']
)
def test_a_damaged_file_is_as_none(runs: Runs, text: str) -> None:
    runs.run().succeeded("PLAIN")
    runs.file.write_bytes(text.encode("latin-1"))
    assert runs.run().strongest == ""
    runs.run().check()
    runs.run().succeeded("PLAIN")
    assert runs.run().strongest == "PLAIN"


def test_no_password_is_in_it(runs: Runs) -> None:
    runs.change(secret=Secret(inline="tAint-7c1e"))
    runs.fail()
    runs.run().succeeded("PLAIN")
    read = json.loads(runs.file.read_text())
    assert set(read) == {"whose", "mechanism", "configured", "refused", "said", "unbound"}
    assert len(read["configured"]) == 4
    assert "tAint" not in runs.file.read_text()


def test_a_state_that_cannot_be_written_is_no_obstacle(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "me").write_text("in the way")
    assert runs.fail() == str(REFUSED)
    runs.run().succeeded("PLAIN")


def test_a_password_is_read_once_a_run_and_anew_after_a_refusal(runs: Runs) -> None:
    async def go() -> None:
        made = runs.run()
        assert await made.secret() == "one"
        assert await made.renewed("one") is None, "it was just read"
        assert await made.secret() == "one"
        assert runs.fetched == [False]
        assert await made.renewed("one") is None, "there is no other"
        runs.words.append("two")
        assert await made.secret() == "one"
        assert await made.renewed("one") == "two"
        assert await made.secret() == "two"
        assert runs.fetched == [False, True, True]

    asyncio.run(go())


def test_a_token_is_read_before_each_login_and_anew_after_a_refusal(runs: Runs) -> None:
    async def go() -> None:
        made = runs.run()
        assert await made.secret() == "one"
        runs.words.append("two")
        assert await made.secret() == "two"
        assert await made.renewed("two") is None, "the same again"
        runs.words.append("three")
        assert await made.renewed("two") == "three"
        assert runs.fetched == [False, False, True, True]

    runs.change(secret=Secret(token_command=("x",)))
    asyncio.run(go())


def test_what_was_used_with_a_password_says_nothing_of_tokens(runs: Runs) -> None:
    runs.run().succeeded("SCRAM-SHA-256")
    runs.change(secret=Secret(token_command=("x",)))
    assert runs.run().strongest == ""
    runs.change(secret=Secret(), tls_client_cert=Path("/c"))
    assert runs.run().strongest == ""
