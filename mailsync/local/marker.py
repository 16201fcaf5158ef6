"""The marker: a file in the Maildir root that proves whose Maildir it is (semantics.md, rule 5)."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass

from mailsync.local.tree import Tree
from mailsync.model.errors import NotOurs
from mailsync.system.text import safe
from mailsync.system.trouble import translated

FILE = ".mailsync"
_LARGEST = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Marker:
    """`generation` rises with each writing run; `machine` and `state` say where the cache is;
    `layout` how the Maildir was begun (markers of old have none: nested); `formerly` the name of
    the account before it got another one: files still have it in their names."""

    account_uuid: str
    cache_uuid: str
    generation: int
    machine: str
    state: str
    layout: str = "nested"
    formerly: str = ""


def read(tree: Tree) -> Marker | None:
    path = f"{tree.root}/{FILE}"
    with translated("read the marker", path):
        try:
            reader = tree.fs.open(path)
        except FileNotFoundError:
            return None
        data = bytearray()
        try:
            while len(data) < _LARGEST and (piece := reader.read(_LARGEST)):
                data += piece
        finally:
            reader.close()
    marker = _understood(bytes(data))
    if marker is None:
        raise NotOurs(
            f"{safe(path)} is not a marker of mailsync that can be understood: was it edited, or "
            "written by a newer version? Restore it, or move it away and run `mailsync accept`"
        )
    return marker


def _understood(data: bytes) -> Marker | None:
    try:
        found = json.loads(data)
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("generation"), int):
        return None
    found.setdefault("layout", "nested")
    found.setdefault("formerly", "")
    keys = ("account_uuid", "cache_uuid", "machine", "state", "layout", "formerly")
    texts = [text for key in keys if isinstance(text := found.get(key), str)]
    if len(texts) < len(keys):
        return None
    account, cache, *rest = texts
    return Marker(account, cache, found["generation"], *rest)


def write(tree: Tree, marker: Marker) -> None:
    path, scratch = f"{tree.root}/{FILE}", f"{tree.root}/{FILE}.new"
    with translated("write the marker", path):
        with contextlib.suppress(FileNotFoundError):
            tree.fs.unlink(scratch)
        writer = tree.fs.create(scratch)
        try:
            writer.write(json.dumps(asdict(marker), indent=1).encode() + b"\n")
            if tree.fsync:
                writer.sync()
        finally:
            writer.close()
        tree.fs.replace(scratch, path)
        if tree.fsync:
            tree.fs.sync_dir(f"{tree.root}/.")
