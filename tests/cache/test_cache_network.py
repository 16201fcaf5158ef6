"""A state on a network file system, where WAL is not safe, and how it is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mailsync.cache import Cache
from mailsync.cache import open as opening


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_on_a_network_file_system(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "on_network", lambda directory: True)
    cache = Cache.open(str(state), "account")
    assert cache.network
    with cache._connection.begin():
        mode = cache._connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    assert mode == "truncate"
    cache.close()


def test_this_directory_is_on_no_network(tmp_path: Path) -> None:
    assert not opening.on_network(str(tmp_path))


MOUNTS = """
21 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 8:2 / /home/me/mail rw - xfs /dev/sdb1 rw
22 21 0:40 / /home rw - nfs4 server:/home rw
24 21 0:41 / /over\\040there rw master:1 - fuse.sshfs me@host: rw
25 21 0:42 / /mnt rw - fuse.gluster g: rw
"""


@pytest.mark.parametrize(
    ("directory", "network"),
    [
        ("/var", False),
        ("/home", True),
        ("/home/me", True),
        ("/homes", False),
        ("/home/me/mail/state", False),
        ("/over there/x", True),
        ("/mnt", False),
    ],
)
def test_the_innermost_mount_tells(
    monkeypatch: pytest.MonkeyPatch, directory: str, network: bool
) -> None:
    def mounts(path: str, **_: str) -> io.StringIO:
        assert path == "/proc/self/mountinfo"
        return io.StringIO(MOUNTS.strip("\n") + "\n")

    monkeypatch.setattr(opening, "open", mounts, raising=False)
    assert opening.on_network(directory) is network


def test_where_mounts_are_not_told_none_is_of_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def mounts(path: str, **_: str) -> io.StringIO:
        raise FileNotFoundError(path)

    monkeypatch.setattr(opening, "open", mounts, raising=False)
    assert not opening.on_network("/")
