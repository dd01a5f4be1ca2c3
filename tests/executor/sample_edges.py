"""Sample graphs of rarely met orders, and of runs that break in the middle."""

import logging
import threading
import time
from collections.abc import Iterator

from dagster import Failure, In, Nothing, OpExecutionContext, Out, Output, get_dagster_logger, graph, op

from dara_dagster.executor.stop import stop_event

waiter_is_waiting = threading.Event()


@op(out={"yes": Out(int, is_required=False), "no": Out(int, is_required=False)})
def chooses_yes() -> Iterator[Output[int]]:
    yield Output(1, "yes")


@op(ins={"start": In(Nothing)}, out={"yes": Out(int, is_required=False), "no": Out(int, is_required=False)})
def chooses_yes_later() -> Iterator[Output[int]]:
    time.sleep(0.2)
    yield Output(1, "yes")


@op(ins={"start": In(Nothing)})
def fails_later() -> int:
    time.sleep(0.2)
    raise Failure("later")


@op
def gives() -> int:
    return 1


@op
def fails_now() -> int:
    raise Failure("now")


@op
def takes_one(number: int) -> int:
    return number


@op
def takes_two(first: int, second: int) -> int:
    return first + second


@op
def takes_several(numbers: list[int]) -> int:
    return sum(numbers)


@graph
def below_both_kinds() -> None:
    """`below` is skipped for one input; the last thing it waits for is a step that is abandoned."""
    yes, no = chooses_yes()
    takes_two.alias("below")(no, takes_one.alias("abandoned")(fails_later(start=yes)))


@graph
def skipped_after_a_failure() -> None:
    """`maybe` has a failed input at once and a missing one later: skipped, so that `some` runs without."""
    _, no = chooses_yes_later()
    takes_several.alias("some")([takes_two.alias("maybe")(fails_now(), no), gives()])


@op
def waits_to_be_stopped(context: OpExecutionContext) -> str:
    stop = stop_event(context.run_id)
    waiter_is_waiting.set()
    stop.wait(30)
    time.sleep(0.3)
    return "stopped" if stop.is_set() else "nobody stopped it"


@op
def waits_for_the_waiter() -> None:
    waiter_is_waiting.wait(30)


@op(ins={"start": In(Nothing)}, tags={"dagster/priority": "very high"})
def cannot_be_sorted() -> None: ...


@graph
def breaks_the_loop() -> None:
    """Dagster refuses a priority that is no number when the step becomes ready."""
    waits_to_be_stopped()
    cannot_be_sorted(start=waits_for_the_waiter())


@op
def logs_by_locked_handlers() -> None:
    """What Python 3.13 does to log a line: it takes the lock of each handler."""
    logger = get_dagster_logger()
    record = logger.makeRecord(logger.name, logging.INFO, "", 0, "by a locked handler", (), None)
    for handler in logger.handlers:
        assert handler.lock is not None
        with handler.lock:
            handler.handle(record)


@graph
def locks_handlers() -> None:
    logs_by_locked_handlers()
