"""What our executor promises beyond running the same steps: limits, order, selection, logs, retries."""

import re
import threading

import pytest
from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterInvariantViolationError,
    ReexecutionOptions,
    execute_job,
)
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator

from tests.executor import sample_edges, sample_stops
from tests.executor.history import events_by_step, messages_of, most_at_once, order_of
from tests.executor.sample_jobs import GRAPHS, get_job, reconstructable


def _run(
    instance: DagsterInstance, name: str, config: dict[str, object] | None = None, **kwargs: object
) -> str:
    with execute_job(reconstructable(name, "dara", config), instance, **kwargs) as result:
        return result.run_id


def test_no_more_steps_at_a_time_than_allowed(instance: DagsterInstance) -> None:
    assert most_at_once(instance, _run(instance, "wide", {"max_concurrent": 3})) == 3
    assert most_at_once(instance, _run(instance, "wide")) > 3


def test_a_wrong_number_of_slots_is_refused(instance: DagsterInstance) -> None:
    with pytest.raises(DagsterInvariantViolationError, match="max_concurrent"):
        _run(instance, "wide", {"max_concurrent": 0}, raise_on_error=True)


def test_a_pool_limits_steps(instance: DagsterInstance) -> None:
    instance.event_log_storage.set_concurrency_slots("narrow", 1)
    run_id = _run(instance, "pooled")
    assert events_by_step(instance, run_id)[""][-1] == "PIPELINE_SUCCESS"
    starts = order_of(instance, run_id, "STEP_START")
    assert most_at_once(instance, run_id) <= 2
    # Slots go round by first come, first served.
    assert [key for key in starts if key != "naps"] == [f"narrow_{number}" for number in range(4)]
    info = instance.event_log_storage.get_concurrency_info("narrow")
    assert (info.active_slot_count, info.pending_step_count) == (0, 0)


def test_tag_limits(instance: DagsterInstance) -> None:
    limits = {"tag_concurrency_limits": [{"key": "size", "value": "large", "limit": 2}]}
    run_id = _run(instance, "tagged", limits)
    assert len(order_of(instance, run_id, "STEP_SUCCESS")) == 7
    assert most_at_once(instance, run_id) <= 3


def test_priority_decides_who_starts_first(instance: DagsterInstance) -> None:
    run_id = _run(instance, "prioritised", {"max_concurrent": 1})
    expected = ["nap_2", "nap_5", "nap_1", "nap_4", "nap_0", "nap_3"]
    assert order_of(instance, run_id, "STEP_START") == expected


def test_a_step_below_a_skipped_and_an_abandoned_one(instance: DagsterInstance) -> None:
    found = events_by_step(instance, _run(instance, "below_both_kinds"))
    assert found["below"] == ["STEP_SKIPPED"]
    assert "abandoned" not in found
    assert found[""][-1] == "PIPELINE_FAILURE"


def test_a_step_is_not_abandoned_before_all_it_waits_for_has_ended(instance: DagsterInstance) -> None:
    found = events_by_step(instance, _run(instance, "skipped_after_a_failure"))
    assert found["maybe"] == ["STEP_SKIPPED"]
    assert found["some"][-1] == "STEP_SUCCESS"


def test_limits_that_let_nothing_start_fail_the_run(instance: DagsterInstance) -> None:
    limits = {"tag_concurrency_limits": [{"key": "size", "value": "large", "limit": 0}]}
    with pytest.raises(DagsterInvariantViolationError, match="No step can start"):
        _run(instance, "tagged", limits, raise_on_error=True)


def test_an_error_of_the_executor_stops_the_steps_that_run(instance: DagsterInstance) -> None:
    sample_edges.waiter_is_waiting.clear()
    with execute_job(reconstructable("breaks_the_loop", "dara"), instance) as result:
        assert not result.success
        assert result.output_for_node("waits_to_be_stopped") == "stopped"
    failure = instance.all_logs(result.run_id, of_type=DagsterEventType.RUN_FAILURE)[0]
    assert "very high" in failure.get_dagster_event().job_failure_data.error.message


def test_steps_are_stopped_when_nobody_listens_any_longer(instance: DagsterInstance) -> None:
    sample_edges.waiter_is_waiting.clear()
    job = get_job("breaks_the_loop", "dara")
    run = instance.create_run_for_job(job)
    events = execute_run_iterator(InMemoryJob(job), run, instance)
    while not sample_edges.waiter_is_waiting.is_set():
        next(events)
    events.close()
    assert "STEP_SUCCESS" in events_by_step(instance, run.run_id)["waits_to_be_stopped"]


def test_op_selection(instance: DagsterInstance) -> None:
    run_id = _run(instance, "linear", op_selection=["one", "add"])
    assert set(events_by_step(instance, run_id)) == {"", "one", "add"}


def test_re_execution_from_failure(instance: DagsterInstance) -> None:
    job = reconstructable("recovers", "dara")
    with execute_job(job, instance) as first:
        assert not first.success
    options = ReexecutionOptions.from_failure(first.run_id, instance)
    with execute_job(job, instance, reexecution_options=options) as second:
        assert second.success
        assert second.output_for_node("last") == 3
    assert set(events_by_step(instance, second.run_id)) == {"", "fails_first_time", "last"}


def test_retries_can_be_disabled(instance: DagsterInstance) -> None:
    found = events_by_step(instance, _run(instance, "retries", {"retries": {"disabled": {}}}))
    assert found["by_request"] == ["STEP_START", "STEP_FAILURE"]


def test_deferred_retries_are_left_to_the_outer_plan(instance: DagsterInstance) -> None:
    with execute_job(reconstructable("retries", "deferred"), instance) as result:
        found = events_by_step(instance, result.run_id)
    assert found["by_policy"] == found["by_request"] == ["STEP_START", "STEP_UP_FOR_RETRY"]
    assert "after_policy" not in found


def test_an_op_that_tells_its_word_and_then_fails(instance: DagsterInstance) -> None:
    config = {"step_dependency_config": {"require_upstream_step_success": False}}
    found = events_by_step(instance, _run(instance, "run_if", config))
    assert found[""][-1] == "PIPELINE_FAILURE"
    assert "STEP_FAILURE" in found["tolerant_fails"]
    assert found["reads_words"][-1] == "STEP_SUCCESS"
    assert found["after_good"][-1] == "STEP_SUCCESS"
    assert "after_both" not in found


def test_fan_in_by_outputs_runs_with_what_there_is(instance: DagsterInstance) -> None:
    config = {"step_dependency_config": {"require_upstream_step_success": False}}
    ours = events_by_step(instance, _run(instance, "fan_in", config))
    assert ours["some"][-1] == "STEP_SUCCESS"
    assert ours["none"] == ["STEP_SKIPPED"]
    assert ours == events_by_step(instance, _run(instance, "fan_in"))


@pytest.mark.parametrize("name", ["dynamic", "failures", "retries", "diamond"])
def test_waiting_for_outputs_changes_nothing_else(instance: DagsterInstance, name: str) -> None:
    config = {"step_dependency_config": {"require_upstream_step_success": False}}
    by_output = events_by_step(instance, _run(instance, name, config))
    by_success = events_by_step(instance, _run(instance, name))
    # A step that fails after it gave its output is the one difference.
    started_early = {"below_broken"}
    assert {k: v for k, v in by_output.items() if k not in started_early} == by_success


def test_log_lines_go_to_the_step_that_wrote_them(instance: DagsterInstance) -> None:
    run_id = _run(instance, "logging_in_parallel")
    for number in range(8):
        key = f"logs_{number}"
        lines = [line for line in messages_of(instance, run_id, key) if "line of" in line]
        assert [line.rpartition(" - ")[2] for line in lines] == [f"line of {key}", f"own line of {key}"] * 5


def test_lines_may_be_handed_on_by_locked_handlers(instance: DagsterInstance) -> None:
    lines = messages_of(instance, _run(instance, "locks_handlers"), "logs_by_locked_handlers")
    assert [line for line in lines if line.endswith("by a locked handler")]


def test_compute_logs_are_captured(instance: DagsterInstance) -> None:
    run_id = _run(instance, "logging_in_parallel")
    captured = [entry for entry in instance.all_logs(run_id) if entry.dagster_event_type == "LOGS_CAPTURED"]
    data = captured[0].dagster_event.logs_captured_data
    assert sorted(data.step_keys) == [f"logs_{number}" for number in range(8)]
    manager = instance.compute_log_manager
    log_key = manager.build_log_key_for_run(run_id, data.file_key)
    assert manager.is_capture_complete(log_key)
    printed = (manager.get_log_data(log_key).stdout or b"").decode()
    # `print` writes its line end by itself: lines of threads may be joined, none may be missing.
    assert sorted(re.findall("printed by (logs_[0-9])", printed)) == [f"logs_{number}" for number in range(8)]


def test_every_sample_ends(instance: DagsterInstance) -> None:
    """No thread is left behind by any of the samples that end by themselves."""
    for name in set(GRAPHS) - {*vars(sample_stops), "pooled"}:
        _run(instance, name)
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {step for graph in GRAPHS.values() for step in graph.node_dict}
