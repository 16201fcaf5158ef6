"""The marker: a file in the Maildir root that proves whose Maildir it is (semantics.md, rule 5)."""

from __future__ import annotations

from dataclasses import dataclass

FILE = ".mailsync"


@dataclass(frozen=True, slots=True)
class Marker:
    """`generation` rises with each writing run; `machine` and `state` say where the cache is."""

    account_uuid: str
    cache_uuid: str
    generation: int
    machine: str
    state: str
