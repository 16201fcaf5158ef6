"""The outermost frame: what holds for every command, and the exit status of every ending."""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import click

from mailsync.cli import out
from mailsync.cli.app import app
from mailsync.cli.state import State
from mailsync.model.errors import Exit, MailsyncError


class Terminated(KeyboardInterrupt):
    """SIGTERM, on the same way out as Ctrl-C."""


def run(args: Sequence[str]) -> int:
    """Run one command line; returns the exit status, and prints at most one line of trouble."""
    _harden()
    state = State()
    try:
        result = app.main(args=list(args), prog_name="mailsync", obj=state, standalone_mode=False)
        return int(result) if isinstance(result, int) else Exit.OK
    except (KeyboardInterrupt, click.Abort) as stop:
        return _stopped(state, stop)
    except click.ClickException as error:
        if state.json:
            state.print_json({"error": error.format_message(), "exit-status": int(Exit.CONFIG)})
        error.show()
        return Exit.CONFIG
    except MailsyncError as error:
        return _failed(state, str(error), error.exit)
    except BrokenPipeError:
        # Whoever read the output has gone; nothing may be flushed into the pipe at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except Exception as error:
        from mailsync.cli import crash

        return _failed(state, crash.told(error, state), Exit.FAILED)


def _harden() -> None:
    """Files for nobody else, no core dumps with a password in them, no crash over a character."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the second one ends it at once
    raise Terminated


def _stopped(state: State, stop: BaseException) -> int:
    """click makes an Abort of Ctrl-C, and of the end of input while it asks something."""
    cause = stop.__cause__ if isinstance(stop, click.Abort) else stop
    if isinstance(cause, EOFError):
        return _failed(state, "no answer", Exit.CONFIG)
    status = Exit.SIGTERM if isinstance(cause, Terminated) else Exit.SIGINT
    return _failed(state, "interrupted; the next run completes the work", status)


def _failed(state: State, text: str, status: Exit) -> int:
    if state.json:
        state.print_json({"error": text, "exit-status": int(status)})
    for line in text.splitlines():
        out.error(line)
    return int(status)
