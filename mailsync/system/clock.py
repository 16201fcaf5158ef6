"""Clock and Rand, production."""

from __future__ import annotations

import os
import time
from functools import cache

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


@cache
def _boot_id() -> str:
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        # Without a boot id no interval is trusted beyond this process.
        return f"process-{os.getpid()}-{os.urandom(8).hex()}"


class SystemClock:
    def wall(self) -> float:
        return time.time()

    def boot(self) -> tuple[str, float]:
        source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return _boot_id(), time.clock_gettime(source)


class SystemRand:
    def bits(self, count: int) -> int:
        return int.from_bytes(os.urandom((count + 7) // 8), "big") >> (-count % 8)

    def fraction(self) -> float:
        return self.bits(53) / (1 << 53)
