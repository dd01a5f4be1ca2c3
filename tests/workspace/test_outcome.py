"""The outcome table over the whole product of the API's words, unknown words and garbage included."""

from __future__ import annotations

import itertools
import random
import string
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from databricks.sdk.service import jobs

from dara_dagster.workspace.runs.outcome import Retry, Verdict, is_accepted, read_outcome, retry_class

LIFE = [None, "NEWLY_INVENTED", *(word.value for word in jobs.RunLifeCycleState)]
RESULT = [None, "NEWLY_INVENTED", *(word.value for word in jobs.RunResultState)]
STATE = [None, "NEWLY_INVENTED", *(word.value for word in jobs.RunLifecycleStateV2State)]
CODE = [None, "NEWLY_INVENTED", *(word.value for word in jobs.TerminationCodeCode)]
KIND = [None, *(word.value for word in jobs.TerminationTypeType)]
ENDED = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")


def run_of(life: Any, result: Any, state: Any, code: Any, kind: Any) -> dict[str, Any]:
    details = {"code": code, "type": kind, "message": "m"}
    return {
        "state": {"life_cycle_state": life, "result_state": result, "state_message": ""},
        "status": {"state": state, "termination_details": details},
    }


def test_every_combination_has_an_outcome_and_success_is_never_assumed() -> None:
    for life, result, state, code, kind in itertools.product(LIFE, RESULT, STATE, CODE, KIND):
        outcome = read_outcome(run_of(life, result, state, code, kind))
        assert outcome.verdict in get_args(Verdict) and outcome.retry in get_args(Retry)
        assert outcome.ended == (life in ENDED or state == "TERMINATED")
        if outcome.verdict == "success":
            assert {result, code} <= {"SUCCESS", None, "NEWLY_INVENTED"} and "SUCCESS" in (result, code)
            assert result != "NEWLY_INVENTED"
            assert life not in ("SKIPPED", "INTERNAL_ERROR") and outcome.retry == "never"
        if outcome.verdict == "running":
            assert outcome.retry == "never"


@pytest.mark.parametrize(
    ("life", "result", "code", "verdict", "retry"),
    [
        ("TERMINATED", "SUCCESS", "SUCCESS", "success", "never"),
        ("TERMINATED", "SUCCESS", None, "success", "never"),
        ("TERMINATED", None, None, "failed", "now"),
        ("TERMINATED", "SUCCESS_WITH_FAILURES", "SUCCESS_WITH_FAILURES", "partial", "never"),
        ("TERMINATED", "FAILED", None, "failed", "now"),
        ("INTERNAL_ERROR", "FAILED", "RUN_EXECUTION_ERROR", "failed", "now"),
        ("INTERNAL_ERROR", "FAILED", "CLOUD_FAILURE", "failed", "backoff"),
        ("INTERNAL_ERROR", "FAILED", "CLUSTER_ERROR", "failed", "backoff"),
        ("INTERNAL_ERROR", "FAILED", "DRIVER_ERROR", "failed", "backoff"),
        ("INTERNAL_ERROR", "FAILED", "RESOURCE_NOT_FOUND", "failed", "never"),
        ("INTERNAL_ERROR", "FAILED", "UNAUTHORIZED_ERROR", "failed", "never"),
        ("INTERNAL_ERROR", "FAILED", "INVALID_RUN_CONFIGURATION", "failed", "never"),
        ("INTERNAL_ERROR", "SUCCESS", "SUCCESS", "failed", "never"),
        ("TERMINATED", "CANCELED", "USER_CANCELED", "cancelled", "never"),
        ("TERMINATED", "TIMEDOUT", "CANCELED", "timed_out", "now"),
        ("SKIPPED", None, None, "skipped", "never"),
        ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED", "MAX_CONCURRENT_RUNS_EXCEEDED", "skipped", "backoff"),
        ("TERMINATED", "DISABLED", "DISABLED", "skipped", "never"),
        ("SKIPPED", "UPSTREAM_FAILED", "SKIPPED", "upstream", "never"),
        ("TERMINATED", "UPSTREAM_CANCELED", "SKIPPED", "upstream", "never"),
        ("SKIPPED", "EXCLUDED", "SKIPPED", "excluded", "never"),
        ("TERMINATING", "SUCCESS", None, "running", "never"),
        ("WAITING_FOR_RETRY", None, None, "running", "never"),
        ("NEWLY_INVENTED", None, None, "running", "never"),
    ],
)
def test_recorded_cases(life: str, result: str | None, code: str | None, verdict: str, retry: str) -> None:
    outcome = read_outcome(run_of(life, result, None, code, None))
    assert (outcome.verdict, outcome.retry) == (verdict, retry)


NEVER_AGAIN = (
    "INVALID_CLUSTER_REQUEST",
    "INVALID_RUN_CONFIGURATION",
    "CLUSTER_TERMINATED_BY_USER",
    "LIBRARY_INSTALLATION_ERROR",
    "RESOURCE_NOT_FOUND",
    "UNAUTHORIZED_ERROR",
    "FEATURE_DISABLED",
    "BUDGET_POLICY_LIMIT_EXCEEDED",
    "BREAKING_CHANGE",
)
AFTER_A_WHILE = (
    "INTERNAL_ERROR",
    "DRIVER_ERROR",
    "CLUSTER_ERROR",
    "CLOUD_FAILURE",
    "STORAGE_ACCESS_ERROR",
    "REPOSITORY_CHECKOUT_FAILED",
    "CLUSTER_REQUEST_LIMIT_EXCEEDED",
    "WORKSPACE_RUN_LIMIT_EXCEEDED",
    "MAX_SPARK_CONTEXTS_EXCEEDED",
    "MAX_JOB_QUEUE_SIZE_EXCEEDED",
)


@pytest.mark.parametrize("code", [word.value for word in jobs.TerminationCodeCode])
def test_every_code_of_a_failed_run_says_whether_another_try_may_help(code: str) -> None:
    retry = "never" if code in NEVER_AGAIN else "backoff" if code in AFTER_A_WHILE else "now"
    if code in ("SUCCESS", "SUCCESS_WITH_FAILURES", "CANCELED", "USER_CANCELED", "SKIPPED", "DISABLED"):
        retry = "never"  # it contradicts the result
    if code == "MAX_CONCURRENT_RUNS_EXCEEDED":
        retry = "never"

    outcome = read_outcome(run_of("TERMINATED", "FAILED", None, code, None))

    assert (outcome.verdict, outcome.retry) == ("failed", retry)


@pytest.mark.parametrize(
    ("kind", "retry"), [("INTERNAL_ERROR", "backoff"), ("CLOUD_FAILURE", "backoff"), ("CLIENT_ERROR", "now")]
)
def test_a_code_nobody_knows_leaves_it_to_its_type(kind: str, retry: str) -> None:
    assert read_outcome(run_of("TERMINATED", "FAILED", None, "NEWLY_INVENTED", kind)).retry == retry


def test_the_sdk_s_objects_read_like_the_wire() -> None:
    wire = run_of("INTERNAL_ERROR", "FAILED", "TERMINATED", "LIBRARY_INSTALLATION_ERROR", "CLIENT_ERROR")
    assert read_outcome(jobs.Run.from_dict(wire)) == read_outcome(wire)
    assert read_outcome(jobs.Run.from_dict(wire)).code == "LIBRARY_INSTALLATION_ERROR"


def test_only_the_newer_status_is_enough() -> None:
    run = {"status": {"state": "TERMINATED", "termination_details": {"code": "SUCCESS", "type": "SUCCESS"}}}
    assert read_outcome(run).verdict == "success"
    run = {"status": {"state": "TERMINATED", "termination_details": {"code": "NEW", "type": "CLOUD_FAILURE"}}}
    assert (read_outcome(run).verdict, read_outcome(run).retry) == ("failed", "backoff")


def test_random_words_and_garbage_never_raise() -> None:
    dice = random.Random(11)
    letters = string.ascii_uppercase + "_ \x00é"
    junk: list[Any] = [
        None,
        0,
        -1,
        3.5,
        True,
        [],
        {},
        "",
        b"x",
        object(),
        {"value": 1},
        SimpleNamespace(value=[]),
    ]
    words = lambda: "".join(dice.choices(letters, k=dice.randrange(12)))  # noqa: E731
    pick = lambda known: dice.choice([dice.choice(known), dice.choice(junk), words()])  # noqa: E731
    for _ in range(20_000):
        run = run_of(pick(LIFE), pick(RESULT), pick(STATE), pick(CODE), pick(KIND))
        for key in list(run):
            if dice.random() < 0.1:
                run[key] = dice.choice(junk)
        outcome = read_outcome(run)
        assert outcome.verdict in get_args(Verdict) and isinstance(outcome.code, str)
    for thing in junk:
        assert read_outcome(thing).verdict == "running"


def test_timeouts_carry_the_word_people_look_for() -> None:
    assert read_outcome(run_of("TERMINATED", "TIMEDOUT", "TERMINATED", "CANCELED", None)).code == "TIMEDOUT"


def test_retries_can_be_overridden_by_code_glob_and_verdict() -> None:
    library = read_outcome(run_of("INTERNAL_ERROR", "FAILED", None, "LIBRARY_INSTALLATION_ERROR", None))
    timeout = read_outcome(run_of("TERMINATED", "TIMEDOUT", None, "CANCELED", None))
    good = read_outcome(run_of("TERMINATED", "SUCCESS", None, "SUCCESS", None))
    assert retry_class(library, {}) == "never"
    assert retry_class(library, {"*": "now", "LIBRARY_INSTALLATION_ERROR": "backoff"}) == "backoff"
    assert retry_class(library, {"LIBRARY_*": "now"}) == "now"
    assert retry_class(timeout, {"TIMED_OUT": "never"}) == "never"
    assert retry_class(good, {"*": "now"}) == "never"


def test_policy_decides_only_what_is_a_choice() -> None:
    partial = read_outcome(run_of("TERMINATED", "SUCCESS_WITH_FAILURES", None, None, None))
    skipped = read_outcome(run_of("SKIPPED", None, None, None, None))
    upstream = read_outcome(run_of("SKIPPED", "UPSTREAM_FAILED", None, None, None))
    assert is_accepted(partial) and not is_accepted(partial, on_partial="fail")
    assert not is_accepted(skipped) and is_accepted(skipped, on_skipped="succeed")
    assert not is_accepted(upstream, on_partial="succeed", on_skipped="succeed")
