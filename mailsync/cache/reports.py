# ruff: noqa: S608 (the statements are put together from constants of this room)
"""What is not done, and why; counts."""

from __future__ import annotations

from sqlalchemy import Connection, text

from mailsync.cache.schema import OPEN
from mailsync.cache.words import Matter, Report, Totals
from mailsync.model.rows import Side, Wait

_WAITING = text(f"""
    SELECT mailboxes.name, messages.wait, messages.wait_side, messages.wait_reason, count(*)
    FROM messages CROSS JOIN mailboxes ON mailboxes.id = messages.mailbox
    WHERE {OPEN} AND messages.wait BETWEEN 1 AND :most AND mailboxes.selected
    GROUP BY 1, 2, 3, 4""")
_KEPT = text("""
    SELECT mailboxes.name, messages.wait_side, messages.wait_reason, count(*)
    FROM messages CROSS JOIN mailboxes ON mailboxes.id = messages.mailbox
    WHERE messages.settled = 2 AND mailboxes.selected GROUP BY 1, 2, 3""")
_PARKED = text(f"""
    SELECT mailboxes.name, messages.error, count(*), min(messages.next_try)
    FROM messages CROSS JOIN mailboxes ON mailboxes.id = messages.mailbox
    WHERE {OPEN} AND messages.wait = 0 AND messages.next_try IS NOT NULL AND mailboxes.selected
    GROUP BY 1, 2""")
_BOXES = text("""
    SELECT name, held, wait_side, wait_reason, error, next_try FROM mailboxes
    WHERE selected AND (held OR next_try IS NOT NULL)""")
_INTENTS = text("""
    SELECT mailboxes.name, intents.kind, count(*)
    FROM intents JOIN mailboxes ON mailboxes.id = intents.mailbox GROUP BY 1, 2""")
_MATTERS = {1: Matter.HELD, 2: Matter.UNSENT, 3: Matter.KEPT, 4: Matter.OUT}
_TOTALS = text("""
    SELECT count(*), sum(local IN (1, 3)), sum(settled = 2) FROM messages""")
_OPEN = text(f"""
    SELECT count(*), sum(wait = 1), sum(wait = 2), sum(wait = 3),
        sum(wait = 0 AND next_try IS NOT NULL)
    FROM messages WHERE {OPEN}""")


def reports(c: Connection, out: bool) -> list[Report]:
    """By name of mailbox; selected mailboxes only.  `out`: also what is out of scope, which may
    be most of what there is."""
    most = {"most": int(Wait.OUT if out else Wait.KEPT)}
    found = [
        Report(name, _MATTERS[wait], _side(side), count, reason or "")
        for name, wait, side, reason, count in c.execute(_WAITING, most)
    ]
    found += [
        Report(name, Matter.KEPT, _side(side), count, reason or "")
        for name, side, reason, count in c.execute(_KEPT)
    ]
    found += [
        Report(name, Matter.PARKED, None, count, error or "", next_try)
        for name, error, count, next_try in c.execute(_PARKED)
    ]
    found += [
        Report(name, Matter.INTENT, Side.SERVER, count, kind)
        for name, kind, count in c.execute(_INTENTS)
    ]
    for name, held, side, reason, error, next_try in c.execute(_BOXES):
        if held:
            found.append(Report(name, Matter.HELD, _side(side), 0, reason or ""))
        if next_try is not None:
            found.append(Report(name, Matter.PARKED, None, 0, error or "", next_try))
    return sorted(found, key=lambda report: (report.mailbox, report.matter, report.reason))


def _side(stored: str | None) -> Side | None:
    return None if stored is None else Side(stored)


def totals(c: Connection) -> Totals:
    messages, files, kept = c.execute(_TOTALS).one()
    open_, held, unsent, waiting, parked = c.execute(_OPEN).one()
    counts = {
        table: c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
        for table in ("mailboxes", "intents", "deletions")
    }
    return Totals(
        messages=messages,
        files=files or 0,
        open=open_,
        held=held or 0,
        parked=parked or 0,
        unsent=unsent or 0,
        kept=(kept or 0) + (waiting or 0),
        **counts,
    )
