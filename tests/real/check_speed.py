"""How long does `mailsync check` take?  A private Dovecot, so many small messages, a process.

python tests/real/check_speed.py --messages 100000            # the figure: 30 s without bodies
python tests/real/check_speed.py --messages 2000 --size 6000 --read-data  # 200 MB a second
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from support.dovecot import Dovecot
from support.killing import configure
from support.rig import Rig, message
from support.wired import append_many


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=0, help="lines of 70 characters in each")
    parser.add_argument("--read-data", action="store_true")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="check-"))
    with Dovecot() as server:
        rig = Rig(server, root)
        began = time.monotonic()
        with rig.client() as client:
            for at in range(0, options.messages, 1000):
                many = range(at, min(at + 1000, options.messages))
                append_many(client, (message(number, options.size) for number in many))
        print(f"{time.monotonic() - began:6.1f} s  APPEND", flush=True)
        began = time.monotonic()
        assert rig.sync().exit == 0
        print(f"{time.monotonic() - began:6.1f} s  first sync", flush=True)
        words = [*configure(rig, server.port)[:-2], "check"]
        if options.read_data:
            words.append("--read-data")
        size = files_of(rig) if options.read_data else 0
        for _ in range(3):
            status, told = timed(words, size)
            print(told, flush=True)
    shutil.rmtree(root)
    return status


def files_of(rig: Rig) -> int:
    """Bytes that are hashed: those of the Maildir, and the same from the server."""
    return 2 * sum(path.stat().st_size for path in rig.maildir.rglob("*") if path.is_file())


def timed(words: list[str], size: int) -> tuple[int, str]:
    """Exit status; time, CPU and memory of one process (its maxrss would count ours as well), and
    how fast it read `size` bytes."""
    used, began, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            found = Path(f"/proc/{process.pid}/status").read_text().partition("VmHWM:")[2]
            peak = max(peak, int((found.split() or ["0"])[0]))
            time.sleep(0.02)
        assert process.stdout is not None
        said = process.stdout.read().partition("\n")[0]
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    speed = f", {size / seconds / 1e6:.0f} MB/s" if size else ""
    cost = f"{seconds:6.1f} s  check ({cpu:.1f} s of CPU, {peak >> 10} MiB){speed}"
    return process.returncode, f"{cost}, exit {process.returncode}: {said}"


if __name__ == "__main__":
    sys.exit(main())
