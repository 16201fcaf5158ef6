"""One contract for the production file system and its simulated twin."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sim.fs import SimFs
from sim.rand import SimRand

from mailsync.system import native
from mailsync.system.fs import DiskFs
from mailsync.system.seams import Fs


def write(fs: Fs, path: str, data: bytes = b"x", mtime_ns: int | None = None) -> None:
    writer = fs.create(path)
    writer.write(data)
    writer.close(mtime_ns)


def read(fs: Fs, path: str) -> bytes:
    reader = fs.open(path)
    try:
        return b"".join(iter(lambda: reader.read(3), b""))
    finally:
        reader.close()


class Contract:
    fs: Fs
    root: str

    def link(self, path: str, target: str) -> None:
        raise NotImplementedError

    def fifo(self, path: str) -> None:
        raise NotImplementedError

    def test_a_written_file_is_read_back(self) -> None:
        write(self.fs, f"{self.root}/a", b"0123456789", 5 * 10**9)
        assert read(self.fs, f"{self.root}/a") == b"0123456789"
        seen = self.fs.stat(f"{self.root}/a")
        assert (seen.kind, seen.size, seen.mtime_ns) == ("file", 10, 5 * 10**9)

    def test_mtime_before_sync(self) -> None:
        writer = self.fs.create(f"{self.root}/a")
        writer.write(b"x")
        writer.set_mtime(7 * 10**9)
        writer.sync()
        writer.close()
        assert self.fs.stat(f"{self.root}/a").mtime_ns == 7 * 10**9

    def test_create_never_opens_what_is_there(self) -> None:
        write(self.fs, f"{self.root}/a")
        with pytest.raises(FileExistsError):
            self.fs.create(f"{self.root}/a")
        with pytest.raises(FileNotFoundError):
            self.fs.create(f"{self.root}/no/a")

    def test_list_names_kinds(self) -> None:
        write(self.fs, f"{self.root}/file")
        self.fs.mkdir(f"{self.root}/dir")
        self.link(f"{self.root}/link", f"{self.root}/file")
        self.fifo(f"{self.root}/fifo")
        assert dict(self.fs.list(self.root)) == {
            "file": "file",
            "dir": "dir",
            "link": "link",
            "fifo": "other",
        }
        assert self.fs.stat(f"{self.root}/link").kind == "link"
        assert self.fs.stat(f"{self.root}/fifo").kind == "other"
        assert self.fs.stat(f"{self.root}/dir").kind == "dir"

    def test_names_that_are_not_utf8(self) -> None:
        name = "\udcff\udc80"
        write(self.fs, f"{self.root}/{name}")
        assert [found for found, _ in self.fs.list(self.root)] == [name]

    def test_links_are_not_followed_at_the_end(self) -> None:
        self.fs.mkdir(f"{self.root}/dir")
        write(self.fs, f"{self.root}/dir/a")
        self.link(f"{self.root}/link", f"{self.root}/dir")
        self.link(f"{self.root}/file", f"{self.root}/dir/a")
        with pytest.raises(OSError):
            list(self.fs.list(f"{self.root}/link"))
        with pytest.raises(OSError) as caught:
            self.fs.open(f"{self.root}/file")
        assert caught.value.errno == errno.ELOOP
        assert read(self.fs, f"{self.root}/link/a") == b"x"
        assert self.fs.stat(f"{self.root}/link/.").kind == "dir"

    def test_only_files_are_opened(self) -> None:
        self.fs.mkdir(f"{self.root}/dir")
        self.fifo(f"{self.root}/fifo")
        for name in ("dir", "fifo"):
            with pytest.raises(OSError):
                self.fs.open(f"{self.root}/{name}")
        with pytest.raises(FileNotFoundError):
            self.fs.open(f"{self.root}/none")
        with pytest.raises(NotADirectoryError):
            list(self.fs.list(f"{self.root}/fifo"))

    def test_rename_never_replaces(self) -> None:
        write(self.fs, f"{self.root}/a", b"a")
        write(self.fs, f"{self.root}/b", b"b")
        with pytest.raises(FileExistsError):
            self.fs.rename(f"{self.root}/a", f"{self.root}/b")
        assert read(self.fs, f"{self.root}/b") == b"b"
        self.fs.rename(f"{self.root}/a", f"{self.root}/c")
        assert sorted(name for name, _ in self.fs.list(self.root)) == ["b", "c"]
        with pytest.raises(FileNotFoundError):
            self.fs.rename(f"{self.root}/a", f"{self.root}/b")
        with pytest.raises(FileNotFoundError):
            self.fs.rename(f"{self.root}/c", f"{self.root}/no/c")

    def test_rename_of_directories(self) -> None:
        self.fs.mkdir(f"{self.root}/a")
        write(self.fs, f"{self.root}/a/x")
        self.fs.mkdir(f"{self.root}/b")
        with pytest.raises(FileExistsError):
            self.fs.rename(f"{self.root}/a", f"{self.root}/b")
        with pytest.raises(OSError) as caught:
            self.fs.rename(f"{self.root}/a", f"{self.root}/a/c")
        assert caught.value.errno == errno.EINVAL
        self.fs.rename(f"{self.root}/a", f"{self.root}/c")
        assert read(self.fs, f"{self.root}/c/x") == b"x"

    def test_an_open_writer_follows_its_file(self) -> None:
        writer = self.fs.create(f"{self.root}/a")
        writer.write(b"1")
        self.fs.rename(f"{self.root}/a", f"{self.root}/b")
        writer.write(b"2")
        writer.close()
        assert read(self.fs, f"{self.root}/b") == b"12"

    def test_replace(self) -> None:
        write(self.fs, f"{self.root}/a", b"a")
        write(self.fs, f"{self.root}/b", b"b")
        self.fs.replace(f"{self.root}/a", f"{self.root}/b")
        assert read(self.fs, f"{self.root}/b") == b"a"

    def test_directories(self) -> None:
        self.fs.mkdir(f"{self.root}/a")
        with pytest.raises(FileExistsError):
            self.fs.mkdir(f"{self.root}/a")
        with pytest.raises(FileNotFoundError):
            self.fs.mkdir(f"{self.root}/no/a")
        write(self.fs, f"{self.root}/a/x")
        with pytest.raises(OSError) as caught:
            self.fs.rmdir(f"{self.root}/a")
        assert caught.value.errno == errno.ENOTEMPTY
        with pytest.raises(IsADirectoryError):
            self.fs.unlink(f"{self.root}/a")
        self.fs.unlink(f"{self.root}/a/x")
        with pytest.raises(FileNotFoundError):
            self.fs.unlink(f"{self.root}/a/x")
        self.fs.rmdir(f"{self.root}/a")
        assert list(self.fs.list(self.root)) == []

    def test_long_names_are_refused(self) -> None:
        with pytest.raises(OSError) as caught:
            self.fs.create(f"{self.root}/{'x' * 256}")
        assert caught.value.errno == errno.ENAMETOOLONG

    def test_durability_can_be_asked_for(self) -> None:
        barrier = self.fs.barrier(self.root)
        write(self.fs, f"{self.root}/a")
        self.fs.sync_file(f"{self.root}/a")
        self.fs.sync_dir(self.root)
        assert self.fs.sync_all(self.root) == (barrier is not None)
        if barrier is not None:
            barrier.sync()
            barrier.close()
        for sync in (self.fs.sync_file, self.fs.sync_dir):
            with pytest.raises(FileNotFoundError):
                sync(f"{self.root}/none")

    def test_the_clock_is_that_of_the_files(self) -> None:
        write(self.fs, f"{self.root}/a")
        made = self.fs.stat(f"{self.root}/a").ctime_ns
        assert abs(self.fs.now_ns(self.root) - made) < 10**9
        assert [name for name, _ in self.fs.list(self.root)] == ["a"]


class TestDiskFs(Contract):
    @pytest.fixture(autouse=True)
    def _make(self, tmp_path: Path) -> None:
        self.fs, self.root = DiskFs(), str(tmp_path)

    def link(self, path: str, target: str) -> None:
        os.symlink(target, path)

    def fifo(self, path: str) -> None:
        os.mkfifo(path)

    def test_modes(self) -> None:
        self.fs.mkdir(f"{self.root}/a")
        write(self.fs, f"{self.root}/a/b")
        assert os.stat(f"{self.root}/a").st_mode & 0o777 == 0o700
        assert os.stat(f"{self.root}/a/b").st_mode & 0o777 == 0o600


class TestDiskFsWithoutRenameat2(TestDiskFs):
    @pytest.fixture(autouse=True)
    def _old_kernel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(native, "rename_noreplace", lambda source, target: False)

    def test_a_link_that_was_made_and_whose_answer_was_lost(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """NFS sends the request again; under another name it would be a second message."""
        link = os.link

        def twice(*args: str, **kwargs: bool) -> None:
            link(*args, **kwargs)
            link(*args, **kwargs)

        monkeypatch.setattr(os, "link", twice)
        write(self.fs, f"{self.root}/a", b"a")
        self.fs.rename(f"{self.root}/a", f"{self.root}/b")
        assert [name for name, _ in self.fs.list(self.root)] == ["b"]

    def test_a_name_that_the_file_system_takes_for_the_one_it_has(self) -> None:
        """As a:2,f and a:2,F where case does not count: that is no second link of it."""
        write(self.fs, f"{self.root}/a", b"a")
        with pytest.raises(FileExistsError):
            self.fs.rename(f"{self.root}/a", f"{self.root}/./a")
        assert read(self.fs, f"{self.root}/a") == b"a"


class TestDiskFsOnTmpfs(TestDiskFs):
    @pytest.fixture(autouse=True)
    def _make(self, tmp_path: Path) -> None:
        made = Path("/dev/shm") / f"mailsync-{os.getpid()}-{tmp_path.name}"
        if not made.parent.is_dir():
            pytest.skip("no tmpfs here")
        made.mkdir()
        self.fs, self.root = DiskFs(), str(made)

    @pytest.fixture(autouse=True)
    def _clear(self, _make: None) -> object:
        yield
        import shutil

        shutil.rmtree(self.root)


class TestForeignClock(TestDiskFs):
    """A file system whose clock has to be measured."""

    @pytest.fixture(autouse=True)
    def _foreign(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(DiskFs, "_has_our_clock", lambda self, path: False)
        monkeypatch.setattr(os, "major", lambda device: 0)

    def test_a_tree_that_cannot_be_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: str, flags: int, mode: int = 0o777) -> int:
            raise OSError(errno.EROFS, "read-only")

        monkeypatch.setattr(os, "open", refuse)
        assert self.fs.now_ns(self.root) > 10**18


class TestSimFs(Contract):
    @pytest.fixture(autouse=True)
    def _make(self) -> None:
        self.sim = SimFs(SimRand(1))
        self.fs, self.root = self.sim, "/root"
        self.fs.mkdir("/root")

    def link(self, path: str, target: str) -> None:
        self.sim.disk.plant(path, kind="link", link=target)

    def fifo(self, path: str) -> None:
        self.sim.disk.plant(path, kind="other")


class TestCrash:
    """The three persistence models."""

    def run(self, model: str, seed: int, act: Callable[[SimFs], None]) -> dict[str, bytes]:
        fs = SimFs(SimRand(seed))
        fs.mkdir("/d")
        write(fs, "/d/old", b"old")
        fs.disk.sync()
        act(fs)
        fs.crash(model, SimRand(seed))
        return fs.files()

    def test_all(self) -> None:
        assert self.run("all", 0, lambda fs: write(fs, "/d/new")) == {
            "/d/old": b"old",
            "/d/new": b"x",
        }

    def test_synced_forgets_what_was_not(self) -> None:
        def act(fs: SimFs) -> None:
            writer = fs.create("/d/new")
            writer.write(b"n")
            writer.sync()  # the content is durable, its entry is not
            fs.rename("/d/old", "/d/other")

        assert self.run("synced", 0, act) == {"/d/old": b"old"}

        def act_and_sync(fs: SimFs) -> None:
            act(fs)
            fs.sync_dir("/d")

        assert self.run("synced", 0, act_and_sync) == {"/d/other": b"old", "/d/new": b"n"}

    def test_an_entry_without_content(self) -> None:
        def act(fs: SimFs) -> None:
            write(fs, "/d/new", b"n")
            fs.sync_dir("/d")

        assert self.run("synced", 0, act)["/d/new"] == b""

    def test_a_barrier_makes_all_durable(self) -> None:
        def act(fs: SimFs) -> None:
            write(fs, "/d/new", b"n")
            fs.sync_all("/")

        assert self.run("synced", 0, act) == {"/d/old": b"old", "/d/new": b"n"}

    def test_weak_shows_every_kind_of_loss(self) -> None:
        def act(fs: SimFs) -> None:
            write(fs, "/d/new", b"1234")
            fs.rename("/d/old", "/d/other")

        seen = [self.run("weak", seed, act) for seed in range(200)]
        assert all(b"old" in files.values() for files in seen), "a rename never loses its file"
        names = {frozenset(files) - {"/d/new"} for files in seen}
        assert names == {
            frozenset({"/d/old"}),
            frozenset({"/d/other"}),
            frozenset({"/d/old", "/d/other"}),
        }
        contents = {files.get("/d/new") for files in seen}
        assert contents >= {None, b"", b"12", b"1234"}
        assert seen == [self.run("weak", seed, act) for seed in range(200)]

    def test_a_failed_sync_is_never_made_good(self) -> None:
        fs = SimFs(SimRand(0))
        writer = fs.create("/a")
        writer.write(b"x")
        fs.sync_dir("/")
        fs.fail(1, errno.EIO)
        with pytest.raises(OSError):
            writer.sync()
        writer.sync()
        fs.crash("synced", SimRand(0))
        assert fs.files() == {"/a": b""}

    def test_steps_faults_and_death(self) -> None:
        seen: list[str] = []
        fs = SimFs(SimRand(0), step=seen.append)
        fs.fail(2, errno.ENOSPC)
        fs.mkdir("/d")
        with pytest.raises(OSError) as caught:
            fs.mkdir("/e")
        assert caught.value.errno == errno.ENOSPC
        fs.fail(1, errno.EIO, sticky=True, only=frozenset({"stat"}))
        for _ in range(2):
            with pytest.raises(OSError):
                fs.stat("/d")
        fs.mkdir("/e")
        fs.heal()
        fs.stat("/d")
        assert seen == ["fs.mkdir", "fs.mkdir", "fs.stat", "fs.stat", "fs.mkdir", "fs.stat"]
        fs.dead = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            fs.stat("/d")

    def test_file_systems_are_apart(self) -> None:
        fs = SimFs(SimRand(0))
        fs.disk.mount("/m")
        write(fs, "/a")
        with pytest.raises(OSError) as caught:
            fs.rename("/a", "/m/a")
        assert caught.value.errno == errno.EXDEV
        write(fs, "/m/b", b"b")
        fs.sync_all("/m")
        fs.crash("synced", SimRand(0))
        assert fs.files() == {"/m/b": b"b"}
