"""What a hostile server costs: each case of `floods.py` in a process of its own, by its peak RSS.

    python tests/hostile/weigh.py [NAME ...]

prints one JSON line a case: how it ended, bytes sent and read, MiB above the base.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sim.loop import run

from hostile.floods import CASES, Case, play
from mailsync.imap import ProtocolError  # noqa: F401 (what every case may need is loaded)


def peak() -> int:
    """KiB of the most that was resident."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def weighed(name: str, case: Case) -> dict[str, object]:
    """In a child: its RSS begins at that of a process that has loaded everything."""
    there, here = os.pipe()
    child = os.fork()
    if child == 0:
        told: dict[str, object] = {"case": name}
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
            base, cpu = peak(), sum(os.times()[:2])
            ended, flood = run(play(case), turns=10**9)
            told |= {"ended": ended, "sent": flood.sent, "read": flood.wire}
            told["cpu"] = round(sum(os.times()[:2]) - cpu, 1)
            told["mib"] = round((peak() - base) / 1024, 1)
        except BaseException as error:
            told["failed"] = f"{type(error).__name__}: {error}"
        os.write(here, json.dumps(told).encode())
        os._exit(0)
    os.close(here)
    with os.fdopen(there) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"case": name, "failed": "the process died"}


def main(names: list[str]) -> None:
    for name in names or list(CASES):
        print(json.dumps(weighed(name, CASES[name])), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
