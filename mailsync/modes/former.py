"""The configuration of the program before us: converted, and asked where its state is."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mailsync.config.former import PROGRAMS, Converted, convert, found
from mailsync.local.former import Places
from mailsync.model.errors import ConfigError
from mailsync.model.settings import Account
from mailsync.system.trouble import advice


def configuration(program: str | None, path: str | None) -> Converted:
    """The one that is meant; raises ConfigError where that cannot be told, or it is wrong."""
    if path is not None:
        return convert(program or _guess(path), os.path.expanduser(path))
    there = [one for one in found() if program in (None, one[0])]
    if len(there) == 1:
        return convert(*there[0])
    if there:
        files = " and ".join(path for _, path in there)
        raise ConfigError(f"there are {files}: say --from {' or --from '.join(PROGRAMS)}")
    raise ConfigError(
        f"no configuration of {program or 'mbsync or OfflineIMAP'} was found; say --old-config FILE"
    )


def _guess(path: str) -> str:
    try:
        with open(os.path.expanduser(path), encoding="utf-8", errors="replace") as file:
            ini = any(line.strip().lower() == "[general]" for line in file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return "offlineimap" if ini else "mbsync"


def configurations(program: str | None, path: str | None) -> tuple[list[Converted], list[str]]:
    """All that may say where the state is, and why one that was not asked for is not used."""
    if path is not None:
        return [configuration(program, path)], []
    made: list[Converted] = []
    told: list[str] = []
    for one in found():
        if program in (None, one[0]):
            try:
                made.append(convert(*one))
            except ConfigError as error:
                told.append(f"{error}: the usual places are searched for its state")
    return made, told


def places(account: Account, known: Sequence[Converted], given: str | None) -> Places:
    """Where the state of the account's Maildir may be: `given`, else as a configuration says, else
    where the programs keep it unless told otherwise."""
    drafts = [one.draft_of(str(account.maildir)) for one in known]
    mine = [draft.places for draft in drafts if draft is not None]
    if given is not None:
        place = os.path.abspath(os.path.expanduser(given))
        named = next((at for at in mine if at.account), Places())
        return Places((f"{place}/", place), place, named.account, named.repository)
    if mine:
        metadata = next((at for at in mine if at.metadata), Places())
        syncs = tuple(path for at in mine for path in at.sync_states)
        return Places(syncs, metadata.metadata, metadata.account, metadata.repository)
    home = os.path.expanduser("~")
    state = os.environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    return Places((f"{home}/.mbsync/", f"{state}/isync/"), f"{home}/.offlineimap")


def renamed(account: Account, known: Sequence[Converted]) -> dict[str, str]:
    """The names of mailboxes that have another one here, by that."""
    drafts = [one.draft_of(str(account.maildir)) for one in known]
    return {old: new for draft in drafts if draft for old, new in draft.renamed.items()}


def check_inbox(account: Account, known: Sequence[Converted]) -> None:
    """Raises ConfigError where INBOX is elsewhere: all of it would be fetched once more, and what
    was changed in it since would be lost sight of."""
    for one in known:
        draft = one.draft_of(str(account.maildir))
        if draft is not None and draft.inbox:
            there, here = os.path.expanduser(draft.inbox), f"{account.maildir}/INBOX"
            if os.path.isdir(f"{there}/cur") and not os.path.lexists(here):
                raise ConfigError(
                    f"INBOX is at {there.rstrip('/')}, and must be at {here}: move it there, then "
                    "tell your mail reader"
                )


def write(made: Converted, path: str) -> None:
    """Into a new file, for nobody else to read.  Raises ConfigError where one is there."""
    path = os.path.expanduser(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        if not os.path.isdir(folder := os.path.dirname(os.path.abspath(path))):
            os.makedirs(folder, mode=0o700)
    except OSError as error:
        raise ConfigError(f"cannot make {folder}: {error.strerror}") from None
    try:
        with open(os.open(path, flags, 0o600), "wb") as file:
            file.write(made.toml().encode())
    except FileExistsError:
        raise ConfigError(f"{path} is there already; nothing was written") from None
    except OSError as error:
        hint = advice(error.errno or 0)
        raise ConfigError(f"cannot write {path}: {error.strerror}; {hint}") from None
