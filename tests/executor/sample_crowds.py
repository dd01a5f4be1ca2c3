"""Sample graphs of many short ops, for pools, tag limits, priorities and logs."""

import time

from dagster import OpExecutionContext, get_dagster_logger, graph, op


@op
def naps() -> None:
    time.sleep(0.05)


@op(pool="narrow")
def naps_in_pool() -> None:
    time.sleep(0.05)


@op(tags={"size": "large"})
def naps_tagged() -> None:
    time.sleep(0.05)


@graph
def wide() -> None:
    for number in range(12):
        naps.alias(f"nap_{number}")()


@graph
def pooled() -> None:
    for number in range(4):
        naps_in_pool.alias(f"narrow_{number}")()
    naps()


@graph
def tagged() -> None:
    for number in range(6):
        naps_tagged.alias(f"large_{number}")()
    naps()


@graph
def prioritised() -> None:
    for number in range(6):
        naps.alias(f"nap_{number}").tag({"dagster/priority": str(number % 3)})()


@op
def logs(context: OpExecutionContext) -> None:
    for _ in range(5):
        get_dagster_logger().info("line of %s", context.op_handle)
        context.log.info("own line of %s", context.op_handle)
        time.sleep(0.01)
    print(f"printed by {context.op_handle}")


@graph
def logging_in_parallel() -> None:
    for number in range(8):
        logs.alias(f"logs_{number}")()
