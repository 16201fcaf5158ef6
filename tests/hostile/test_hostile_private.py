"""The state directory is closed to others, root does not work for others by accident, and no link
leads out of the Maildir (reliability.md §4.3)."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest
from support.home import Home
from support.maildirs import BOX, on_disk
from support.talker import Talker

from mailsync.local import Message
from mailsync.model.errors import ConfigError, StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity
from mailsync.system import private

EMPTY = (
    b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\n"
    b"* OK [PERMANENTFLAGS (\\Seen)] x\r\n"
)


def modes(folder: Path) -> dict[str, int]:
    found = {".": folder, **{str(p.relative_to(folder)): p for p in folder.rglob("*")}}
    return {name: stat.S_IMODE(path.lstat().st_mode) for name, path in found.items()}


def test_an_open_state_directory_is_closed(home: Home, talker: Talker) -> None:
    talker.answers[b"SELECT"] = EMPTY
    home.account(talker.port)
    folder = home.state / "me"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    done = home.run("sync", "-v")
    assert done.status == 0, done
    assert f"{folder} was open to others: its mode is 0700 now" in done.err
    assert {mode & 0o077 for mode in modes(folder).values()} == {0}
    assert modes(folder)["."] == 0o700
    assert "open to others" not in home.run("sync", "-v").err


def test_everything_made_is_closed_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        private.private_directory(str(tmp_path / "state"))
    finally:
        os.umask(before)
    assert modes(tmp_path / "state") == {".": 0o700}


def test_a_run_leaves_no_core_and_opens_nothing(home: Home, talker: Talker) -> None:
    """Limit and umask are seen by a child, which has them from the run."""
    talker.answers[b"SELECT"] = EMPTY
    spy = home.root / "spy"
    spy.write_text(f"#!/bin/sh\n(ulimit -c; umask) > {home.root}/seen\necho word\n")
    spy.chmod(0o700)
    conf = home.account(talker.port)
    text = conf.read_text().replace('password = "secret"', f'password-command = ["{spy}"]')
    home.write(text)
    umask, limits = os.umask(0), resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (limits[1], limits[1]))
    try:
        done = home.run("sync")
    finally:
        os.umask(umask)
        resource.setrlimit(resource.RLIMIT_CORE, limits)
    assert done.status == 0, done
    assert (home.root / "seen").read_text().split() == ["0", "0077"]
    assert {mode & 0o077 for mode in modes(home.mail).values()} == {0}


def test_the_state_directory_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(ConfigError, match="belongs to"):
        private.private_directory(str(tmp_path))


class TestRoot:
    @pytest.fixture(autouse=True)
    def root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """This is root, and what belongs to the user of the test belongs to somebody else."""
        me = os.geteuid()
        real = private._owner
        monkeypatch.delenv(private.ALLOW, raising=False)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(private, "_owner", lambda p: real(p) or (12345 if me == 0 else 0))

    @pytest.mark.parametrize("place", ["", "mail", "mail/deep/below"])
    def test_does_not_write_for_somebody_else(self, tmp_path: Path, place: str) -> None:
        with pytest.raises(ConfigError, match="this is root: run mailsync as that user"):
            private.check_owner(str(tmp_path / place))

    def test_does_when_told_to(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MAILSYNC_ALLOW_ROOT", "1")
        private.check_owner(str(tmp_path))


def test_who_is_not_root_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(private, "_owner", lambda path: 1)
    private.check_owner(str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_root_and_a_maildir_of_somebody_else(home: Home, talker: Talker) -> None:
    talker.answers[b"SELECT"] = EMPTY
    home.account(talker.port)
    home.mail.mkdir(parents=True)
    os.chown(home.mail, 12345, 12345)
    for words in (("sync",), ("accept", "me"), ("check", "--repair")):
        done = home.run(*words)
        if words == ("sync",):
            assert done.status == 2, done
            assert "belongs to user 12345, and this is root" in done.err
        assert not list(home.mail.iterdir())
    assert home.run("sync", MAILSYNC_ALLOW_ROOT="1").status == 0


# -- links -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["tmp", "new", "cur", "."])
def test_nothing_is_delivered_through_a_link(tmp_path: Path, part: str) -> None:
    ground = on_disk(tmp_path)
    ground.maildir.create(BOX)
    outside = tmp_path / "outside"
    for folder in ("tmp", "new", "cur"):
        (outside / folder).mkdir(parents=True)
    inside = tmp_path / "mail" / BOX / part
    inside = Path(os.path.normpath(inside))
    inside.rename(tmp_path / "aside")
    inside.symlink_to(outside if part == "." else outside / part)
    name = ground.maildir.own_name(BOX, UIDValidity(7), UID(5), 1)
    delivery = ground.maildir.delivery()
    with pytest.raises(StorageError, match="symbolic links are not followed"):
        delivery.add(Message(BOX, name, Flags.NONE, 1, b"Subject: x\r\n\r\n"))
    assert [path for path in outside.rglob("*") if path.is_file()] == []
