"""Mailboxes as directories: what has cur/ in it is a mailbox; `walk` is that of layout nested."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Sequence

from mailsync.local import keywords, names, plusplus
from mailsync.local.listing import look_at
from mailsync.local.tree import FOLDERS, Tree
from mailsync.model import mailboxname
from mailsync.model.errors import Help, Reach, StorageError
from mailsync.model.layout import Layout
from mailsync.model.mailboxname import MailboxName
from mailsync.system.text import safe
from mailsync.system.trouble import in_the_way, translated

OTHER_LAYOUT = 'layout = "maildir++" is the one that has those'
_CLOSED = (errno.EACCES, errno.EPERM)
_USED = (errno.ENOTEMPTY, errno.EEXIST)
_MOUNTED = (errno.EBUSY, errno.EXDEV)


def walk(tree: Tree, closed: dict[str, StorageError] | None) -> tuple[list[MailboxName], list[str]]:
    found: list[MailboxName] = []
    notices: list[str] = []
    waiting = [""]
    while waiting:
        name = waiting.pop()
        path = f"{tree.root}/{name or '.'}"
        try:
            inside = _directories(tree, path, notices)
        except StorageError as error:
            if closed is None or not name or error.reach is Reach.ACCOUNT:
                raise
            closed[name] = error
            continue
        if inside is None:
            continue
        if "cur" in inside:
            _take(name, path, found, notices)
        prefix = f"{name}/" if name else ""
        waiting += [prefix + part for part in sorted(inside) if part not in FOLDERS]
    return sorted(found), notices


def _take(name: str, path: str, found: list[MailboxName], notices: list[str]) -> None:
    if not name:
        notices.append(
            f"{safe(path[:-2])} itself has a cur/ that is left alone: in this layout INBOX is "
            "the directory INBOX"
        )
        return
    try:
        canonical = mailboxname.join(mailboxname.split(MailboxName(name)))
    except ValueError:
        canonical = None
    if canonical == name:
        found.append(canonical)
    else:
        notices.append(f"skipped {safe(path)}: a mailbox cannot have this name; rename it")


def _directories(tree: Tree, path: str, notices: list[str]) -> set[str] | None:
    """The visible directories in `path`; None: it went away while we looked."""
    inside: set[str] = set()
    with translated("list", path):
        try:
            for part, kind in tree.fs.list(path):
                shown = safe(f"{path.removesuffix('/.')}/{part}")
                if kind == "link":
                    notices.append(f"skipped {shown}: symbolic links are not followed")
                elif kind == "dir" and part.startswith("."):
                    if look_at(tree, f"{path}/{part}/cur"):
                        notices.append(f"skipped {shown}: a hidden directory; {OTHER_LAYOUT}")
                elif kind == "dir":
                    inside.add(part)
        except (FileNotFoundError, NotADirectoryError):
            if path.endswith("/."):
                raise
            return None
        except OSError as error:
            if error.errno in _CLOSED and path.endswith("/lost+found"):  # of ext4
                return None
            raise
    return inside


def create(tree: Tree, mailboxes: Sequence[MailboxName]) -> None:
    """cur/ comes into being only when all else of the mailbox is durable."""
    with translated("make", tree.root):
        changed = tree.make_directory(tree.root)
    for name in mailboxes:
        path = tree.path(name)
        with translated("make", path):
            above = tree.root
            for part in tree.above(name):
                changed += _make(tree, above, part)
                above = part
            for folder in FOLDERS[:-1]:
                changed += _make(tree, path, f"{path}/{folder}")
            changed += plusplus.note(tree, path)
    with translated("make durable", tree.root):
        tree.make_durable(changed)
    changed = []
    for name in mailboxes:
        path = tree.path(name)
        with translated("make", path):
            changed += _make(tree, path, f"{path}/{FOLDERS[-1]}")
    with translated("make durable", tree.root):
        tree.make_durable(changed)


def _make(tree: Tree, above: str, path: str) -> list[str]:
    """Make one directory; the directory whose entries are to be made durable, even if it was
    there: a run that failed may have made it.

    Raises OSError; StorageError when something else is in the way."""
    try:
        tree.fs.mkdir(path)
    except FileExistsError:
        if tree.fs.stat(path).kind != "dir":
            raise in_the_way(path) from None
    return [above]


def remove(tree: Tree, name: MailboxName) -> bool:
    path = tree.path(name)
    with translated("remove", path):
        if look_at(tree, path) is None:
            return True
        if path == tree.root:
            return False
        children = _only_children(tree, path)
        if children is None:
            return False
        plusplus.clear(tree, path)
        gone: list[str] = []
        try:
            for folder in FOLDERS:
                with contextlib.suppress(FileNotFoundError):
                    tree.fs.rmdir(f"{path}/{folder}")
                    gone.append(folder)
        except OSError as error:
            for folder in gone:
                tree.fs.mkdir(f"{path}/{folder}")
            if error.errno in _USED:  # something came meanwhile
                return False
            raise
        for file in keywords.FILES:
            with contextlib.suppress(FileNotFoundError):
                tree.fs.unlink(f"{path}/{file}")
        tree.make_durable([_prune(tree, name) if not children else path])
    return True


def _only_children(tree: Tree, path: str) -> list[str] | None:
    """The directories below a mailbox that are not its folders; None: it holds what is not ours."""
    children: list[str] = []
    for part, kind in tree.fs.list(path):
        if kind == "file" and (plusplus.is_bookkeeping(tree, part) or part in keywords.FILES):
            continue
        if kind != "dir" or part.startswith("."):
            return None
        if part not in FOLDERS:
            if tree.layout is Layout.MAILDIRPP:  # some reader's own
                return None
            children.append(part)
            continue
        for file, _ in tree.fs.list(f"{path}/{part}"):
            if part != "tmp" or not names.is_own(file):
                return None
            tree.fs.unlink(f"{path}/{part}/{file}")
    return children


def _prune(tree: Tree, name: MailboxName) -> str:
    """Remove the empty directories from the mailbox's own upwards; the first that stays."""
    for path in reversed(tree.above(name)):
        if look_at(tree, f"{path}/cur"):
            return path
        try:
            tree.fs.rmdir(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno in (*_USED, errno.EBUSY):  # the last: a file system is mounted there
                return path
            raise
    return f"{tree.root}/."


@contextlib.contextmanager
def _in_one_file_system(source: str, new: MailboxName) -> Iterator[None]:
    """Where another one is mounted there, nothing else of the account waits for it."""
    try:
        yield
    except OSError as error:
        if error.errno not in _MOUNTED:
            raise
        raise StorageError(
            f"cannot rename {safe(source)} to {new}: {error.strerror}; it is another file system, "
            "or in one: mount it, or move it there, by hand",
            reach=Reach.MAILBOX,
            help=Help.ASK,
        ) from error


def rename(tree: Tree, old: MailboxName, new: MailboxName) -> bool:
    """Exactly this mailbox: those below it stay."""
    source, target = tree.path(old), tree.path(new)
    with translated(f"rename to {new}", source), _in_one_file_system(source, new):
        if look_at(tree, f"{source}/cur") is None:
            return look_at(tree, f"{target}/cur") is not None
        if look_at(tree, f"{target}/cur") is not None:
            return False
        changed = tree.make_directory(tree.root)
        above = tree.root
        for part in tree.above(new)[:-1]:
            changed += _make(tree, above, part)
            above = part
        try:
            plusplus.make_way(tree, target)
            if target.startswith(f"{source}/") or _has_below(tree, source):
                raise FileExistsError
            tree.fs.rename(source, target)
        except FileExistsError:  # mailboxes below the one or the other: only ours goes
            changed += _make(tree, above, target)
            plusplus.note(tree, target)
            _rename_folders(tree, source, target)
            changed.append(target)
        tree.make_durable([*changed, above, _prune(tree, old)])
    return True


def _has_below(tree: Tree, path: str) -> bool:
    return tree.layout is Layout.NESTED and any(
        kind == "dir" and part not in FOLDERS for part, kind in tree.fs.list(path)
    )


def _rename_folders(tree: Tree, source: str, target: str) -> None:
    """cur/ last, and only when all else is durable: until then the old one is the mailbox."""
    for folder in FOLDERS[:-1]:
        if look_at(tree, f"{source}/{folder}"):
            tree.fs.rename(f"{source}/{folder}", f"{target}/{folder}")
    if look_at(tree, f"{source}/{keywords.FILE}"):  # what the letters in cur/ mean
        tree.fs.replace(f"{source}/{keywords.FILE}", f"{target}/{keywords.FILE}")
    tree.make_durable([target, source])
    tree.fs.rename(f"{source}/{FOLDERS[-1]}", f"{target}/{FOLDERS[-1]}")


def is_directory(tree: Tree) -> bool:
    try:
        return tree.fs.stat(f"{tree.root}/.").kind == "dir"
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StorageError(f"cannot look at {safe(tree.root)}: {error.strerror}") from error
