"""Sample graphs whose ops wait to be stopped, or do not care."""

import threading
import time

from dagster import (
    DagsterExecutionInterruptedError,
    In,
    Nothing,
    OpExecutionContext,
    get_dagster_logger,
    graph,
    op,
)

from dara_dagster.executor.stop import stop_event


@op(ins={"start": In(Nothing)})
def never_started() -> None: ...


@op
def waits_for_stop(context: OpExecutionContext) -> None:
    stop = stop_event(context.run_id)
    context.log.info("waiting")
    stop.wait(60)
    time.sleep(0.3)
    context.log.info("cancelled cleanly" if stop.is_set() else "nobody stopped it")
    raise DagsterExecutionInterruptedError


@op
def knows_nothing_of_stop(context: OpExecutionContext) -> None:
    context.log.info("waiting")
    for _ in range(600):
        time.sleep(0.1)


@op
def never_returns(context: OpExecutionContext) -> None:
    stop_event(context.run_id)
    context.log.info("waiting")
    threading.Event().wait()


@graph
def stoppable() -> None:
    for number in range(20):
        waits_for_stop.alias(f"waits_{number}")()
    never_started(start=waits_for_stop.alias("waits_last")())


@graph
def careless() -> None:
    knows_nothing_of_stop()


@graph
def stuck() -> None:
    never_returns()
    waits_for_stop()


@op
async def blocks_the_event_loop(context: OpExecutionContext) -> None:
    context.log.info("waiting")
    time.sleep(600)


@graph
def blocked() -> None:
    blocks_the_event_loop()


@op
def logs_all_the_time(context: OpExecutionContext) -> None:
    context.log.info("waiting")
    for number in range(1_000_000):
        context.log.info(str(number))
        get_dagster_logger().info(f"python {number}")


@graph
def talkative() -> None:
    for number in range(6):
        logs_all_the_time.alias(f"logs_{number}")()
