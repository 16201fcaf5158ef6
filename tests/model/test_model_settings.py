"""Settings that answer questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailsync.model.settings import Account, Event


@pytest.mark.parametrize("event", list(Event))
def test_the_hook_of_an_event(event: Event) -> None:
    account = Account("a", "h", 993, "u", Path("/m"), Path("/s"))
    assert account.hook(event) == ()
    hooks = {f"on_{one.replace('-', '_')}": (f"for {one}",) for one in Event}
    account = Account("a", "h", 993, "u", Path("/m"), Path("/s"), **hooks)  # type: ignore[arg-type]
    assert account.hook(event) == (f"for {event}",)
