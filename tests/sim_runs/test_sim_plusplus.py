"""Layout maildir++ on servers with any delimiter: names that Dovecot cannot have come back, too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sim.server_profile import strict_qresync
from sim.stack import Stack

from mailsync.model.layout import Layout

# The delimiter, names on the server, and the directory that each has here.
TABLE = [
    ("/", {"A/B": ".A.B", "a.b": ".a\\2eb", "~x": ".\\7ex", "mailsync": ".\\6dailsync"}),
    (".", {"A.B": ".A.B", "a/b": ".a\\2fb", "&AOk-": ".&AOk-", "INBOX.x": ".INBOX.x"}),
    ("", {"A/B": ".A\\2fB", "a.b": ".a\\2eb", "back\\slash": ".back\\slash"}),
]


@pytest.mark.parametrize(("delimiter", "names"), TABLE, ids=["slash", "dot", "NIL"])
def test_names_both_ways(delimiter: str, names: dict[str, str]) -> None:
    profile = replace(strict_qresync(), delimiter=delimiter)
    stack = Stack(delimiter, profile, layout=Layout.MAILDIRPP)
    try:
        for name in names:
            stack.server.create(name)
            stack.serve(name, f"in {len(name)}{name[0]}")
        report = stack.sync()
        assert report.exit == 0, report
        files = stack.fs.files()
        for name, directory in names.items():
            assert any(path.startswith(f"/mail/{directory}/new/") for path in files), name
        for directory in names.values():
            stack.write(f"/mail/{directory}/cur/1.reader:2,S", b"Subject: x\n\n", 1_700_000_000)
        stack.pass_time(60)
        report = stack.sync()
        assert report.exit == 0, report
        stack.pass_time(60)
        for name in names:
            assert len(list(stack.server.contents(name))) == 2
        executed = len(stack.server.executed)
        assert stack.sync().exit == 0
        assert not stack.server.changing(executed)
    finally:
        stack.close()
