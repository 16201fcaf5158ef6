"""The outermost frame: what holds for every command, and the exit status of every ending."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import resource
import signal
import sys
from collections.abc import Sequence

import click

from mailsync.cli import out, stop
from mailsync.cli.app import app
from mailsync.cli.state import State
from mailsync.model.errors import Exit, MailsyncError

# What a full disk or a bad terminal says, wherever it is met; no fault of the program.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


def run(args: Sequence[str]) -> int:
    """Run one command line; returns the exit status, and tells trouble in a line, not a trace."""
    state = State()
    try:
        stop.listen(lambda cause: _stopped(state, cause))
        _harden()
        result = app.main(args=list(args), prog_name="mailsync", obj=state, standalone_mode=False)
        return int(result) if isinstance(result, int) else Exit.OK
    except (KeyboardInterrupt, click.Abort, stop.Interrupted) as cause:
        return stop.last_words(cause)
    except click.ClickException as error:
        return _misused(state, error)
    except MailsyncError as error:
        return _failed(state, str(error), error.exit)
    except (BrokenPipeError, SystemExit):  # what click makes of it: an exit with 1
        _abandon_output()
        return Exit.SIGPIPE
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            _abandon_output()
            where = f"{error.filename}: " if error.filename else "output cannot be written: "
            return _failed(state, f"{where}{error.strerror}", Exit.TEMPORARY)
        from mailsync.cli import crash

        return _failed(state, crash.told(error, state), Exit.FAILED)


def _harden() -> None:
    """Files for nobody else, no core dumps with a password in them, no crash over a character."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _abandon_output() -> None:
    """Nothing may be flushed into a broken standard output at the end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stopped(state: State, cause: BaseException) -> int:
    """click makes an Abort of a signal and of the end of input, while it asks something."""
    if not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__ or cause
    if sys.stderr is not None and sys.stderr.isatty():
        out.say(err=True)  # "^C" stands there
    if isinstance(cause, EOFError):
        return _failed(state, "no answer; nothing was changed", Exit.CONFIG)
    status = Exit.SIGINT
    if isinstance(cause, stop.Stopped) and cause.number == signal.SIGTERM:
        status = Exit.SIGTERM
    what = "; the next run completes the work" if state.resumed else ""
    return _failed(state, f"interrupted{what}", status)


def _misused(state: State, error: click.ClickException) -> int:
    """Arguments that make no sense: what is wrong, and where to read on."""
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        error.show()
        return Exit.CONFIG
    status = _failed(state, error.format_message(), Exit.CONFIG)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        out.say(f"`{error.ctx.command_path} --help` says more", err=True)
    return status


def _failed(state: State, text: str, status: Exit) -> int:
    if state.json:
        with contextlib.suppress(OSError):
            state.print_json({"error": text, "exit-status": int(status)})
    for line in text.splitlines():
        out.error(line)
    return int(status)
