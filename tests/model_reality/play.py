"""The same script said to SimServer and to a real server: where do they differ?

python tests/model_reality/play.py cyrus                 # every script
python tests/model_reality/play.py courier mailboxes     # one
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from model_reality.scripts import FILL, SCRIPTS
from sim.dialogue import Dialogue, Wire, sim_dialogue
from sim.server import SimServer
from sim.server_profile import Profile, courier, cyrus, cyrus_dots, dovecot
from support.servers import SERVERS, Server

LIKE: dict[str, Callable[[], Profile]] = {
    "dovecot": dovecot,
    "cyrus": cyrus,
    "cyrus-dots": cyrus_dots,
    "courier": courier,
}
ROLES = ("Archive", "Drafts", "Sent", "Trash")  # mailboxes that Cyrus and Courier begin with
_users = itertools.count()


@dataclass(frozen=True)
class Difference:
    script: str
    line: str
    real: list[str]
    model: list[str]

    def __str__(self) -> str:
        return f"{self.line}\n    real:  {self.real}\n    model: {self.model}"


def written(script: str, profile: Profile) -> str:
    """With the names as this server writes them, without what it does not offer."""
    offered = profile.capabilities(authenticated=True, tls=False)
    lines = []
    for line in script.strip().splitlines():
        text, _, needs = line.strip().partition("  # ")
        if text and all(need in offered for need in needs.split()):
            lines.append(re.sub(r"@([A-Z%][\w/%*]*|(?=\"))", lambda m: _name(m[1], profile), text))
    return "\n".join(lines)


def _name(name: str, profile: Profile) -> str:
    return profile.prefix.decode() + name.replace("/", profile.delimiter)


def differences(kind: str, server: Server, name: str) -> list[Difference]:
    profile = LIKE[kind]()
    script = written(f"{FILL}\n{SCRIPTS[name]}", profile)
    user = f"drift{next(_users)}"
    script = script.replace("LOGIN joe", f"LOGIN {user}")
    wires = {who: Wire(server.port, user, who != "n") for who in "abn"}
    try:
        real = Dialogue({who: wire.say for who, wire in wires.items()}).play(script)
    finally:
        for wire in wires.values():
            wire.sock.close()
    model = SimServer(replace(profile))
    model.state.subscribed.clear()
    if kind != "dovecot":
        for box in ROLES:
            role = [f"\\{box}"] if profile.special_use else []
            model.create(_name(box, profile), role)
            if kind == "courier":
                model.state.subscribed.discard(_name(box, profile).encode())
        if kind != "courier":
            model.state.subscribed.add(b"INBOX")
    simulated = sim_dialogue(model, *"abn").play(script)
    return [
        Difference(name, line, wanted, got)
        for (line, wanted), (_, got) in zip(real, simulated, strict=True)
        if wanted != got
    ]


def main() -> int:
    kind, *names = sys.argv[1:]
    with SERVERS[kind]() as server:
        for name in names or SCRIPTS:
            print(f"== {name}")
            for one in differences(kind, server, name):
                print(one)
    return 0


if __name__ == "__main__":
    sys.exit(main())
