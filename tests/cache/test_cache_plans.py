"""Which index each statement takes: work in proportion to what changed, not to what is there.

SQLite takes a partial index only for the very same condition, so a slip in one of the texts
would show as nothing but slowness.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import TextClause

from mailsync.cache import deletions as guard
from mailsync.cache import (
    mailboxes,
    observe,
    observe_local,
    outcomes,
    pairing,
    quick,
    read,
    sql,
    waits,
)
from mailsync.cache.cache import Cache

BOUND = dict.fromkeys(
    (
        "now",
        "box",
        "mailbox",
        "permanent",
        "relink",
        "until",
        "lettered",
        "exact",
        "drafts",
        "since",
    ),
    1,
)

# Statement → the steps on `messages` that its plan has.
SEARCHES: dict[str, tuple[TextClause | str, set[str]]] = {
    "due": (read._DUE, {"SEARCH messages USING INDEX messages_open (wait=?)"}),
    "due, deleted": (read._DUE_DELETED, {"SCAN messages USING INDEX messages_deleted"}),
    "open": (read._OPEN, {"SCAN messages USING INDEX messages_open"}),
    "by id": (read._WANTED, {"SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"}),
    "by uid": (read._BY_UID, {"SEARCH messages USING INDEX messages_uid (mailbox=? AND uid=?)"}),
    "by body": (
        read.SHARED["body"],
        {"SEARCH messages USING INDEX messages_body (body=?)"},
    ),
    "by header": (
        read.SHARED["header"],
        {"SEARCH messages USING INDEX messages_header (header=?)"},
    ),
    "by EMAILID": (
        read.SHARED["email_id"],
        {"SEARCH messages USING COVERING INDEX messages_email (email_id=?)"},
    ),
    "by origin": (
        read.SHARED["origin"],
        {"SEARCH messages USING COVERING INDEX messages_uid (mailbox=? AND uid=?)"},
    ),
    "waiting, by date": (
        read.SAME_WAITING["date"],
        {
            "SEARCH messages USING INDEX messages_waiting_date (mailbox=? AND <expr>=?)",
        },
    ),
    "waiting, by size": (
        read.SAME_WAITING["size"],
        {
            "SEARCH messages USING INDEX messages_waiting_size (mailbox=? AND <expr>=?)",
        },
    ),
    "waiting, not read": (
        read.SAME_UNREAD["message"],
        {
            "SEARCH messages USING INDEX messages_waiting_size (mailbox=? AND <expr>=?)",
        },
    ),
    "waiting, by the size of a file": (
        read.SAME_UNREAD["file"],
        {
            "SEARCH messages USING INDEX messages_waiting_size"
            " (mailbox=? AND <expr>>? AND <expr><?)",
        },
    ),
    "by name": (
        read.BY_NAME,
        {"SEARCH messages USING COVERING INDEX messages_name (mailbox=? AND name=?)"},
    ),
    "server: changed": (
        observe.CHANGED,
        {"SEARCH messages USING INDEX messages_uid (mailbox=? AND uid=?)"},
    ),
    "server: came back": (
        observe.CAME_BACK,
        {"SEARCH messages USING INDEX messages_uid (mailbox=? AND uid=?)"},
    ),
    "server: added": (
        observe.ADDED,
        {"SEARCH messages USING COVERING INDEX messages_uid (mailbox=? AND uid=?)"},
    ),
    "server: reused": (
        observe.REUSED,
        {"SEARCH messages USING INDEX messages_uid (mailbox=? AND uid=?)"},
    ),
    "server: back again": (
        observe.BACK_AGAIN,
        {"SEARCH messages USING INDEX messages_uid (mailbox=? AND uid=?)"},
    ),
    "server: absent": (
        observe.ABSENT,
        {"SEARCH messages USING INDEX messages_uid (mailbox=? AND uid>? AND uid<?)"},
    ),
    "server: covered": (
        observe.COUNT_IN_SPANS,
        {"SEARCH messages USING INDEX messages_uid (mailbox=? AND uid>? AND uid<?)"},
    ),
    "local: lost": (
        observe_local.LOST_FILE,
        {"SEARCH messages USING INDEX messages_name (mailbox=? AND name=?)"},
    ),
    "local: renewed": (
        observe_local.RENEWED,
        {"SEARCH messages USING INDEX messages_name (mailbox=? AND name=?)"},
    ),
    "local: changed": (
        observe_local.CHANGED,
        {"SEARCH messages USING INDEX messages_name (mailbox=? AND name=?)"},
    ),
    "local: came back": (
        observe_local.CAME_BACK,
        {"SEARCH messages USING INDEX messages_name (mailbox=? AND name=?)"},
    ),
    "local: added": (
        observe_local.ADDED,
        {"SEARCH messages USING COVERING INDEX messages_name (mailbox=? AND name=?)"},
    ),
    "local: absent": (
        observe_local.ABSENT,
        {"SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"},
    ),
    "delivered": (outcomes._DELIVER, {"SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"}),
    "clashes": (
        outcomes._CLASHES,
        {
            "SEARCH mine USING INTEGER PRIMARY KEY (rowid=?)",
            "SEARCH messages USING INDEX messages_name (mailbox=? AND name=?)",
        },
    ),
    "moved": (outcomes._MOVE_FILE, {"SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"}),
    "agreed": (sql._AGREE, {"SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"}),
    "paired": (pairing._MERGE, {"SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"}),
    "counts": (mailboxes._COUNTS, {"SCAN messages USING COVERING INDEX messages_sides"}),
    "count": (
        observe._COUNT,
        {"SEARCH messages USING COVERING INDEX messages_sides (mailbox=? AND server=?)"},
    ),
    "nothing left": (
        waits._NOTHING_LEFT,
        {"SCAN messages USING INDEX messages_open"},
    ),
    "keywords": (
        mailboxes._KEYWORDS,
        {"SEARCH messages USING INDEX messages_extra (mailbox=?)"},
    ),
    "young again": (
        waits._YOUNG_AGAIN,
        {"SEARCH messages USING INDEX messages_open (wait=?)"},
    ),
    "held": (guard._HELD, {"SEARCH messages USING INDEX messages_open (wait=?)"}),
    "accept": (guard._ACCEPT, {"SEARCH messages USING INDEX messages_open (wait=?)"}),
    "quick: due": (quick.ANY_DUE, {"SEARCH messages USING INDEX messages_open (wait=?)"}),
    "quick: stuck": (quick.STUCK, {"SEARCH messages USING INDEX messages_open (wait=?)"}),
    "quick: deleted": (
        quick.ANY_DELETED_DUE,
        {"SCAN messages USING INDEX messages_deleted"},
    ),
    "quick: waiting": (
        quick.WAITING,
        {"SEARCH messages USING INDEX messages_open (wait<?)"},
    ),
}


@pytest.mark.parametrize("what", SEARCHES)
def test_plan(cache: Cache, what: str) -> None:
    statement, steps = SEARCHES[what]
    raw = cache._connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    bound = BOUND if ":" in str(statement) else ()
    found = raw.execute(f"EXPLAIN QUERY PLAN {statement}", bound).fetchall()
    plan = [row[3] for row in found]
    assert {step for step in plan if " messages" in step or " mine" in step} == steps, plan


def test_the_condition_is_one_text(tmp_path: Path) -> None:
    """Each row that Python calls open is in the index, and no other."""
    from itertools import product

    cache = Cache.open(str(tmp_path / "state"), "account")
    with cache._tx() as c:
        c.exec_driver_sql("INSERT INTO mailboxes (name) VALUES ('A')")
        rows = list(product(range(4), range(4), (0, 1), (0, 1), (None, 0, 1), range(3)))
        sql.many(
            c,
            "INSERT INTO messages (mailbox, server, local, server_flags, local_flags, synced,"
            " settled) VALUES (1, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    open_ids = {row.id for row in cache.open_rows()}
    for number, (server, local, shown, files, synced, settled) in enumerate(rows, 1):
        closed = settled == 2 or (server == local == 1 and shown == files == synced)
        assert (number in open_ids) is not closed
    cache.close()
