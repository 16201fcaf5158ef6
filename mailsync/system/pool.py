"""Pool, production: two disk threads and the one thread that owns the cache."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ThreadPool:
    """A call that has begun runs to its end: a cancelled caller waits for it first, so nobody
    goes on while a thread still changes what he shares with it."""

    def __init__(self) -> None:
        self._disk = ThreadPoolExecutor(2, "disk")
        self._cache = ThreadPoolExecutor(1, "cache")

    async def disk(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _run(self._disk, partial(call, *args, **kwargs))

    async def cache(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _run(self._cache, partial(call, *args, **kwargs))

    def close(self) -> None:
        """Calls not yet begun are dropped; waits for the others."""
        self._disk.shutdown(cancel_futures=True)
        self._cache.shutdown(cancel_futures=True)


async def _run(threads: Executor, call: Callable[[], T]) -> T:
    job = threads.submit(call)
    try:
        return await asyncio.shield(asyncio.wrap_future(job))
    except asyncio.CancelledError:
        if not job.cancel():
            wait([job])
        raise
