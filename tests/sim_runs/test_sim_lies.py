"""Every lie of `sim/liar.py`, told in half of the answers of one sync that it fits: a household
that changed on both sides loses nothing, and all is well with the next sync.

Random runs tell several lies at once, of which few are heard: here each one is, by its name.
"""

from __future__ import annotations

import pytest
from sim import liar
from sim.events import Act, Fault, Pause, Run, Sync
from sim.liar import LIES, Lie
from sim.play import play
from sim.rand import SimRand
from sim.server_session import Session

# Told of what strict_qresync does not say, or not in this sync.
ELSEWHERE = {"search short": "plain_no_uidplus", "esearch bare": "condstore"}
SHARE = 50  # percent
RARE = {"search short", "esearch bare", "no enabled"}  # of what is said once
BEGUN = (
    *(Act("server", "screate", (box,)) for box in ("Work", "Archive")),
    *(Act("server", "serve", (f"m{n}", "INBOX", "S" if n % 2 else "")) for n in range(1, 7)),
    *(Act("server", "serve", (f"w{n}", "Work", "F" if n % 2 else "")) for n in range(1, 5)),
    Act("0", "file", ("l1", "Work", ":2,S")),
    *(Sync((0,), 1), Pause(3600.0), Sync((0,), 2), Pause(60.0)),
)
CHANGED = (
    Act("server", "serve", ("m7", "INBOX", "")),
    Act("server", "serve", ("w5", "Work", "S")),
    Act("server", "sflag", ("m1", "INBOX", "F", "S")),
    Act("server", "expunge", ("m2", "INBOX")),
    Act("server", "smove", ("w1", "Work", "INBOX")),
    Act("0", "file", ("l2", "INBOX", ":2,F")),
    Act("0", "fflag", ("m3", "INBOX", "R", "")),
    Act("0", "unlink", ("m4", "INBOX")),
    Act("0", "fmove", ("m5", "INBOX", "Archive", "")),
    Act("0", "fcopy", ("w2", "Work", "Archive", "1790000001.w2.reader1")),
)


@pytest.mark.parametrize("kind", LIES)
def test_each_lie(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told, heard = LIES[kind], 0

    def counted(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
        nonlocal heard
        before = list(lines)
        lies = told(session, name, lines, rand)
        heard += lies != before
        return lies

    lie: Lie = counted
    monkeypatch.setitem(liar.LIES, kind, lie)
    share = 100 if kind in RARE else SHARE
    lied = Sync((0,), 3, faults=(Fault("lie", 0, share, kind),))
    profile = ELSEWHERE.get(kind, "strict_qresync")
    # What the server could not keep for a while has no merge base afterwards: it is united (I9).
    changed = [one for one in CHANGED if (kind, one.what) != ("permanent none", "sflag")]
    assert play(Run("lies", profile, events=(*BEGUN, *changed, lied))).wrong == ""
    assert heard, "nothing was said that this lie is told of"
