"""A Run in the simulator with its world and a cache on a file, for one function of the executor.

Its server and its Maildir are what the test gives."""

from __future__ import annotations

import sqlite3
from collections.abc import Coroutine
from contextlib import closing
from typing import Any, Self, TypeVar, cast

from sim import loop
from sim.stack import Stack
from sim.steps import Steps

from mailsync.executor.run import Run, Tallies
from mailsync.local import Maildir
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Row
from mailsync.server import Server

T = TypeVar("T")


class Bare:
    """`run` knows what the cache of `stack` knows.  `with` closes it."""

    def __init__(self, stack: Stack, server: object = None, maildir: object = None) -> None:
        self.stack = stack
        self.cache = stack.cache()
        self.run = Run(
            account=stack.account,
            world=stack.job(Steps()).world,
            server=cast(Server, server),
            maildir=cast(Maildir, maildir),
            cache=self.cache,
            tallies=Tallies(),
            id="bare",
        )
        self.run.mailboxes = {box.id: box for box in self.cache.mailboxes(self.now)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.cache.close()

    @property
    def now(self) -> float:
        return self.stack.server.wall()

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        return loop.run(what, self.stack.server.time)

    def box(self, name: str) -> Mailbox:
        return next(box for box in self.run.mailboxes.values() if box.name == MailboxName(name))

    def rows(self, name: str) -> list[Row]:
        """In the order of their UIDs."""
        return sorted(self.cache.rows_of(self.box(name).id), key=lambda row: row.uid or 0)

    def troubles(self) -> dict[int, tuple[str, float]]:
        """By UID: why it failed, and in how many minutes it is due again."""
        path = self.stack.state / "cache.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw:
            found = raw.execute(
                "SELECT uid, error, next_try FROM messages WHERE next_try IS NOT NULL"
            ).fetchall()
        return {uid: (error, round((due - self.now) / 60, 3)) for uid, error, due in found}
