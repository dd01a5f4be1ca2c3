"""The report of a run is made of what Dagster stored: real runs on the emulator, and made-up ones."""

# No `from __future__ import annotations`: Dagster reads the annotation of a body's context as written.
import json
from collections.abc import Iterator

from dagster import (
    AssetMaterialization,
    DagsterInstance,
    DynamicOut,
    DynamicOutput,
    OpExecutionContext,
    ResourceDefinition,
    job,
    op,
)

from dara_dagster.history.materializations import Table
from dara_dagster.history.report import TaskReport, read_report
from tests.defs.conftest import Project
from tests.history.reports.made_up import attempt, report, task

DIAMOND = (
    {"name": "load"},
    {"name": "quick", "dependent_on": ["load"]},
    {"name": "slow", "dependent_on": ["load"], "outputs": ["main.a.b"]},
    {"name": "sum", "dependent_on": ["quick", "slow"]},
)


def whole(task: TaskReport) -> float:
    return task.queue_seconds + task.setup_seconds + task.execution_seconds + task.own_seconds


def test_a_real_run_tells_its_path_its_times_and_its_tables(project: Project) -> None:
    project.simulate("slow", duration_ms=700, pending_ms=100, exit_value="42 rows")
    project.workflow(*DIAMOND, parameters={"day": ""})
    run = project.run(run_config={"resources": {"parameters": {"config": {"values": {"day": "1"}}}}})

    found = read_report(project.instance, run.run_id[:8])

    tasks = {each.step_key: each for each in found.tasks}
    assert (found.state, found.job, found.workflow, found.workspace) == (
        "success",
        "flow",
        "flow",
        "databricks",
    )
    assert found.critical_path == ("load", "slow", "sum")
    assert [each.name for each in found.path] == ["load", "slow", "sum"]
    assert (tasks["quick"].critical, tasks["slow"].critical) == (False, True)
    assert (tasks["quick"].slack_seconds or 0) > 0 and tasks["slow"].slack_seconds == 0
    assert tasks["sum"].upstream == ("quick", "slow")
    assert found.greatest_parallelism == 2 and found.parameters == {"day": "1"}
    assert tasks["slow"].execution_seconds >= 0.7 and tasks["slow"].setup_seconds >= 0.1
    assert (tasks["slow"].exit_value, tasks["slow"].tables) == ("42 rows", (Table("main.a.b"),))
    for each in found.tasks:
        assert each.start is not None and each.end is not None and each.seconds is not None
        assert abs(whole(each) - each.seconds) < 0.01
        assert abs(each.end - each.start - each.seconds) < 0.01
    on_path = sum(each.seconds or 0 for each in found.path)
    assert abs(found.critical_seconds - on_path) < 0.01 and on_path <= found.seconds
    assert 0 < found.overhead_seconds < found.seconds - 0.7
    assert json.loads(json.dumps(found.as_json()))["tasks"][0]["phases"]


def test_a_sequential_run_is_one_path(project: Project) -> None:
    project.workflow(*DIAMOND)

    found = read_report(project.instance, project.run("flow_sequential").run_id)

    assert set(found.critical_path) == {"load", "quick", "slow", "sum"}
    assert found.critical_path[0] == "load" and found.critical_path[-1] == "sum"
    assert found.greatest_parallelism == 1 and found.workflow == "flow"


def test_a_retried_task_counts_with_all_its_attempts(project: Project) -> None:
    project.simulate("load", duration_ms=300, result="FAILED", code="CLUSTER_ERROR", count=1)
    project.workflow({"name": "load", "max_retries": 1, "retry_delay_seconds": 0.2})

    (load,) = read_report(project.instance, project.run().run_id).tasks

    assert (load.state, load.attempt) == ("success", 2)
    assert load.execution_seconds >= 0.35 and load.own_seconds >= 0.2
    assert [phase.word for phase in load.phases].count("execution") == 2


def test_what_a_resumed_run_took_over_has_no_times_in_it(project: Project) -> None:
    project.simulate("load", exit_value="7")
    project.simulate("quick", result="FAILED", count=1)
    project.workflow(*DIAMOND)
    failed = project.run()

    before = read_report(project.instance, failed.run_id)
    found = read_report(project.instance, project.resume(failed.run_id).run_id)

    states = {each.step_key: each.state for each in before.tasks}
    assert states == {"load": "success", "quick": "failed", "slow": "success", "sum": "not run"}
    taken = {each.step_key: each for each in found.tasks if each.taken_over_from}
    assert taken.keys() == {"load", "slow"} and found.critical_path == ("quick", "sum")
    assert (taken["load"].taken_over_from, taken["load"].exit_value) == (failed.run_id, "7")
    assert (taken["load"].seconds, taken["load"].state) == (None, "success")


def test_the_slots_and_the_overhead_of_a_made_up_run() -> None:
    run = [attempt(0, 4, 1, execution_seconds=3), attempt(4, 9, 5, execution_seconds=4)]
    found = report(task("a", 0, 4, run[0]), task("b", 4, 9, run[1]), seconds=10)

    assert found.critical_path == ("b",)
    assert (found.slot_seconds, found.overhead_seconds) == (4, 2)  # 1 s before the submission, 1 s at the end
    assert (found.task_seconds, found.speed_up, found.average_parallelism) == (9, 0.9, 1)


def test_an_active_run_and_one_that_has_not_begun() -> None:
    going = report(
        task("a", 0, 2), task("b", 2, None, seconds=3.0), seconds=5, state="running", upstream={"b": ["a"]}
    )
    queued = report(start=None, end=None, seconds=None, state="queued")

    assert (going.over, going.critical_path, going.critical_seconds) == (False, ("a", "b"), 5)
    assert going.tasks[1].end == 5 and going.tasks[1].execution_seconds == 3
    assert (queued.critical_path, queued.seconds, queued.speed_up, queued.tasks) == ((), 0, 0, ())


def test_tasks_of_one_name_are_kept_apart_and_empty_ones_are_kept() -> None:
    twins = task("load", 0, 1, step_key="a.load"), task("load", 1, 1, step_key="b.load")

    found = report(*twins, task("ünï 名前", 0, 0))

    assert [each.name for each in found.tasks] == ["a.load", "b.load", "ünï 名前"]
    assert found.tasks[2].seconds == 0 and found.tasks[2].phases == ()


def test_a_step_pipeline_is_a_chain_of_its_own_work(project: Project) -> None:
    passes = {"uses": "tests.defs.own_steps:FailUnless", "settings": {"marker": "/"}}
    steps = [{"name": "one", **passes}, {"name": "two", **passes}]
    project.write("workflows/chain.json", {"name": "chain", "steps": steps})

    found = read_report(project.instance, project.run("chain").run_id)

    assert found.critical_path == ("one", "two")
    assert all(each.own_seconds == 0 and each.databricks_run_id is None for each in found.tasks)


@op(out=DynamicOut(int))
def split() -> Iterator[DynamicOutput[int]]:
    yield DynamicOutput(1, "one")
    yield DynamicOutput(2, "two")


@op(required_resource_keys={"parameters"})
def work(context: OpExecutionContext, part: int) -> None:
    context.log_event(AssetMaterialization(["m", "s", f"t{part}"], metadata={"dagster/row_count": part}))


@job(resource_defs={"parameters": ResourceDefinition.string_resource()})
def foreign() -> None:
    split().map(work)


def test_a_run_of_any_dagster_job_can_be_reported(instance: DagsterInstance) -> None:
    config = {"resources": {"parameters": {"config": "not ours"}}}
    run = foreign.execute_in_process(instance=instance, run_config=config)

    found = read_report(instance, run.run_id)

    tables = {each.step_key: each.tables for each in found.tasks if each.tables}
    assert tables == {"work[one]": (Table("m.s.t1", 1),), "work[two]": (Table("m.s.t2", 2),)}
    assert found.state == "success" and found.parameters == {} and found.workflow == ""
