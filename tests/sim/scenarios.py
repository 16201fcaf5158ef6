"""Named scenarios: what was there, what users did, what both sides must hold at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from mailsync.model.layout import Layout
from mailsync.model.naming import NameRule, NameRules
from mailsync.model.settings import Deletions
from sim.oracle import View, body_of
from sim.server_profile import Profile, condstore, plain, plain_no_uidplus, strict_qresync
from sim.stack import Stack


@dataclass(frozen=True)
class Scenario:
    """`before`, a clean sync, `change`, the sync under test; then both sides hold `after`."""

    name: str
    before: Callable[[Stack], None]
    change: Callable[[Stack], None]
    after: dict[str, str]  # mailbox → "ghost:FLAGS ghost …"
    profile: Callable[[], Profile] = strict_qresync
    account: dict[str, object] = field(default_factory=dict)
    here: dict[str, str] = field(default_factory=dict)  # what mailboxes are called in the Maildir
    trashed: str = ""  # what Gmail, which is never sent EXPUNGE, has in \\Trash in the end

    def stack(self, seed: int | str = 0) -> Stack:
        return Stack(f"{self.name}/{seed}", self.profile(), **self.account)

    @property
    def expected(self) -> dict[str, View]:
        return views(self.after)


def views(after: Mapping[str, str]) -> dict[str, View]:
    """From `{"INBOX": "ghost:FLAGS ghost"}`."""
    found: dict[str, View] = {}
    for box, text in after.items():
        found[box] = view = Counter()
        for word in text.split():
            ghost, _, letters = word.partition(":")
            view[ghost, letters] += 1
    return found


def nothing(stack: Stack) -> None:
    pass


def six(stack: Stack) -> None:
    """a b c in INBOX, d e in Work; b seen, e flagged."""
    stack.server.create("Work")
    for ghost in "abc":
        stack.serve("INBOX", ghost, *(["\\Seen"] if ghost == "b" else []))
    stack.serve("Work", "d")
    stack.serve("Work", "e", "\\Flagged")


def six_apart(stack: Stack) -> None:
    """undo/ is on another disk."""
    stack.disk.mount(str(stack.state))
    six(stack)


def without_syncfs(stack: Stack) -> None:
    stack.disk.has_barrier = False


PP: dict[str, object] = {"layout": Layout.MAILDIRPP}
SIX = {"INBOX": "a b:S c", "Work": "d e:F"}


def both_new(s: Stack) -> None:
    s.serve("INBOX", "f", "\\Answered")
    s.serve("Work", "g")
    s.file("INBOX", "h")
    s.file("Work", "i", ":2,FS")


def flags(s: Stack) -> None:
    s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), ["\\Flagged"])
    s.flag("INBOX", "a", "S")
    s.flag("INBOX", "b", "")
    s.server.set_flags("Work", s.uid_of("Work", "e"), ["\\Seen"], ["\\Flagged"])
    s.flag("Work", "d", "RS")


def deleted_both_ways(s: Stack) -> None:
    s.expunge("INBOX", "a")
    s.unlink("INBOX", "b")
    s.unlink("Work", "e")
    s.server.expunge("Work", s.uid_of("Work", "e"))


def marked_both_ways(s: Stack) -> None:
    """Gmail is never sent \\Deleted: what is marked here alone stays there."""
    s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), ["\\Deleted"])
    s.flag("INBOX", "a", "T")
    s.server.set_flags("Work", s.uid_of("Work", "e"), ["\\Deleted"])
    s.server.witness.agreed |= {"a", "e"}  # with expunge-deleted that is what it says


def moved_locally(s: Stack) -> None:
    s.move_file("INBOX", "a", "Work")
    s.move_file("INBOX", "b", "Archive", unique="777.new.reader")
    s.flag("Work", "d", "S")


def moved_on_server(s: Stack) -> None:
    s.server.create("Archive")
    s.server.move("INBOX", s.uid_of("INBOX", "a"), "Work")
    s.server.move("INBOX", s.uid_of("INBOX", "b"), "Archive")
    s.flag("INBOX", "a", "F")


def moved_apart(s: Stack) -> None:
    """Story (d)."""
    s.server.create("Archive")
    s.server.move("INBOX", s.uid_of("INBOX", "a"), "Archive")
    s.move_file("INBOX", "a", "Work", unique="888.other.reader")


def moved_and_deleted(s: Stack) -> None:
    """Two reasons to expunge in one mailbox."""
    s.move_file("INBOX", "a", "Work")
    s.unlink("INBOX", "b")
    s.unlink("Work", "e")


def delete_against_change(s: Stack) -> None:
    """Story (c) and its mirror image."""
    s.flag("INBOX", "a", "S")
    s.expunge("INBOX", "a")
    s.flag("INBOX", "c", "F")
    s.server.expunge("INBOX", s.uid_of("INBOX", "c"))
    s.server.set_flags("Work", s.uid_of("Work", "d"), ["\\Answered"])
    path = s.path_of("Work", "d")
    s.fs.unlink(path)
    s.fs.sync_dir(path.rpartition("/")[0])


def uidvalidity(s: Stack) -> None:
    """Story (e), small."""
    s.server.new_uidvalidity("INBOX", 10)
    s.serve("INBOX", "f")
    s.file("INBOX", "g")


def cache_lost(s: Stack) -> None:
    for path in s.state.glob("cache.db*"):
        path.unlink()
    s.serve("INBOX", "f")
    s.file("Work", "g")


def mailboxes(s: Stack) -> None:
    s.server.create("New/Deep")
    s.serve("New/Deep", "f")
    s.file("Home/Own", "g")
    s.server.rename("Work", "Job")


def with_empty_ones(s: Stack) -> None:
    six(s)
    for box in ("Void", "Past"):
        s.server.create(box)


def empty_ones_removed(s: Stack) -> None:
    """One on either side, with new mail elsewhere."""
    s.unmake("Void")
    s.server.delete("Past")
    s.serve("INBOX", "f")
    s.file("Work", "g")


def renamed_here(s: Stack) -> None:
    """Story (m), with a flag and new mail on the way."""
    s.fs.rename("/mail/Work", "/mail/Job")
    s.fs.sync_dir("/mail")
    s.flag("Job", "d", "S")
    s.serve("Work", "f")


def with_parents(s: Stack) -> None:
    """Old is only the parent of Old/Child; Work has a mailbox of its own below."""
    six(s)
    for box, ghost in (("Work/Sub", "s"), ("Old/Child", "o")):
        s.server.create(box)
        s.serve(box, ghost)


def renamed_onto_a_parent(s: Stack) -> None:
    """The server cannot RENAME there; a flag and new mail on the way."""
    for part in ("cur", "new", "tmp", "Sub"):
        s.fs.rename(f"/mail/Work/{part}", f"/mail/Old/{part}")
    s.fs.rmdir("/mail/Work")
    for folder in ("/mail/Old", "/mail"):
        s.fs.sync_dir(folder)
    s.flag("Old", "d", "S")
    s.serve("Work", "f")
    s.file("Old", "g")


def with_child(s: Stack) -> None:
    six(s)
    s.server.create("Work/Sub")
    s.serve("Work/Sub", "s")


def both_renamed_here(s: Stack) -> None:
    """A parent, and its child to another name below the parent's new one: the one RENAME on the
    server takes the child along, and the other depends on it."""
    s.fs.rename("/mail/Work", "/mail/Job")
    s.fs.rename("/mail/Job/Sub", "/mail/Job/Part")
    for folder in ("/mail/Job", "/mail"):
        s.fs.sync_dir(folder)
    s.flag("Job/Part", "s", "S")
    s.serve("Work/Sub", "f")


def both_renamed_in_the_root(s: Stack) -> None:
    """As Dovecot renames a mailbox with another one below: one directory after the other."""
    for old, new in ((".Work", ".Job"), (".Work.Sub", ".Job.Sub")):
        s.fs.rename(f"/mail/{old}", f"/mail/{new}")
    s.fs.sync_dir("/mail")
    s.flag("Job/Sub", "s", "S")
    s.flag("Job", "d", "R")
    s.serve("Work/Sub", "f")


def half_renamed_in_the_root(s: Stack) -> None:
    """The same, seen while the reader is at it."""
    s.fs.rename("/mail/.Work", "/mail/.Job")
    s.fs.sync_dir("/mail")
    s.flag("Work/Sub", "s", "S")


def renamed_there(s: Stack) -> None:
    s.server.rename("Work", "Job")
    s.flag("Work/Sub", "s", "S")
    s.serve("Job", "f")
    s.file("Work", "g")


def called_otherwise(s: Stack) -> None:
    """Rules for names are set, with changes on both sides."""
    rules = NameRules((NameRule("Work/*", "*"), NameRule("Work", "Job")))
    s.account = replace(s.account, mailbox_names=rules)
    for there, here in (("Work", "Job"), ("Work/Sub", "Sub")):
        s.server.witness.renamed(there, here)
    s.flag("Work", "d", "R")
    s.serve("Work/Sub", "f")
    s.file("New", "g")


def subscriptions(s: Stack) -> None:
    """One that is not subscribed to any more, and a new one here."""
    s.server.state.subscribed.discard(b"Work")
    s.file("New/Deep", "g", ":2,S")
    s.serve("INBOX", "f")


def renamed_apart(s: Stack) -> None:
    s.server.rename("Work", "Office")
    s.fs.rename("/mail/Work", "/mail/Job")
    s.fs.sync_dir("/mail")


def draft_saved_anew(s: Stack) -> None:
    """Story (j): a draft edited in place and one saved anew."""
    s.oracle.deleted |= {"x", "y"}
    path = s.path_of("Drafts", "x")
    s.fs.unlink(path)
    s.file("Drafts", "x2", ":2,D")
    old = s.path_of("Drafts", "y")
    s.fs.unlink(old)
    body = body_of("y2", 5)
    s.oracle.born("y2", body)
    s.write(old, body, 1_700_009_999)


def edited_at_once(s: Stack) -> None:
    """Two drafts edited in the second of their date; another client moved the one, and copied the
    other to where it is."""
    for ghost in "xy":
        path = s.path_of("Drafts", ghost)
        second = s.fs.stat(path).mtime_ns // 1_000_000_000
        s.oracle.deleted.add(ghost)
        s.fs.unlink(path)
        body = body_of(f"{ghost}2", 500)
        s.oracle.born(f"{ghost}2", body)
        s.write(path, body, second)
    s.server.move("Drafts", s.uid_of("Drafts", "x"), "Work")
    s.server.copy("Drafts", s.uid_of("Drafts", "y"), "Drafts")


def beyond(s: Stack) -> None:
    """Two in each mailbox are too large for max-size, one on either side only."""
    six(s)
    s.serve("INBOX", "large", size=20_000)
    s.file("Work", "huge", size=20_000)


def nameless(s: Stack) -> None:
    """Without a Message-ID, or with one for all."""
    s.server.create("Work")
    for ghost in ("a~", "b=", "c="):
        s.serve("INBOX", ghost)
    s.serve("Work", "d=", "\\Flagged")


def nameless_changed(s: Stack) -> None:
    s.move_file("INBOX", "a~", "Work")
    s.move_file("INBOX", "b=", "Archive", unique="777.new.reader")
    s.unlink("Work", "d=")
    s.file("INBOX", "e~")
    s.file("INBOX", "f~", ":2,S")
    s.file("Work", "g=")
    s.serve("INBOX", "h=")


def limit_lifted(s: Stack) -> None:
    """What was out of scope is brought, beside what is to be done anyhow."""
    s.account = replace(s.account, max_size=None)
    s.flag("INBOX", "a", "S")
    s.unlink("INBOX", "c")
    s.move_file("Work", "huge", "INBOX")


def drafts(s: Stack) -> None:
    s.serve("Drafts", "x", "\\Draft")
    s.serve("Drafts", "y", "\\Draft")


def drafts_and_work(s: Stack) -> None:
    drafts(s)
    s.server.create("Work")


SCENARIOS = [
    Scenario("first pull", nothing, six, SIX),
    Scenario("first pull, plain server", nothing, six, SIX, plain),
    Scenario("first pull, no syncfs", without_syncfs, six, SIX),
    Scenario(
        "new on both sides", six, both_new, {"INBOX": "a b:S c f:R h", "Work": "d e:F g i:FS"}
    ),
    Scenario(
        "new on both sides, plain",
        six,
        both_new,
        {"INBOX": "a b:S c f:R h", "Work": "d e:F g i:FS"},
        plain,
    ),
    Scenario(
        "new on both sides, no UIDPLUS",
        six,
        both_new,
        {"INBOX": "a b:S c f:R h", "Work": "d e:F g i:FS"},
        plain_no_uidplus,
    ),
    Scenario("flags on both sides", six, flags, {"INBOX": "a:FS b c", "Work": "d:RS e:S"}),
    Scenario(
        "flags on both sides, CONDSTORE",
        six,
        flags,
        {"INBOX": "a:FS b c", "Work": "d:RS e:S"},
        condstore,
    ),
    Scenario(
        "deleted on both sides",
        six,
        deleted_both_ways,
        {"INBOX": "c", "Work": "d"},
        trashed="b:S",
    ),
    Scenario(
        "deleted on both sides, undo on another disk",
        six_apart,
        deleted_both_ways,
        {"INBOX": "c", "Work": "d"},
        trashed="b:S",
    ),
    Scenario(
        "deleted on both sides, no UIDPLUS",
        six,
        deleted_both_ways,
        {"INBOX": "c", "Work": "d"},
        plain_no_uidplus,
    ),
    Scenario(
        "moved and deleted, no UIDPLUS",
        six,
        moved_and_deleted,
        {"INBOX": "c", "Work": "a d"},
        plain_no_uidplus,
        {"deletions": Deletions.EXPUNGE},
    ),
    Scenario(
        "deleted into the trash, no UIDPLUS",
        six,
        moved_and_deleted,
        {"INBOX": "c", "Work": "a d", "Trash": "b:S e:F"},
        plain_no_uidplus,
        {"deletions": Deletions.TRASH},
    ),
    Scenario(
        "deleted into the trash",
        six,
        deleted_both_ways,
        {"INBOX": "c", "Work": "d", "Trash": "b:S"},
        account={"deletions": Deletions.TRASH},
    ),
    Scenario(
        "marked, into the trash",
        six,
        marked_both_ways,
        {"INBOX": "b:S c", "Work": "d", "Trash": "a e:F"},
        account={"deletions": Deletions.TRASH, "expunge_deleted": True},
    ),
    Scenario(
        "marked, into the trash, plain server",
        six,
        marked_both_ways,
        {"INBOX": "b:S c", "Work": "d", "Trash": "a e:F"},
        plain,
        {"deletions": Deletions.TRASH, "expunge_deleted": True},
    ),
    Scenario(
        "moved in the Maildir",
        six,
        moved_locally,
        {"INBOX": "c", "Work": "a d:S e:F", "Archive": "b:S"},
    ),
    Scenario(
        "moved in the Maildir, plain",
        six,
        moved_locally,
        {"INBOX": "c", "Work": "a d:S e:F", "Archive": "b:S"},
        plain,
    ),
    Scenario(
        "no Message-ID",
        nameless,
        nameless_changed,
        {"INBOX": "c= e~ f~:S h=", "Work": "a~ g=", "Archive": "b="},
        trashed="d=:F",
    ),
    Scenario(
        "no Message-ID, no UIDPLUS",
        nameless,
        nameless_changed,
        {"INBOX": "c= e~ f~:S h=", "Work": "a~ g=", "Archive": "b="},
        plain_no_uidplus,
    ),
    Scenario(
        "moved on the server",
        six,
        moved_on_server,
        {"INBOX": "c", "Work": "a:F d e:F", "Archive": "b:S"},
    ),
    Scenario(
        "moved on the server, plain",
        six,
        moved_on_server,
        {"INBOX": "c", "Work": "a:F d e:F", "Archive": "b:S"},
        plain,
    ),
    Scenario(
        "moved apart", six, moved_apart, {"INBOX": "b:S c", "Work": "a d e:F", "Archive": "a"}
    ),
    Scenario(
        "deleted against changed",
        six,
        delete_against_change,
        {"INBOX": "b:S c:F", "Work": "d:R e:F"},
    ),
    Scenario("new UIDVALIDITY", six, uidvalidity, {"INBOX": "a b:S c f g", "Work": "d e:F"}),
    Scenario("cache lost", six, cache_lost, {"INBOX": "a b:S c f", "Work": "d e:F g"}),
    Scenario(
        "mailboxes",
        six,
        mailboxes,
        {"INBOX": "a b:S c", "Job": "d e:F", "New/Deep": "f", "Home/Own": "g"},
    ),
    Scenario(
        "empty mailboxes removed",
        with_empty_ones,
        empty_ones_removed,
        {"INBOX": "a b:S c f", "Work": "d e:F g"},
    ),
    Scenario(
        "mailbox renamed in the Maildir",
        six,
        renamed_here,
        {"INBOX": "a b:S c", "Job": "d:S e:F f"},
    ),
    Scenario(
        "mailbox renamed onto a parent",
        with_parents,
        renamed_onto_a_parent,
        {"INBOX": "a b:S c", "Old": "d:S e:F f g", "Old/Sub": "s", "Old/Child": "o"},
    ),
    Scenario(
        "mailbox renamed onto a parent, plain",
        with_parents,
        renamed_onto_a_parent,
        {"INBOX": "a b:S c", "Old": "d:S e:F f g", "Old/Sub": "s", "Old/Child": "o"},
        plain,
    ),
    Scenario(
        "parent and child renamed",
        with_child,
        both_renamed_here,
        {"INBOX": "a b:S c", "Job": "d e:F", "Job/Part": "s:S f"},
    ),
    Scenario(
        "mailbox renamed apart",
        six,
        renamed_apart,
        {"INBOX": "a b:S c", "Job": "d e:F", "Office": "d e:F"},
    ),
    Scenario("first pull, maildir++", nothing, six, SIX, account=PP),
    Scenario(
        "moved in the Maildir, maildir++",
        six,
        moved_locally,
        {"INBOX": "c", "Work": "a d:S e:F", "Archive": "b:S"},
        account=PP,
    ),
    Scenario(
        "parent and child renamed in the Maildir, maildir++",
        with_child,
        both_renamed_in_the_root,
        {"INBOX": "a b:S c", "Job": "d:R e:F", "Job/Sub": "s:S f"},
        account=PP,
    ),
    Scenario(
        "parent and child half renamed in the Maildir, maildir++",
        with_child,
        half_renamed_in_the_root,
        {"INBOX": "a b:S c", "Job": "d e:F", "Job/Sub": "s:S"},
        account=PP,
    ),
    Scenario(
        "parent and child renamed on the server, maildir++",
        with_child,
        renamed_there,
        {"INBOX": "a b:S c", "Job": "d e:F f g", "Job/Sub": "s:S"},
        account=PP,
    ),
    Scenario(
        "limit lifted",
        beyond,
        limit_lifted,
        {"INBOX": "a:S b:S large huge", "Work": "d e:F"},
        account={"max_size": 5_000},
        trashed="c",
    ),
    Scenario(
        "rules for names",
        with_child,
        called_otherwise,
        {"INBOX": "a b:S c", "Work": "d:R e:F", "Work/Sub": "s f", "Work/New": "g"},
        account=PP,  # all in one directory: a rename of one is whole or not at all
        here={"Work": "Job", "Work/Sub": "Sub", "Work/New": "New"},
    ),
    Scenario(
        "subscriptions",
        six,
        subscriptions,
        SIX | {"INBOX": "a b:S c f", "New/Deep": "g:S"},
        account={"subscribed_only": True},
    ),
    Scenario(
        "draft saved anew", drafts, draft_saved_anew, {"Drafts": "x2:D y2:D"}, trashed="x:D y:D"
    ),
    Scenario(
        "draft edited at once",
        drafts_and_work,
        edited_at_once,
        {"Drafts": "x2:D y:D y2:D", "Work": "x:D"},
        trashed="y:D",
    ),
]
