"""What must be looked at before pairing and moves can be decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mailsync.model.actions import Rung
from mailsync.model.content import ADDED_SIZE
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.rows import Mailbox, Presence, Role, Row
from mailsync.planner.ladder import (
    EMAIL_ID,
    LONGEST,
    MOVED_NAME,
    OWN_NAME,
    between,
    climb,
    dates,
    is_draft,
    sizes,
)
from mailsync.planner.moves import (
    deleted_files,
    expunged,
    left_on_both,
    new_files,
    new_messages,
)
from mailsync.planner.pairing import match, moved_by_name, opposites
from mailsync.planner.policy import Bounds, Policy
from mailsync.planner.scene import Scene, survey, uid_order

T = Presence.THERE


@dataclass(frozen=True, slots=True)
class Needs:
    """`headers`: server rows whose header is wanted; `digests`: files whose bytes are wanted;
    `bodies`: messages on the server to be read whole."""

    headers: dict[MailboxId, tuple[Row, ...]] = field(default_factory=dict)
    digests: dict[MailboxId, tuple[Row, ...]] = field(default_factory=dict)
    bodies: dict[MailboxId, tuple[Row, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.headers or self.digests or self.bodies)


@dataclass(slots=True)
class _Wanted:
    headers: dict[RowId, Row] = field(default_factory=dict)
    digests: dict[RowId, Row] = field(default_factory=dict)
    bodies: dict[RowId, Row] = field(default_factory=dict)


def needs(
    rows: Sequence[Row],
    candidates: Sequence[Row],
    mailboxes: Sequence[Mailbox],
    bounds: Mapping[MailboxId, Bounds] = {},
) -> Needs:
    """Ask again after the answers are stored, until nothing is needed: sizes come with digests.

    Files are asked for wherever a message may be theirs (reading is cheap, and an upload reads
    them anyway); headers only where date or size are equal.  A message for which an answer
    cannot be had is asked for again: bound the questions.
    """
    scene = survey(rows, candidates, mailboxes, Policy(bounds=bounds))
    wanted = _Wanted()
    spent = _pairing_wants(scene, wanted)
    _local_moves_want(scene, spent, wanted)
    _server_moves_want(scene, spent, wanted)
    return Needs(
        _by_mailbox(wanted.headers.values()),
        _by_mailbox(wanted.digests.values()),
        _by_mailbox(wanted.bodies.values()),
    )


def _by_mailbox(rows: Iterable[Row]) -> dict[MailboxId, tuple[Row, ...]]:
    found: defaultdict[MailboxId, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=uid_order):
        found[row.mailbox].append(row)
    return {box: tuple(members) for box, members in found.items()}


def _pairing_wants(scene: Scene, wanted: _Wanted) -> set[RowId]:
    """For pairs inside a mailbox; the rows that have a partner without looking."""
    spent: set[RowId] = set()
    lost = [row for row in expunged(scene, ()) if row.synced is not None]
    moved = moved_by_name(scene)
    for box, (messages, files) in opposites(scene).items():
        for one in match(scene, messages, files, (EMAIL_ID, OWN_NAME), moved):
            spent.update((one.left.id, one.right.id))
            if scene.states(one.right)[1] is not T:
                continue
            ask_files((one.right,), lost, wanted)
            if one.rung is Rung.OWN_NAME:
                _ask_if_edited(scene, one.left, one.right, wanted)
        messages = [row for row in messages if row.id not in spent]
        files = [row for row in files if row.id not in spent]
        there = [row for row in files if scene.states(row)[1] is T]
        ask_files(there, messages, wanted)
        ask_headers(messages, files, wanted)
        if scene.boxes[box].role is Role.DRAFTS and messages:
            wanted.digests.update((row.id, row) for row in there if row.body is None)
    return spent


def _ask_if_edited(scene: Scene, message: Row, file: Row, wanted: _Wanted) -> None:
    """Edited in the second that it was made in?  Of a message that lost its file to one of our own
    name and of which no bytes are known (the cache was lost once), the server says them."""
    lost_file = scene.states(message)[1] is Presence.GONE
    if file.body is None and (message.body is not None or lost_file):
        wanted.digests[file.id] = file
    if message.body is None and lost_file:
        wanted.bodies[message.id] = message


def _local_moves_want(scene: Scene, spent: set[RowId], wanted: _Wanted) -> None:
    sources = deleted_files(scene, spent)
    left_both = left_on_both(scene, spent)
    if not sources and not left_both:
        return
    files = new_files(scene, spent)
    known = climb((MOVED_NAME,), [(sources, files), (left_both, files)])
    done = {row.id for one in known for row in (one.left, one.right)}
    sources = [row for row in sources if row.id not in done]
    files = [row for row in files if row.id not in done]
    ask_files(files, sources + left_both, wanted)
    ask_headers(sources, files, wanted)


def _server_moves_want(scene: Scene, spent: set[RowId], wanted: _Wanted) -> None:
    sources = expunged(scene, spent)
    left_both = left_on_both(scene, spent)
    if not sources and not left_both:
        return
    arrived = new_messages(scene, spent)
    known = climb((EMAIL_ID,), [(arrived, sources), (arrived, left_both)], home_first=True)
    done = {row.id for one in known for row in (one.left, one.right)}
    sources = [row for row in sources if row.id not in done]
    arrived = [row for row in arrived if row.id not in done]
    ask_files([row for row in sources if row.header is None], arrived, wanted)
    ask_headers(arrived, sources + left_both, wanted)
    ask_bodies(arrived, sources + left_both, wanted)


# -- prefilters --------------------------------------------------------------------------------


def ask_files(files: Iterable[Row], others: Sequence[Row], wanted: _Wanted) -> None:
    """Files not read yet of which one of `others` may be the message: date or size agree."""
    unread = [row for row in files if row.body is None]
    if not unread or not others:
        return
    known_dates = {date for row in others for date in dates(row)}
    known_files = sorted({row.file_size for row in others if row.file_size is not None})
    lengths = sorted({size for row in others if row.file_size is None for size in sizes(row)})
    unmeasured = any(row.file_size is None and not sizes(row) for row in others)
    for row in unread:
        size = row.file_size
        if (
            size is None
            or unmeasured
            or between(known_files, size - ADDED_SIZE, size + ADDED_SIZE)
            or not dates(row).isdisjoint(known_dates)
            or between(lengths, size - ADDED_SIZE, LONGEST * size + ADDED_SIZE)
        ):
            wanted.digests[row.id] = row


def ask_headers(messages: Iterable[Row], files: Sequence[Row], wanted: _Wanted) -> None:
    """Messages whose header is not known and of which one of `files` may be the file."""
    known_dates = {date for row in files for date in dates(row)}
    known_sizes = {size for row in files for size in sizes(row)}
    for row in messages:
        if (
            row.body is None
            and row.header is None
            and row.server_header is None
            and not is_draft(row)
            and (not dates(row).isdisjoint(known_dates) or not sizes(row).isdisjoint(known_sizes))
        ):
            wanted.headers[row.id] = row


def ask_bodies(messages: Iterable[Row], sources: Sequence[Row], wanted: _Wanted) -> None:
    """Drafts that may have moved: a header does not tell one version from another, only the whole
    body does.  Read for a size that is equal, so that a draft is not sent to where it is already.
    """
    drafts = {size for row in sources if is_draft(row) for size in sizes(row)}
    others = {size for row in sources for size in sizes(row)}
    for row in messages:
        if row.body is None and not sizes(row).isdisjoint(others if is_draft(row) else drafts):
            wanted.bodies[row.id] = row
