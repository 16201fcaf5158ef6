"""What was used of a day, and pauses: whatever the clocks do."""

from __future__ import annotations

import pytest

from mailsync.model.usage import (
    DAY,
    FIRST_PAUSE,
    HOUR,
    LONGEST_PAUSE,
    Book,
    Bytes,
    Moment,
    Pause,
    Used,
    room_in,
)

WALL = 1_800_000_000.0
NOW = Moment(WALL, "a", 5000.0)


def later(seconds: float, wall: float | None = None) -> Moment:
    """On the same boot; `wall`: by how much its clock went on meanwhile."""
    return Moment(WALL + (seconds if wall is None else wall), "a", 5000.0 + seconds)


@pytest.mark.parametrize(
    ("then", "seconds"),
    [
        (later(60), 60),
        (later(60, wall=10 * DAY), 60),  # the wall clock was set ahead
        (later(60, wall=-10 * DAY), 60),
        (later(-60), 0),  # never negative
        (Moment(WALL + 600, "b", 30.0), 600),  # after a reboot
        (Moment(WALL - 10 * DAY, "b", 30.0), 30),  # with a clock that lost its battery
        (Moment(WALL - 10 * DAY, "b", 0.0), 0),
    ],
    ids=str,
)
def test_time_between_two_moments(then: Moment, seconds: float) -> None:
    assert then.since(NOW) == seconds


def test_what_is_within_an_hour_is_one_entry() -> None:
    book = Book(NOW).plus(Bytes(10, 1))
    book = book.by(later(HOUR - 1)).plus(Bytes(5, 0))
    assert book.used == (Used(HOUR - 1, 0.0, Bytes(15, 1)),)
    book = book.by(later(HOUR)).plus(Bytes(7, 0))
    assert [one.bytes for one in book.used] == [Bytes(7, 0), Bytes(15, 1)]
    assert book.spent == Bytes(22, 1)
    assert book.plus(Bytes()) is book


def test_a_day_later_it_is_free_again() -> None:
    book = Book(NOW).plus(Bytes(10, 1)).by(later(2 * HOUR)).plus(Bytes(20, 2))
    assert book.by(later(DAY - 1)).spent == Bytes(30, 3)
    assert book.by(later(DAY)).spent == Bytes(20, 2)
    assert book.by(later(DAY + 2 * HOUR)).spent == Bytes()


def test_a_day_of_many_runs_has_few_entries() -> None:
    book = Book(NOW)
    for number in range(1, 3 * 288):
        book = book.by(later(number * 300)).plus(Bytes(1, 0))
    assert len(book.used) <= 25
    assert 288 <= book.spent.down <= 300  # of a day, and at most an hour more


@pytest.mark.parametrize("wall", [-30 * DAY, 0.0, 30 * DAY])
def test_a_wall_clock_that_jumps_loses_nothing_and_locks_nobody_out(wall: float) -> None:
    book = Book(NOW).plus(Bytes(10, 0)).slowed(HOUR, "busy")
    soon = book.by(later(60, wall))
    assert soon.spent == Bytes(10, 0)
    assert soon.paused == Pause(HOUR - 60, "busy")
    then = soon.by(later(DAY, wall + DAY))
    assert (then.spent, then.paused) == (Bytes(), None)


def test_a_clock_that_is_back_in_time_after_a_reboot_waits_a_day_at_most() -> None:
    book = Book(NOW).plus(Bytes(10, 0)).slowed(DAY, "busy")
    back = Moment(WALL - 1000 * DAY, "b", 20.0)
    assert book.by(back).spent == Bytes(10, 0)
    then = Moment(back.wall + DAY, "b", DAY)
    assert (book.by(then).spent, book.by(then).paused) == (Bytes(), None)


@pytest.mark.parametrize(
    ("told", "left"),
    [(None, FIRST_PAUSE), (30.0, 30.0), (10 * DAY, DAY), (-5.0, 0.0)],
)
def test_how_long_a_server_is_left_alone(told: float | None, left: float) -> None:
    book = Book(NOW).slowed(told, "busy")
    assert book.pause == Pause(left, "busy")
    assert (book.paused is None) == (left == 0)


def test_each_time_twice_as_long() -> None:
    book, waits = Book(NOW), []
    for _ in range(8):
        book = book.slowed(None, "busy")
        assert book.paused is not None
        waits.append(book.paused.left)
        book = book.by(Moment(book.at.wall, "a", book.at.boot + book.paused.left))
        assert book.paused is None
    assert waits[:4] == [FIRST_PAUSE * 2**n for n in range(4)]
    assert waits[-1] == LONGEST_PAUSE
    assert book.pause is not None
    assert book.pause.times == 8
    much_later = Moment(book.at.wall, "a", book.at.boot + DAY + 1)
    assert book.by(much_later).pause is None


@pytest.mark.parametrize(
    ("spent", "budget", "wait"),
    [
        ([], 10, 0.0),
        ([(100.0, 9)], 10, 0.0),
        ([(100.0, 10)], 10, DAY - 100),
        ([(0.0, 4), (HOUR, 3), (2 * HOUR, 3)], 10, DAY - 2 * HOUR),
        ([(0.0, 4), (HOUR, 3), (2 * HOUR, 3)], 7, DAY - HOUR),
        ([(0.0, 400), (HOUR, 3)], 7, DAY),
    ],
)
def test_when_there_is_room_again(spent: list[tuple[float, int]], budget: int, wait: float) -> None:
    assert room_in(spent, budget) == wait


def test_bytes() -> None:
    assert Bytes(3, 2) - Bytes(1, 1) == Bytes(2, 1)
    assert not Bytes()
    assert Bytes(0, 1)
