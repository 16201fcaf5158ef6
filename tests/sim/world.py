"""The other seams' twins, and `make_world`, which puts one process's world together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec, TypeVar

from mailsync.system.seams import World

from .fs import SimFs
from .net import SimNet
from .rand import SimRand
from .server import SimServer
from .steps import Crash, Steps

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["Crash", "SimClock", "SimPool", "SimRand", "SimWorld", "Steps", "make_world"]


class SimClock:
    """Wall and boot time of the machine on which the process runs; `jump` moves the wall."""

    def __init__(self, server: SimServer, steps: Steps, boot_id: str = "boot-1") -> None:
        self.server = server
        self.steps = steps
        self.boot_id = boot_id
        self.skew = 0.0
        self.machine: Callable[[], float] = lambda: 0.0
        self.booted = 0.0

    def jump(self, seconds: float) -> None:
        self.skew += seconds

    def of(self, skew: Callable[[], float], boot_id: str, booted: float) -> None:
        """The clock of a machine whose wall clock is off by `skew`, now and in time to come."""
        self.machine, self.boot_id, self.booted = skew, boot_id, booted

    def wall(self) -> float:
        self.steps.check()
        self.server.attach()
        return self.server.wall() + self.skew + self.machine()

    def boot(self) -> tuple[str, float]:
        self.steps.check()
        self.server.attach()
        return self.boot_id, self.server.uptime() - self.booted


class StepRand(SimRand):
    """The process's own randomness: dead with it."""

    def __init__(self, seed: int | str, steps: Steps) -> None:
        super().__init__(seed)
        self._steps = steps

    def bits(self, count: int) -> int:
        self._steps.check()
        return super().bits(count)

    def fraction(self) -> float:
        self._steps.check()
        return super().fraction()


class SimPool:
    """Runs the work inline, at a turn of the loop that the seed picks.

    A cache call is a step before, and one after: done, but the process never learns it.
    """

    def __init__(self, rand: SimRand, steps: Steps) -> None:
        self.rand = rand
        self.steps = steps
        self.refuse: Callable[[str], None] | None = None  # told each call to the cache; may raise

    async def disk(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        await self._wait()
        self.steps.step(f"disk.{_name(call)}")
        return call(*args, **kwargs)

    async def cache(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        await self._wait()
        self.steps.step(f"cache.{_name(call)}")
        if self.refuse is not None:
            self.refuse(_name(call))
        result = call(*args, **kwargs)
        self.steps.step(f"cache.{_name(call)}.done")
        return result

    async def _wait(self) -> None:
        self.steps.check()
        for _ in range(self.rand.below(3)):
            await asyncio.sleep(0)
        self.steps.check()


def _name(call: Callable[..., object]) -> str:
    return getattr(call, "__name__", type(call).__name__)


class SimWorld(World):
    """A World that still knows its twins by their own types."""

    net: SimNet
    clock: SimClock
    pool: SimPool


def make_world(
    server: SimServer, fs: SimFs, seed: int | str, steps: Steps, *, host: str = "sim"
) -> SimWorld:
    """The world of one process.  When `steps` crashes, its connections die first.

    It gets a view of its own of the disk of `fs`; what is done through `fs` is no step.
    """
    rand = SimRand(seed)
    net = SimNet(server, rand.fork("net"), steps)
    steps.on_crash.append(net.kill)
    return SimWorld(
        net=net,
        fs=replace(fs, step=steps.step),
        clock=SimClock(server, steps),
        rand=StepRand(f"{seed}/rand", steps),
        pool=SimPool(rand.fork("pool"), steps),
        host=host,
        machine=f"machine of {host}",
    )
