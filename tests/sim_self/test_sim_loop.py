"""The event loop of virtual time."""

from __future__ import annotations

import asyncio
import time as real

import pytest
from sim.loop import Deadlock, Time, VirtualLoop, crashed, run
from sim.steps import Crash, Steps


def test_time_jumps_to_the_next_timer() -> None:
    time = Time(0.0)
    began = real.monotonic()

    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        seen = []
        for seconds in (1.5, 86400.0 * 3, 0.25):
            await asyncio.sleep(seconds)
            seen.append(loop.time())
        return seen

    assert run(main(), time) == [1.5, 259201.5, 259201.75]
    assert time.now == 259201.75
    assert real.monotonic() - began < 2


def test_time_goes_on_from_run_to_run() -> None:
    time = Time(10.0)
    for expected in (13.0, 16.0):
        run(asyncio.sleep(3), time)
        assert time.now == expected


def test_everything_that_structured_asyncio_offers() -> None:
    async def main() -> list[str]:
        log: list[str] = []
        queue: asyncio.Queue[int] = asyncio.Queue(1)

        async def producer() -> None:
            for number in range(3):
                await queue.put(number)
                await asyncio.sleep(1)

        async def consumer() -> None:
            for _ in range(3):
                log.append(f"{asyncio.get_running_loop().time():.0f}:{await queue.get()}")

        async with asyncio.TaskGroup() as group:
            group.create_task(producer())
            group.create_task(consumer())
        try:
            async with asyncio.timeout(5):
                await asyncio.sleep(100)
        except TimeoutError:
            log.append("late")
        log += await asyncio.gather(asyncio.sleep(2, "x"), asyncio.sleep(1, "y"))
        return log

    assert run(main(), Time(0.0)) == ["0:0", "0:1", "1:2", "late", "x", "y"]


def test_a_deadlock_says_who_waits() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock) as caught:
        run(main())
    assert "main waits at" in caught.value.__notes__[0]


def test_spinning_is_a_deadlock() -> None:
    async def main() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    with pytest.raises(Deadlock, match="spins"):
        run(main(), turns=1000)


def test_what_is_left_is_cancelled() -> None:
    log: list[str] = []

    async def left() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            await asyncio.sleep(5)
            log.append("ended")

    async def main() -> None:
        task = asyncio.create_task(left())
        await asyncio.sleep(1)
        assert not task.done()

    run(main())
    assert log == ["ended"]


def test_an_error_that_nobody_saw_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("hidden")

    async def main() -> None:
        asyncio.create_task(fail())  # noqa: RUF006
        await asyncio.sleep(1)

    with pytest.raises(RuntimeError, match="never retrieved"):
        run(main())


def test_a_crash_leaves_a_task_group_bare() -> None:
    steps = Steps(crash_at=2)
    log: list[str] = []

    async def worker(seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            steps.step("work")
        finally:
            try:
                steps.step("finally")
                log.append("alive")
            except Crash:
                log.append("dead")
                raise

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for seconds in (2.0, 1.0, 50.0):
                group.create_task(worker(seconds))

    with pytest.raises(Crash):
        run(main())
    assert steps.dead
    assert log == ["dead"] * 3


def test_two_runs_are_the_same() -> None:
    async def main() -> list[int]:
        done: list[int] = []

        async def work(number: int) -> None:
            await asyncio.sleep((number * 7) % 5)
            done.append(number)

        await asyncio.gather(*(work(number) for number in range(50)))
        return done

    assert run(main()) == run(main())


def test_no_threads_no_network() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="Pool"):
            await asyncio.to_thread(print)
        with pytest.raises(RuntimeError, match="Net"):
            await asyncio.open_connection("localhost", 1)

    run(main())


def test_agitators_act_at_their_step() -> None:
    steps = Steps(record=True)
    log: list[str] = []

    def act() -> None:
        log.append("second")
        steps.step("not counted")

    steps.at(2, act)
    steps.before("b", lambda: log.append("b again"), nth=2)
    for name in "abab":
        steps.step(name)
        log.append(name)
    assert log == ["a", "second", "b", "a", "b again", "b"]
    assert steps.names == list("abab")
    steps_dead = Steps(crash_at=1)
    with pytest.raises(Crash, match="step 1: a"):
        steps_dead.step("a")
    assert crashed(BaseExceptionGroup("", [Crash()]))
    loop = VirtualLoop()
    assert loop.time() == 1000.0
    loop.close()
