"""Hooks: commands of the user's, at most one for each event at the end of a run.

They run when every lock is given back, so that they may call mailsync themselves.  Accounts with
the same command share one run of it.  What they are told passes through the environment and, as
JSON, standard input; nothing of it is ever part of a shell's text.  One that fails is one line
and exit status 1; `on-error` comes last and is told of it, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailsync.model.errors import Exit, worst
from mailsync.model.report import AccountReport, Report, Target
from mailsync.model.settings import Account, Event
from mailsync.modes.once import called_for
from mailsync.system.hidden import redact
from mailsync.system.hook import run
from mailsync.system.text import safe

LONGEST = 60_000  # bytes of a list in the environment, which has a limit; the JSON has all


def after(report: Report, targets: Sequence[Target]) -> Report:
    """Run what the report calls for; the report with what failed of it."""
    for event in Event:  # in this order
        groups: dict[tuple[str, ...], list[tuple[AccountReport, Account]]] = {}
        for called, one, account in called_for(report, targets):
            if called is event:
                groups.setdefault(account.hook(event), []).append((one, account))
        for command, members in groups.items():
            seconds = max(account.hook_timeout for _, account in members)
            shown = told(event, [one for one, _ in members])
            data = json.dumps(shown, ensure_ascii=False).encode("utf-8", "replace")
            why = run(command, environment(event, shown, members), data, seconds)
            if why:
                text = f"on-{event}: {safe(command[0])}: {why}"
                report = _failed(report, {one.name for one, _ in members}, text)
    return report


def told(event: Event, reports: Sequence[AccountReport]) -> dict[str, object]:
    """What the command reads from standard input."""
    found = {
        "event": str(event),
        "accounts": {one.name: one.as_json() for one in reports},
        "exit-status": int(worst({one.exit for one in reports})),
    }
    cleaned = _clean(found)
    assert isinstance(cleaned, dict)
    return cleaned


def _clean(value: object) -> object:
    """Without passwords, and without anything that could steer a terminal."""
    match value:
        case str():
            return safe(redact(value))
        case dict():
            return {safe(str(key)): _clean(one) for key, one in value.items()}
        case list():
            return [_clean(one) for one in value]
        case _:
            return value


def environment(
    event: Event,
    shown: Mapping[str, object],
    members: Sequence[tuple[AccountReport, Account]],
) -> dict[str, str]:
    """The same in short, for a command that reads no JSON."""
    places = [
        safe(f"{one.name}/{box.name}")
        for one, _ in members
        for box in one.mailboxes
        if event is not Event.NEW_MAIL or box.downloaded
    ]
    errors = [safe(redact(text)) for one, _ in members for text in one.errors]
    return {
        "MAILSYNC_EVENT": str(event),
        "MAILSYNC_ACCOUNTS": " ".join(one.name for one, _ in members),
        "MAILSYNC_MAILBOXES": _lines(places),
        "MAILSYNC_MAILDIRS": _lines([str(account.maildir) for _, account in members]),
        "MAILSYNC_NEW": str(sum(one.total().downloaded for one, _ in members)),
        "MAILSYNC_ERROR": next(iter(errors), ""),
        "MAILSYNC_STATUS": str(shown["exit-status"]),
    }


def _lines(texts: Sequence[str]) -> str:
    """One each line, as many as fit."""
    kept: list[str] = []
    room = LONGEST
    for text in texts:
        room -= len(text.encode("utf-8", "surrogateescape")) + 1
        if room < 0:
            break
        kept.append(text)
    return "\n".join(kept)


def _failed(report: Report, names: set[str], text: str) -> Report:
    """Said once, at the first of the accounts that wanted it; the status is that of each."""
    accounts: list[AccountReport] = []
    for one in report.accounts:
        if one.name in names:
            first = not any(other.name in names for other in accounts)
            one = replace(
                one,
                errors=(*one.errors, text) if first else one.errors,
                exits=one.exits | {Exit.FAILED},
            )
        accounts.append(one)
    return Report(tuple(accounts))
