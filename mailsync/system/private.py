"""What nobody else may touch: the state directory, and a Maildir when root is at work
(reliability.md §4.3)."""

from __future__ import annotations

import logging
import os
import pwd
import stat

from mailsync.model.errors import ConfigError
from mailsync.system.text import safe

ALLOW = "MAILSYNC_ALLOW_ROOT"  # set to 1: root may work for others

log = logging.getLogger("mailsync.system")


def private_directory(path: str) -> None:
    """Made where it is missing; then it is our own and closed to everybody else (0700).

    Raises OSError, and ConfigError for one that belongs to somebody else: whoever owns it can
    change the cache and whatever lies in undo.
    """
    os.makedirs(path, mode=0o700, exist_ok=True)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        seen = os.fstat(fd)
        if seen.st_uid != os.geteuid():
            raise ConfigError(
                f"the state directory {safe(path)} belongs to {_user(seen.st_uid)}: run mailsync "
                "as that user, or choose another directory (state)"
            )
        if stat.S_IMODE(seen.st_mode) & 0o077:
            _close(fd, path)
    finally:
        os.close(fd)


def _close(fd: int, path: str) -> None:
    try:
        os.fchmod(fd, 0o700)
    except OSError as error:  # some file systems keep no modes
        log.warning("%s is open to others, and stays so: %s", safe(path), error.strerror)
    else:
        log.warning("%s was open to others: its mode is 0700 now", safe(path))


def check_owner(maildir: str) -> None:
    """Raises ConfigError where root would write into the Maildir of somebody else, who could not
    read what comes, and could lead root astray by links."""
    if os.geteuid() != 0 or os.environ.get(ALLOW) == "1":
        return
    owner = _owner(maildir)
    if owner != 0:
        raise ConfigError(
            f"{safe(maildir)} belongs to {_user(owner)}, and this is root: run mailsync as that "
            f"user (`sudo -u {_user(owner)} mailsync …`); {ALLOW}=1 in the environment lets root "
            "do it"
        )


def _owner(path: str) -> int:
    """Of the directory, or of the nearest one above it that is there."""
    while True:
        try:
            return os.stat(path).st_uid
        except (FileNotFoundError, NotADirectoryError):
            above = os.path.dirname(path)
            if above == path:
                return 0
            path = above
        except OSError:
            return 0  # the sync says what is wrong with it


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
