"""Small jobs that are run under each executor; `get_job` builds them anew in any process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from dagster import (
    DynamicOut,
    DynamicOutput,
    ExecutorDefinition,
    Failure,
    GraphDefinition,
    HookContext,
    In,
    JobDefinition,
    Nothing,
    OpExecutionContext,
    Out,
    Output,
    RetryPolicy,
    RetryRequested,
    build_reconstructable_job,
    failure_hook,
    get_dagster_logger,
    graph,
    in_process_executor,
    multiprocess_executor,
    op,
    resource,
    success_hook,
)
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig

from dara_dagster.executor.executor import ThreadExecutor, dara_executor
from tests.executor import sample_crowds, sample_edges, sample_stops

_DEFERRED = ThreadExecutor(
    max_concurrent=10,
    retries=RetryMode.DEFERRED,
    step_dependency_config=StepDependencyConfig.default(),
    stop_wait_seconds=10,
)
EXECUTORS: dict[str, ExecutorDefinition] = {
    "dara": dara_executor,
    "deferred": ExecutorDefinition.hardcoded_executor(_DEFERRED),
    "in_process": in_process_executor,
    "multiprocess": multiprocess_executor.configured(
        {"start_method": {"forkserver": {}}, "max_concurrent": 4}
    ),
}


@op
def one() -> int:
    return 1


@op
def add(first: int, second: int = 0) -> int:
    return first + second + 1


@graph
def linear() -> None:
    add.alias("last")(add(one()))


@graph
def diamond() -> None:
    top = one()
    add.alias("bottom")(add.alias("left")(top), add.alias("right")(top))


@op(out={"yes": Out(int, is_required=False), "no": Out(int, is_required=False)})
def chooses() -> Iterator[Output[int]]:
    yield Output(1, "yes")


@op
def fails() -> int:
    raise Failure("wanted")


@op
def breaks_after_output() -> Iterator[Output[int]]:
    yield Output(1)
    raise ValueError("broken")


@graph
def failures() -> None:
    yes, no = chooses()
    add.alias("chosen")(yes)
    add.alias("not_chosen")(add.alias("skipped")(no))
    add.alias("below_abandoned")(add.alias("abandoned")(fails()))
    add.alias("below_broken")(breaks_after_output())


@op
def sums(numbers: list[int]) -> int:
    return sum(numbers)


@graph
def fan_in() -> None:
    yes, no = chooses()
    sums.alias("some")([add.alias("given")(yes), add.alias("missing")(no)])
    sums.alias("none")([add.alias("missing_2")(no), add.alias("missing_3")(no)])


@op(retry_policy=RetryPolicy(max_retries=2, delay=0.1))
def by_policy(context: OpExecutionContext) -> int:
    if context.retry_number < 2:
        raise ValueError("not yet")
    return context.retry_number


@op
def by_request(context: OpExecutionContext) -> int:
    if context.retry_number < 1:
        raise RetryRequested(max_retries=3)
    return context.retry_number


@op(retry_policy=RetryPolicy(max_retries=1))
def never() -> int:
    raise ValueError("never")


@op(retry_policy=RetryPolicy(max_retries=5))
def final() -> int:
    raise Failure("no more", allow_retries=False)


@graph
def retries() -> None:
    add.alias("after_policy")(by_policy())
    add.alias("after_request")(by_request())
    add.alias("after_never")(never())
    final()


@op(out=DynamicOut(int))
def several() -> Iterator[DynamicOutput[int]]:
    for number in range(3):
        yield DynamicOutput(number, mapping_key=f"n{number}")


@op(out=DynamicOut(int, is_required=False))
def nothing_dynamic() -> Iterator[DynamicOutput[int]]:
    yield from ()


@op
def fails_for_one(number: int) -> int:
    if number == 1:
        raise ValueError("one of them")
    return number


@graph
def dynamic() -> None:
    sums(several().map(lambda number: add.alias("mapped_twice")(add.alias("mapped")(number))).collect())
    sums.alias("sum_of_nothing")(nothing_dynamic().map(add.alias("mapped_nothing")).collect())
    sums.alias("sum_of_failed")(several.alias("several_2")().map(fails_for_one).collect())


@success_hook
def on_success(context: HookContext) -> None:
    context.log.info("hook saw %s", context.op_output_values)


@failure_hook
def on_failure(context: HookContext) -> None:
    raise ValueError(f"the hook itself breaks after {context.op_exception}")


@graph
def hooked() -> None:
    add.alias("after")(one.with_hooks({on_success, on_failure})())
    fails.with_hooks({on_success, on_failure})()


@op
async def awaits() -> int:
    await asyncio.sleep(0.05)
    return 1


@op(out=Out(int))
async def streams() -> AsyncIterator[Output[int]]:
    await asyncio.sleep(0.05)
    yield Output(2)


@graph
def asynchronous() -> None:
    add(awaits(), streams())
    awaits.alias("beside")()


@graph
def nested() -> None:
    linear.alias("inner")()
    diamond.alias("inner_2")()


@op(ins={"start": In(Nothing)}, out={"done": Out(str), "success": Out(Nothing, is_required=False)})
def tolerant_fails() -> Iterator[Output[str]]:
    yield Output("FAILED", "done")
    raise Failure("red, but left its word before")


@op(out={"done": Out(str), "success": Out(Nothing, is_required=False)})
def tolerant_works() -> Iterator[Output[str] | Output[None]]:
    yield Output("SUCCESS", "done")
    yield Output(None, "success")


@op
def reads_words(words: list[str]) -> str:
    return ",".join(words)


@op(ins={"start": In(Nothing)})
def needs_success() -> None: ...


@graph
def run_if() -> None:
    bad_word, bad_success = tolerant_fails()
    good_word, good_success = tolerant_works()
    reads_words([bad_word, good_word])
    needs_success.alias("after_both")(start=[bad_success, good_success])
    needs_success.alias("after_good")(start=good_success)


@resource
def traced(_: object) -> Iterator[str]:
    get_dagster_logger().info("set up")
    yield "a resource"
    get_dagster_logger().info("torn down")


@op(required_resource_keys={"traced"})
def uses(context: OpExecutionContext) -> int:
    assert context.resources.traced == "a resource"
    return 1


@op(required_resource_keys={"traced"})
def uses_and_fails() -> None:
    raise Failure("with a resource open")


@graph
def with_resource() -> None:
    add(uses())
    uses_and_fails()


@op
def fails_first_time(context: OpExecutionContext, number: int) -> int:
    if context.run.parent_run_id is None:
        raise ValueError("only the first run fails")
    return number


@graph
def recovers() -> None:
    add.alias("last")(fails_first_time(add(one())))
    needs_success(start=sample_crowds.naps())


GRAPHS: dict[str, GraphDefinition] = {
    found.name: found
    for module in (globals(), *map(vars, (sample_crowds, sample_edges, sample_stops)))
    for found in list(module.values())
    if isinstance(found, GraphDefinition)
}


def get_job(name: str, executor: str, config: dict[str, Any] | None = None) -> JobDefinition:
    """The sample job `name` under `executor`, with the executor's config filled in."""
    definition = EXECUTORS[executor]
    return GRAPHS[name].to_job(
        name=f"{name}_{executor}",
        executor_def=definition.configured(config) if config else definition,
        resource_defs={"traced": traced} if name == "with_resource" else None,
    )


def reconstructable(name: str, executor: str, config: dict[str, Any] | None = None) -> ReconstructableJob:
    """The same, so that other processes can build it too."""
    arguments = {"name": name, "executor": executor, "config": config}
    return build_reconstructable_job(__name__, "get_job", reconstructable_kwargs=arguments)
