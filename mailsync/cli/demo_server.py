"""A private IMAP server on loopback for the demo: Dovecot when it is installed, else pymap."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from mailsync.model.errors import Exit, MailsyncError

USER, PASSWORD = "demo", "demo"
START = 20.0  # seconds a server may take to greet

_DOVECOT = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
{users}
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/home/%u allow_all_users=yes
}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = sdbox:~/mail
mail_fsync = never
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
}}
default_vsz_limit = 0
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  extra_groups =
}}
"""


@contextmanager
def demo_server(directory: Path) -> Iterator[tuple[str, int]]:
    """(what it is, its port); it ends with the block.

    Raises MailsyncError when neither server can be started.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    search = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin"
    dovecot = shutil.which("dovecot", path=search)
    if dovecot and _is_2_3(dovecot):
        name, argv = "a private Dovecot", _dovecot(dovecot, directory, port)
    elif find_spec("pymap") is not None:
        name, argv = "pymap", _pymap(port)
    else:
        raise MailsyncError(
            "the demo needs a server: pip install 'mailsync[demo]', or apt-get install "
            "dovecot-imapd"
        )
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (our own words)
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait(process, port, directory / "server.log")
        yield name, port
    finally:
        _end(process)


def _is_2_3(dovecot: str) -> bool:
    """The configuration below is for Dovecot 2.3."""
    argv = [dovecot, "--version"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.startswith("2.3.")


def _dovecot(program: str, directory: Path, port: int) -> list[str]:
    uid, gid, users = os.getuid(), os.getgid(), ""
    home = directory / "home"
    home.mkdir()
    if uid == 0:
        nobody = pwd.getpwnam("nobody")
        uid, gid = nobody.pw_uid, nobody.pw_gid
        directory.chmod(0o755)
        os.chown(home, uid, gid)
    else:
        me, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
        users = (
            f"default_internal_user = {me}\ndefault_internal_group = {group}\n"
            f"default_login_user = {me}"
        )
    config = directory / "dovecot.conf"
    config.write_text(
        _DOVECOT.format(dir=directory, users=users, uid=uid, gid=gid, port=port, password=PASSWORD)
    )
    return [program, "-F", "-c", str(config)]


def _pymap(port: int) -> list[str]:
    start = "import sys; from pymap.main import main; sys.exit(main())"
    listen = ["--host", "127.0.0.1", "--port", str(port), "--no-tls"]
    user = ["dict", "--demo-data", "--demo-user", USER, "--demo-password", PASSWORD]
    return [sys.executable, "-W", "ignore", "-c", start, *listen, *user]


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as sock:
                if sock.recv(16).startswith(b"* "):
                    return
        except OSError:
            time.sleep(0.05)
    said = log.read_text(errors="replace").strip().splitlines()[-1:]
    error = MailsyncError("the demo's server did not start: " + "".join(said))
    error.exit = Exit.TEMPORARY
    raise error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask, then kill: pymap does not end while a client is connected."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
