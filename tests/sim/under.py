"""The named scenarios on the servers of the world: those that are told of a strict server, under
every other profile.  Such a one is called by the names of both: "new on both sides @gmail"."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from functools import partial

from sim.rand import SimRand
from sim.scenarios import SCENARIOS, Scenario
from sim.server_profile import PRESETS, Profile, strict_qresync

AT = " @"
FEW = 10
# README, "Limits today": what has no Message-ID, where headers are rewritten and no UID is named,
# or the answer that would name it is cut off.
DOUBLED = {("proton", "no Message-ID"), ("o365", "no Message-ID")}
OTHERS = [name for name in PRESETS if name != strict_qresync.__name__]


def bare(name: str) -> Profile:
    """Without a name space: the scenarios say what mailboxes are called on the server, too."""
    return replace(PRESETS[name](), prefix=b"", delimiter="/")


def under(name: str) -> list[Scenario]:
    """Every scenario under one profile; told of another one than the strict, it is left out."""
    found, merges = [], bare(name).merges
    for scenario in SCENARIOS:
        if scenario.profile is not strict_qresync or (name, scenario.name) in DOUBLED:
            continue
        after = scenario.after
        if merges and scenario.trashed:
            after = after | {"Trash": scenario.trashed}
        found.append(
            replace(
                scenario,
                name=f"{scenario.name}{AT}{name}",
                profile=partial(bare, name),
                after=after,
            )
        )
    return found


def named(name: str) -> Scenario:
    profile = name.rpartition(AT)[2] if AT in name else ""
    return next(one for one in (under(profile) if profile else SCENARIOS) if one.name == name)


def add_profile(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        choices=[*OTHERS, "every"],
        default="",
        help="the scenarios under this profile (every: each under each) instead",
    )


def chosen(options: Namespace) -> list[Scenario]:
    """The scenarios whose name contains `only`, as they are, under a profile, or under "every"; in
    a short time only some of them, as each has to be played once before it has any points."""
    names = OTHERS if options.profile == "every" else [options.profile]
    found = [one for name in names for one in under(name)] if options.profile else SCENARIOS
    found = [one for one in found if options.only in one.name]
    if options.seconds is not None:
        SimRand(f"scenarios {options.seed}").shuffle(found)
        found = found[: max(FEW, int(options.seconds))]
    return found
