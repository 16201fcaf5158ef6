"""One account's sync with all it needs, and the names of the files in its state directory."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mailsync.model.errors import Exit, MailsyncError, Reach
from mailsync.model.mailboxname import MailboxName
from mailsync.model.report import SyncOptions, Target
from mailsync.model.settings import Account
from mailsync.modes.limits import Limits
from mailsync.modes.logins import Logins
from mailsync.modes.scope import NotSynced
from mailsync.server import Server
from mailsync.system.lock import Lock
from mailsync.system.private import check_owner, private_directory
from mailsync.system.seams import World
from mailsync.system.secret import read as read_secret
from mailsync.system.trouble import translated

CACHE = "cache.db"
LOCK = "lock"
LAST_SUCCESS = "last-success"
LAST_FAILURE = "last-failure"


@dataclass(frozen=True, slots=True)
class Job:
    """One account's sync, with all it needs."""

    target: Target
    options: SyncOptions
    world: World
    logins: Logins
    limits: Limits

    @classmethod
    def of(cls, target: Target, options: SyncOptions, world: World) -> Job:
        """With the password from where the configuration says."""
        account = target.account

        async def fetch(again: bool) -> str:
            prompt = f"Password of {account.user} at {account.host}:"
            return await read_secret(
                account.secret, prompt, interactive=options.interactive, again=again
            )

        limits = Limits(account, world.clock, interactive=options.interactive)
        logins = Logins(
            account,
            world.clock,
            fetch,
            interactive=options.interactive,
            keep=not options.dry_run,
            limits=limits,
        )
        return cls(target, options, world, logins, limits)

    @property
    def cache_path(self) -> str:
        return str(self.target.account.state / CACHE)

    @property
    def only(self) -> frozenset[MailboxName]:
        return frozenset(MailboxName(name) for name in self.target.mailboxes)

    def server(self) -> Server:
        server = Server(
            self.target.account,
            self.world.net,
            self.world.rand,
            self.logins.secret,
            past=self.logins,
            read_only=self.options.dry_run,
        )
        self.limits.watch(server.traffic)
        return server


def locked(account: Account) -> Lock:
    """The lock of the account's state directory, which is ours and private from here on, as is
    the Maildir when this is root.  Raises ConfigError, StorageError."""
    check_owner(str(account.maildir))
    state = str(account.state)
    with translated("use the directory", state, Reach.ACCOUNT):
        private_directory(state)
    return Lock(str(account.state / LOCK))


def has_cache(account: Account) -> bool:
    """Whether there is a cache; StorageError where that cannot be told."""
    path = str(account.state / CACHE)
    with translated("look at", path, Reach.ACCOUNT):
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


def succeeded(job: Job) -> None:
    """The only write of a no-op: the time stamp of STATE/ACCOUNT/last-success."""
    state = job.target.account.state
    path = str(state / LAST_SUCCESS)
    now = job.world.clock.wall()
    with translated("write", path, Reach.ACCOUNT):
        with suppress(FileNotFoundError):
            os.unlink(state / LAST_FAILURE)
        try:
            os.utime(path, (now, now))
        except FileNotFoundError:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            os.utime(path, (now, now))


def failed(job: Job, error: MailsyncError) -> None:
    """What ended the run of the whole account, for `mailsync status`; until it succeeds."""
    if isinstance(error, NotSynced):  # that says nothing of the account
        return
    path = job.target.account.state / LAST_FAILURE
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    text = f"{int(error.exit)} {error}\n"
    # A full disk is the likeliest reason to be here.
    with suppress(OSError), open(os.open(path, flags, 0o600), "wb") as file:
        file.write(text.encode("utf-8", "replace"))


def last_failure(state: Path) -> tuple[Exit, str] | None:
    """What `failed` left there."""
    try:
        status, _, text = (state / LAST_FAILURE).read_text("utf-8", "replace").partition(" ")
        return Exit(int(status)), text.strip()
    except (OSError, ValueError):
        return None
