"""The receiver under atheris (libFuzzer): what reaches a new branch is kept and mutated further.

    pip install atheris
    python tests/imap/fuzz_guided.py CORPUS -max_total_time=7200 -seed=3

CORPUS is a directory for what is found worth keeping; the transcripts of fuzz.py begin it.  A
failure leaves its bytes in a file crash-…, which the same command with that file runs again.
"""

from __future__ import annotations

import random
import sys
import zlib
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mailsync.imap"]):
    from fuzz import TRANSCRIPTS, check


def one(data: bytes) -> None:
    check(data, random.Random(zlib.crc32(data)))


def main() -> None:
    for corpus in map(Path, sys.argv[1:2]):
        if not corpus.is_file():
            corpus.mkdir(parents=True, exist_ok=True)
            for number, transcript in enumerate(TRANSCRIPTS):
                (corpus / f"transcript-{number}").write_bytes(transcript)
    atheris.Setup([*sys.argv, "-max_len=4096", "-timeout=10", "-rss_limit_mb=512"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
