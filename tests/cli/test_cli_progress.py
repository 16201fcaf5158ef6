"""How far it is: in words, in as many columns as there are."""

from __future__ import annotations

import pytest

from mailsync.cli import out, progress
from mailsync.cli.progress import Bars, Lines, Meter
from mailsync.model.report import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def half_way(clock: Clock, shown: Progress | Meter) -> None:
    shown.start("me", 3, 6000, 43_000_000)
    clock.now += 5
    shown.advance(3000, 21_500_000, "me/Lists/python")


FULL = "3,000/6,000 messages, 21.5/43.0 MB, 4.3 MB/s, 5 s left, mailbox 1/3, me/Lists/python"
WIDTHS = [
    (200, FULL),
    (70, "3,000/6,000 messages, 21.5/43.0 MB, 4.3 MB/s, 5 s left, mailbox 1/3"),
    (60, "3,000/6,000 messages, 21.5/43.0 MB, 4.3 MB/s, 5 s left"),
    (45, "3,000/6,000 messages, 4.3 MB/s, 5 s left"),
    (34, "3,000/6,000 messages, 5 s left"),
    (20, "3,000/6,000 messages"),
    (5, "3,000/6,000 messages"),
]


@pytest.mark.parametrize(("width", "told"), WIDTHS)
def test_what_matters_most_stays(clock: Clock, width: int, told: str) -> None:
    meter = Meter(clock)
    half_way(clock, meter)
    assert meter.told("me/Lists/python", width) == told


def test_without_sizes_messages_tell(clock: Clock) -> None:
    meter = Meter(clock)
    meter.start("me", 1, 100, None)
    assert meter.told("", 99) == "0/100 messages"
    clock.now += 10
    meter.advance(50, 0, "me/INBOX")
    assert meter.told("", 99) == "50/100 messages, 5/s, 10 s left"
    meter.advance(0, 900_000, "me/INBOX")
    assert meter.told("", 99) == "50/100 messages, 900 kB, 90.0 kB/s, 10 s left"


def test_more_than_was_announced_is_never_more_than_all(clock: Clock) -> None:
    meter = Meter(clock)
    meter.start("me", 1, 1, 10)
    clock.now += 2
    meter.advance(2, 2_000_000, "me/INBOX")
    meter.advance(1, 0, "me/Work")
    assert meter.told("", 99).startswith("3/3 messages, 2.0/2.0 MB, ")
    assert "0 s left, mailbox 2/2" in meter.told("", 99)


def test_lines_once_an_account_and_every_ten_seconds(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(clock)
    lines.look("me/INBOX")
    half_way(clock, lines)
    lines.start("me", 1, 5, 100)  # what a second plan found
    clock.now += 5
    lines.advance(1, 1, "me/\x1b[2J")
    clock.now += 10
    lines.look("me/INBOX")
    lines.note("the server said \x07")
    lines.finish()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "me: 6,000 messages in 3 mailboxes, 43.0 MB",
        "3,001/6,005 messages, 21.5/43.0 MB, 2.2 MB/s, 10 s left, mailbox 2/3, me/\\x1b[2J",
        "listing me/INBOX",
        "mailsync: the server said \\x07",
    ]


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_bar_fits_and_goes_away(
    clock: Clock, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    bars = Bars(clock)
    bars.look("me/INBOX")
    assert bars._bar is None  # listings are quick as a rule
    clock.now += progress.PATIENCE
    bars.look("me/INBOX")
    assert bars._bar is not None
    half_way(clock, bars)
    bars.note("[bold]no markup[/bold] \x1b[2J")
    (task,) = bars._bar.tasks
    assert len(task.fields["told"]) + progress.bar_width(columns) + 2 <= columns
    assert (task.completed, task.total) == (21_500_000, 43_000_000)
    bars.finish()
    bars.finish()
    assert "mailsync: [bold]no markup[/bold] \\x1b[2J" in capsys.readouterr().err


def test_nothing_when_quiet_and_lines_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert progress.choose(quiet=True) is None
    assert isinstance(progress.choose(quiet=False), Lines)
    monkeypatch.setattr("sys.stderr", None)
    assert isinstance(progress.choose(quiet=False), Lines)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (-3, "0 s"), (89, "89 s"), (90, "2 min"), (5400, "2 h"), (200_000, "2 days")],
)
def test_spans(seconds: float, told: str) -> None:
    assert out.span(seconds) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (123_456, "123 kB"),
        (5e13, "50,000 GB"),
    ],
)
def test_sizes(count: float, told: str) -> None:
    assert out.size(count) == told


def test_a_long_name_makes_no_other_row_wide(capsys: pytest.CaptureFixture[str]) -> None:
    out.table([("mailbox", "messages"), ("x" * 255, "3"), ("INBOX", "1200")], right=frozenset({1}))
    heading, long, short = capsys.readouterr().out.splitlines()
    assert long == f"{'x' * 255}         3"
    assert len(heading) == len(short) == 60
