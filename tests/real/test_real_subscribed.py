"""`subscribed-only` with a real Dovecot, by LIST (SUBSCRIBED) and by LSUB."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.dovecot import Dovecot, without
from support.rig import message
from support.wired import Wired, text_of

pytestmark = pytest.mark.dovecot


@pytest.mark.parametrize("capability", ["", without("LIST-EXTENDED", "LIST-STATUS")])
def test_subscriptions(
    dovecot_with: Callable[..., Dovecot], wired_on: Callable[..., Wired], capability: str
) -> None:
    rig = wired_on(dovecot_with(capability=capability), subscribed_only=True)
    with rig.client() as client:
        for box in ("Work", "Work/Sub", "Other"):
            client.create(box)
            client.append(message(f"in {box}"), box)
        client.append(message("first"))
        client.imap.subscribe('"Work/Sub"')
    assert rig.sync().exit == 0
    assert [box for box in rig.local_boxes() if rig.files(box)] == ["INBOX", "Work/Sub"]
    rig.put(message("written"), "New/Deep")
    assert rig.sync().exit == 0
    rig.idle()
    with rig.client() as client:
        assert len(client.uids("New/Deep")) == 1
        subscribed = b"".join(client.imap.lsub()[1])  # type: ignore[arg-type]
        assert b"New/Deep" in subscribed
        client.imap.unsubscribe('"Work/Sub"')
        client.imap.subscribe("Other")
    report = rig.sync()
    assert report.exit == 0, report
    assert [box for box in rig.local_boxes() if rig.files(box)] == [
        "INBOX", "New/Deep", "Other", "Work/Sub",
    ]  # fmt: skip
    rig.idle()
    with rig.client() as client:
        assert len(client.uids("Work/Sub")) == 1
    assert "not subscribed to on the server" in text_of(rig.sync("Work/Sub"))
