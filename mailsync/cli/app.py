"""The list of commands, and the page that `mailsync --help` shows.

A command's module is imported only when that command runs.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

import click

from mailsync import __version__
from mailsync.cli.options import common
from mailsync.cli.stop import Interrupted

# (heading, ((command, its module in mailsync.cli, one line), …)); the function has the
# command's name.
COMMANDS = (
    (
        "Day by day",
        (
            ("sync", "sync", "Bring the Maildir and the server to agreement."),
            ("status", "status", "When it last worked, and what is left to do or to decide."),
            ("mailboxes", "status", "What is on each side, and what is synced."),
        ),
    ),
    (
        "When deletions were held, or made",
        (
            ("accept", "decide", "Let what is held happen."),
            ("reject", "decide", "Bring back what is held instead."),
            ("undelete", "decide", "Bring back files that were removed from the Maildir."),
        ),
    ),
    (
        "Setting up and looking after",
        (
            ("demo", "demo", "See it work, with a private server and sample mail."),
            ("config", "configure", "Print a sample configuration; check your own."),
            ("adopt", "adopt", "Take over the Maildir of mbsync or OfflineIMAP."),
            ("check", "check", "Prove that the Maildir is what the server has."),
        ),
    ),
)

_MODULES = {name: module for _, group in COMMANDS for name, module, _ in group}

_INTRO = """\
Keeps a Maildir tree and IMAP accounts the same, both ways.

Read, file, answer and delete mail in either place, online or not; `mailsync sync` carries new
messages, flags, deletions, moves and mailboxes across.  Nothing is lost when it is interrupted,
and a deletion that looks like an accident waits for your word.
"""

_NEXT = """\
\b
Start here:
  mailsync demo                     a tour that touches nothing of yours
  mailsync config sample            a configuration to begin with; save it as
                                    ~/.config/mailsync/mailsync.conf
  mailsync sync --dry-run           what would be done
  mailsync sync                     do it

\b
Exit status:
  0  done                           4    the server broke the protocol
  1  some items failed              75   try again later
  2  configuration or arguments     77   the password was refused
  3  deletions are held             130, 143  interrupted
"""


class Commands(click.Group):
    """Commands by name, imported late."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"mailsync.cli.{_MODULES[cmd_name]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _MODULES and not args[0].startswith("-"):
            guess = get_close_matches(args[0], list(_MODULES), n=1)
            hint = f'; did you mean "{guess[0]}"?' if guess else "; see mailsync --help"
            raise click.UsageError(f'no command "{args[0]}"{hint}', ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as cause:
            raise Interrupted from cause

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, group in COMMANDS:
            with formatter.section(heading):
                formatter.write_dl([(name, text) for name, _, text in group], col_spacing=4)


@click.command(
    cls=Commands,
    help=_INTRO,
    epilog=_NEXT,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@common
@click.version_option(__version__, message="mailsync %(version)s")
def app() -> None:
    pass
