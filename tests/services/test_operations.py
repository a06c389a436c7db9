"""Operations: their ids, their history, and waiting for them."""

import asyncio

import pytest

from procman.core.attribution import Actor
from procman.errors import OperationError, OperationFailed, Reason
from procman.services.operations import KEPT, KEPT_OUTCOMES, MOST_UNATTENDED, Operations, Outcome

CLIENT = Actor("client", uid=0, pid=7)

GOOD = Outcome("web", "web")
BAD = Outcome("db", "db", Reason.CANNOT_SPAWN, "db")


def test_each_operation_has_the_next_id():
    operations = Operations(7)
    assert [operations.begin("start").id for _ in range(3)] == [7, 8, 9]
    assert operations.next_id == 10


def test_an_operation_says_what_was_asked_and_by_whom():
    operation = Operations().begin("stop", ["web", "pool:*"], CLIENT)
    assert (operation.kind, operation.targets, operation.actor) == ("stop", ("web", "pool:*"), CLIENT)
    assert operation.ended is None


def test_an_operation_ends_when_all_is_known():
    async def steps():
        operation = Operations().begin("start", ["db", "web"])
        future = asyncio.get_running_loop().create_future()
        operation.expect(1, GOOD, future)
        operation.reach(0, BAD)
        operation.accept()
        assert (operation.ended, operation.pending, operation.outcomes) == (None, ["web"], [BAD])
        assert operation.accepted == [BAD, GOOD]
        future.set_result(GOOD)
        await asyncio.sleep(0)
        assert operation.ended is not None
        assert (operation.pending, operation.outcomes) == ([], [BAD, GOOD])

    asyncio.run(steps())


def test_a_client_that_waits_no_longer_than_so_long_is_told_that_it_goes_on():
    async def steps():
        operations = Operations()
        operation = operations.begin("start", ["web"])
        operation.expect(0, GOOD, asyncio.get_running_loop().create_future())
        operation.accept()
        assert not await operations.wait(operation, within=0.01)
        assert operation.ended is None
        assert await operations.wait(operation, accepted=True)

    asyncio.run(steps())


def test_a_client_may_leave_and_come_back():
    async def steps():
        operations = Operations()
        operation = operations.begin("start", ["web"])
        future = asyncio.get_running_loop().create_future()
        operation.expect(0, GOOD, future)
        operation.accept()
        client = asyncio.ensure_future(operations.wait(operation))
        await asyncio.sleep(0)
        assert operations.awaited == ["web"]
        client.cancel()
        await asyncio.wait([client])
        assert operations.awaited == []
        future.set_result(GOOD)
        assert await operations.wait(operations.one(operation.id))
        assert operation.outcomes == [GOOD]

    asyncio.run(steps())


def test_what_the_work_raises_is_the_error_of_the_operation():
    async def work():
        raise OperationFailed("the disk is full")

    async def steps():
        operations = Operations()
        operation = operations.begin("update")
        operations.do(operation, work())
        with pytest.raises(OperationFailed, match="the disk is full"):
            await operations.wait(operation)
        await operations.wait_for_end(operation, 1)  # raises nothing
        assert operation.error.reason is Reason.FAILED

    asyncio.run(steps())


def test_the_history_is_bounded_by_the_number_of_operations():
    operations = Operations()
    for _ in range(KEPT + 50):
        operations.begin("add").end()
    kept = [operation.id for operation in operations.latest()]
    assert len(kept) <= KEPT + 1
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == KEPT + 50


def test_the_history_is_bounded_by_the_outcomes_in_it():
    operations = Operations()
    for _ in range(20):
        operation = operations.begin("start")
        for place in range(KEPT_OUTCOMES // 4):
            operation.reach(place, GOOD)
        operation.end()
    assert sum(operation.weight for operation in operations.latest()) <= KEPT_OUTCOMES + KEPT_OUTCOMES // 4


def test_an_operation_that_goes_on_is_not_forgotten():
    operations = Operations()
    lasting = operations.begin("start", ["web"])
    for _ in range(2 * KEPT):
        operations.begin("add").end()
    assert operations.one(lasting.id) is lasting


def test_an_unknown_id_is_an_error():
    with pytest.raises(OperationError, match="there is no operation 5") as error:
        Operations().one(5)
    assert error.value.reason is Reason.UNKNOWN_OPERATION


def test_operations_that_no_client_waits_for_are_bounded():
    async def steps():
        operations = Operations()
        futures = []
        for _ in range(MOST_UNATTENDED + 5):
            operation = operations.begin("stop", ["web"])
            futures.append(asyncio.get_running_loop().create_future())
            operation.expect(0, GOOD, futures[-1])
            operation.accept()
        assert len(operations.latest()) <= MOST_UNATTENDED + 1
        assert futures[0].cancelled()
        assert not futures[-1].cancelled()

    asyncio.run(steps())


def test_a_bug_in_the_work_on_one_process_ends_the_operation():
    async def steps():
        operation = Operations().begin("clear", ["web"])
        future = asyncio.get_running_loop().create_future()
        operation.expect(0, GOOD, future)
        operation.accept()
        future.set_exception(ZeroDivisionError("x"))
        await asyncio.sleep(0)
        assert operation.ended is not None
        assert [outcome.reason for outcome in operation.outcomes] == [Reason.FAILED]

    asyncio.run(steps())
