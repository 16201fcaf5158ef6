"""Whose Maildir is this, and does the cache still belong to it? (semantics.md, rule 5)"""

from __future__ import annotations

from dataclasses import replace

from mailsync.cache import Cache
from mailsync.executor.undo import adopt, forgotten
from mailsync.local import Maildir, Marker
from mailsync.model.errors import ConfigError, NotOurs
from mailsync.model.rows import Side
from mailsync.model.settings import Account
from mailsync.system.seams import World

BOTH = frozenset({Side.SERVER, Side.LOCAL})
OLDER = "the Maildir is older than the cache: messages are paired again"
CUT_OFF = 1  # between cache and marker: a run that ended while it raised them


class Ownership:
    """The marker of one account, and the generation that the first write of a run raises."""

    def __init__(self, account: Account, world: World, maildir: Maildir, cache: Cache) -> None:
        self.account, self.world, self.maildir, self.cache = account, world, maildir, cache
        self.raised = False

    async def verify(self, *, dry: bool = False) -> str:
        """Prove the Maildir ours; returns a notice when a relink was begun, else "".

        Raises NotOurs: nothing may be written on either side.
        """
        marker = await self._ours()
        if marker is None:
            if not dry:
                await self.claim()
            return ""
        sides, notice = self._compare(marker)
        if sides:
            await self._relink(sides, notice == OLDER, marker, dry)
        elif not dry and self.cache.generation != marker.generation:
            await self.world.pool.cache(self.cache.set_generation, marker.generation)
        return notice

    async def doubt(self) -> str:
        """What `verify` would say, and nothing is changed."""
        marker = await self._ours()
        return "" if marker is None else self._compare(marker)[1]

    async def _ours(self) -> Marker | None:
        marker = await self.world.pool.disk(self.maildir.read_marker)
        self.judge(marker, (await self.world.pool.cache(self.cache.totals)).files)
        return marker

    async def still(self) -> None:
        """Before another attempt of a run: raises NotOurs where the Maildir is not the one any more
        that was proven ours, as when its disk was taken away."""
        marker = await self.world.pool.disk(self.maildir.read_marker)
        # One off is ours: an attempt that failed in the middle of raising it.
        if (
            marker is None
            or replace(marker, generation=0) != self.marker(0)
            or self._compare(marker)[0]
        ):
            raise NotOurs(
                f"{self.account.maildir} was taken away or exchanged during the run: is it "
                "mounted? Then sync again"
            )

    def judge(self, marker: Marker | None, files: int) -> None:
        """Raises NotOurs where `marker` does not belong to a cache that knows so many `files`, and
        ConfigError where the Maildir was begun in another layout."""
        if marker is None:
            if files:
                raise NotOurs(
                    f"{self.account.maildir} has no {MARKER} file, but {files} messages were "
                    "synced with it: is it mounted, or the right directory? Nothing was changed. "
                    f"If it is right: mailsync accept {self.account.name}"
                )
            return
        if marker.layout != self.account.layout:
            raise ConfigError(
                f'layout: {self.account.maildir} was begun as "{marker.layout}", so '
                f'"{self.account.layout}" would find no mailbox in it. Nothing was changed. Set it '
                f"back, or move {self.account.maildir} and {self.account.state} out of the way: "
                "then all is fetched anew"
            )
        if (marker.machine, marker.state) != (self.world.machine, str(self.account.state)):
            raise NotOurs(
                f"{self.account.maildir} is synced by another machine or state directory "
                f"({marker.state}). Nothing was changed. "
                f"If that is over: mailsync accept {self.account.name}"
            )

    def _compare(self, marker: Marker) -> tuple[frozenset[Side], str]:
        """The doubtful sides, and why."""
        if marker.cache_uuid != self.cache.uuid:
            lost = "the cache was lost: messages are paired again by name and content"
            return frozenset({Side.SERVER}), lost
        ahead = self.cache.generation - marker.generation
        if ahead < -CUT_OFF:
            return BOTH, "the cache is older than the Maildir: messages are paired again"
        if ahead > CUT_OFF:
            return BOTH, OLDER
        return frozenset(), ""

    async def _relink(self, sides: frozenset[Side], older: bool, marker: Marker, dry: bool) -> None:
        await self.world.pool.cache(self.cache.begin_relink, None, set(sides), older)
        if not dry:
            await self._adopt()
        await self.world.pool.cache(self.cache.set_account_uuid, marker.account_uuid)
        # Never back: else another copy, of a run since that one, would pass for what is there now.
        generation = max(self.cache.generation, marker.generation)
        await self.world.pool.cache(self.cache.set_generation, generation)
        if not dry:
            await self._write(generation)

    async def _adopt(self) -> None:
        """What lies in undo can be brought back, and is purged in its time (I21)."""
        pool, undo = self.world.pool, str(self.account.state / "undo")
        known = {one.new.undo for one in await pool.cache(self.cache.deletions)}
        found = await pool.disk(forgotten, self.maildir, undo, known, self.world.clock.wall())
        if found:
            await pool.cache(adopt, self.cache, found)

    async def claim(self) -> None:
        """Write a marker of our own: a first run, or `accept`."""
        await self.world.pool.disk(self.maildir.create)
        await self._write(self.cache.generation)

    async def raise_generation(self) -> None:
        """Before the first write of a run: the cache's generation to marker + 1, the marker's to
        marker + 2, then the cache's.

        So what is one off was cut off in between, before any work; a copy of either side, be it
        one run old, is two off.  Never the cache's own + 1, or a rolled-back cache would catch up
        unseen.
        """
        if self.raised:
            return
        marker = await self.world.pool.disk(self.maildir.read_marker)
        if marker is None:
            raise NotOurs(f"{self.account.maildir} lost its {MARKER} file during the run")
        begun, generation = marker.generation + CUT_OFF, marker.generation + 2 * CUT_OFF
        await self.world.pool.cache(self.cache.set_generation, begun)
        await self._write(generation)
        await self.world.pool.cache(self.cache.set_generation, generation)
        self.raised = True

    async def _write(self, generation: int) -> None:
        await self.world.pool.disk(self.maildir.write_marker, self.marker(generation))

    def marker(self, generation: int) -> Marker:
        """The marker that says: this cache's Maildir, at this generation."""
        return Marker(
            account_uuid=self.cache.account_uuid,
            cache_uuid=self.cache.uuid,
            generation=generation,
            machine=self.world.machine,
            state=str(self.account.state),
            layout=self.account.layout,
            formerly=self.maildir.formerly,
        )


MARKER = ".mailsync"
