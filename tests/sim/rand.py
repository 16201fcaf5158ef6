"""Randomness from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class SimRand:
    """Twin of `mailsync.system.seams.Rand`, with a few words more for the simulator itself."""

    def __init__(self, seed: int | str = 0) -> None:
        self.seed = seed
        self._random = random.Random(str(seed))

    def bits(self, count: int) -> int:
        return self._random.getrandbits(count) if count else 0

    def fraction(self) -> float:
        return self._random.random()

    def below(self, limit: int) -> int:
        """0 ≤ n < limit."""
        return self._random.randrange(limit)

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def choice(self, among: Sequence[T]) -> T:
        return self._random.choice(among)

    def shuffle(self, items: list[T]) -> None:
        self._random.shuffle(items)

    def fork(self, name: str) -> SimRand:
        """A stream of its own: what one part draws does not shift what another gets."""
        return SimRand(f"{self.seed}/{name}")

    def split(self, data: bytes, most: int = 4) -> list[bytes]:
        """`data` in 1 to `most` pieces, cut anywhere."""
        if len(data) < 2:
            return [data] if data else []
        cuts = sorted({self._random.randrange(1, len(data)) for _ in range(self.below(most))})
        return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
