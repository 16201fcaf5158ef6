"""The tables of servers, providers and mail readers: what is shown on which, by the tests that do.

python tests/tables.py servers
python tests/tables.py providers
python tests/tables.py readers

A row is a scenario, a column who it is played with: ok, FAILED, or nothing where no test has it.
`real/churn.py`, `real/kill.py` and `real/adopt_size.py` have the tables of long runs.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
NODE = re.compile(r"::test_(?P<name>\w+)(?:\[(?P<case>.*)\])?\Z", re.S)


@dataclass(frozen=True)
class Shown:
    """By file, the column of tests that name none; `columns`: named in the brackets of a test's id,
    or in its name."""

    files: dict[str, str]
    columns: tuple[str, ...]


SERVERS = ["peers", "matrix", "servers", "heavy", "keywords", "kill", "churn"]
TABLES = {
    "servers": Shown(
        {f"real/test_real_{name}.py": "dovecot" for name in SERVERS},
        (
            *("dovecot", "cyrus-delayed", "cyrus-dots", "cyrus"),
            *("courier-old", "courier", "imap4d", "pymap"),
        ),
    ),
    "providers": Shown(
        {"sim_runs/test_sim_under.py": "", "sim_runs/test_sim_providers.py": ""},
        ("gmail", "o365", "yahoo", "icloud", "yandex", "zoho", "proton"),
    ),
    "readers": Shown(
        {
            "real/test_real_readers.py": "several",
            "real/test_real_plusplus.py": "dovecot",
            "real/test_real_churn.py::test_churn_with_a_dovecot_as_mail_reader": "dovecot",
        },
        ("neomutt", "notmuch", "mu", "dovecot", "several"),
    ),
}


@dataclass
class Table:
    """A pytest plugin: how every test ended, by row and column."""

    shown: Shown
    cells: dict[str, dict[str, list[bool]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        row, column = self.place(report.nodeid)
        if column:
            self.cells[row][column].append(report.passed)

    def place(self, node: str) -> tuple[str, str]:
        """The row and the column of a test; no column: it belongs to another table."""
        found = NODE.search(node)
        assert found is not None, node
        name, case = found["name"].replace("_", " "), found["case"] or ""
        scenario, at, profile = case.partition(" @")
        if at:
            return scenario, profile if profile in self.shown.columns else ""
        for column in self.shown.columns:
            if re.search(rf"(\A|-){re.escape(column)}(-|\Z)", case):
                return name, column
            if name.startswith(f"{column} ") or name.endswith(f" on {column}"):
                return name.removeprefix(f"{column} ").removesuffix(f" on {column}"), column
        file = node.partition("::")[0]
        return name, next(
            column for path, column in self.shown.files.items() if path.partition("::")[0] in file
        )

    def markdown(self) -> str:
        columns = [
            column
            for column in self.shown.columns
            if any(column in cells for cells in self.cells.values())
        ]
        lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        most_first = sorted(self.cells.items(), key=lambda row: (-len(row[1]), row[0]))
        for row, cells in most_first:
            words = [_word(cells.get(column, [])) for column in columns]
            lines.append(f"| {row} | {' | '.join(words)} |")
        return "\n".join(lines)


def _word(ended: Sequence[bool]) -> str:
    if not ended:
        return ""
    many = f" ({len(ended)})" if len(ended) > 1 else ""
    return f"ok{many}" if all(ended) else f"FAILED {ended.count(False)} of {len(ended)}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=TABLES)
    options, more = parser.parse_known_args()
    table = Table(TABLES[options.table])
    files = [str(TESTS / file) for file in table.shown.files]
    status = pytest.main(["-q", "-p", "no:cacheprovider", *files, *more], plugins=[table])
    print(f"\n{table.markdown()}")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
