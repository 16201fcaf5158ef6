"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mailsync.cli.state import State
from mailsync.model.errors import MailsyncError

F = TypeVar("F", bound=Callable[..., Any])


def _config(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(State).config_path = value


def _debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(State).debug = True


def _json(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(State).json = True


def common(command: F) -> F:
    """--config and --debug, which may stand before and behind the command's name."""
    debug = click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_debug,
        help="Log everything, and show the traceback of a crash.",
    )
    config = click.option(
        "--config",
        metavar="FILE",
        expose_value=False,
        callback=_config,
        help="Use this configuration (before MAILSYNC_CONFIG and the default place).",
    )
    return config(debug(command))


def as_json(command: F) -> F:
    return click.option(
        "--json",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_json,
        help="Print one JSON object on standard output, and nothing else there.",
    )(command)


def _names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Completes account names; silent about a configuration that is wrong."""
    root = context.find_root()
    state = State(config_path=root.params.get("config"))
    try:
        names = [account.name for account in state.config.accounts]
    except MailsyncError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def targets(command: F) -> F:
    return click.argument(
        "targets", nargs=-1, metavar="[ACCOUNT[/MAILBOX]]...", shell_complete=_names
    )(command)


def accounts(command: F) -> F:
    return click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...", shell_complete=_names)(
        command
    )
