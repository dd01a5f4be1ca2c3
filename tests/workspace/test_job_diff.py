"""Which differences between the settings of a job count, and how they read."""

from __future__ import annotations

from typing import Any

import pytest

from dara_dagster.workspace.jobs.diff import changes_of, with_kept

NOTEBOOK = {"notebook_path": "/x", "base_parameters": {"a": "1"}}
TASK = {"task_key": "t", "notebook_task": NOTEBOOK, "max_retries": 0}
BLANK = {"no_alert_for_skipped_runs": False, "no_alert_for_canceled_runs": False}


def of(wanted: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [str(change) for change in changes_of(wanted, now)]


@pytest.mark.parametrize(
    "added",
    [
        {"run_if": "ALL_SUCCESS", "timeout_seconds": 0, "email_notifications": {}, "max_retries": None},
        {"notification_settings": BLANK, "webhook_notifications": {}, "libraries": []},
        {"notebook_task": {**NOTEBOOK, "source": "WORKSPACE"}, "a_word_of_next_year": {"x": 1}},
    ],
)
def test_what_the_service_adds_to_a_task_is_no_difference(added: dict[str, Any]) -> None:
    assert of({"tasks": [TASK]}, {"tasks": [{**TASK, **added}], "format": "MULTI_TASK", "queue": {}}) == []


@pytest.mark.parametrize(
    ("edit", "shown"),
    [
        ({"disabled": True}, "- tasks[t].disabled: True"),
        ({"run_if": "ALL_DONE"}, "- tasks[t].run_if: 'ALL_DONE'"),
        ({"max_retries": 3}, "~ tasks[t].max_retries: 3 -> 0"),
        ({"depends_on": [{"task_key": "u"}]}, "- tasks[t].depends_on: [{'task_key': 'u'}]"),
        (
            {"notebook_task": {**NOTEBOOK, "base_parameters": {"a": "2", "b": "3"}}},
            "~ tasks[t].notebook_task.base_parameters.a: '2' -> '1'|"
            "- tasks[t].notebook_task.base_parameters.b: '3'",
        ),
        (
            {"notification_settings": {**BLANK, "alert_on_last_attempt": True}},
            "- tasks[t].notification_settings: 3 settings",
        ),
    ],
)
def test_what_somebody_did_to_a_task_is_one(edit: dict[str, Any], shown: str) -> None:
    assert "|".join(of({"tasks": [TASK]}, {"tasks": [{**TASK, **edit}]})) == shown


def test_entries_are_matched_by_their_keys_in_any_order() -> None:
    other = {"task_key": "u", "sql_task": {"warehouse_id": "w", "parameters": {}}}
    assert of({"tasks": [TASK, other]}, {"tasks": [other, TASK]}) == []
    assert of({"tasks": [TASK]}, {"tasks": [other]}) == [
        "+ tasks[t]: notebook_task",
        "- tasks[u]: sql_task",
    ]
    wanted = {"parameters": [{"name": "a", "default": ""}, {"name": "b", "default": "1"}]}
    now = {"parameters": [{"name": "b", "default": "2"}, {"name": "a"}]}
    assert of(wanted, now) == ["~ parameters[b].default: '2' -> '1'"]


def test_what_starts_the_job_and_was_put_there_by_hand_goes() -> None:
    now = {"name": "n", "continuous": {"pause_status": "PAUSED"}}
    assert of({"name": "n"}, now) == ["- continuous: {'pause_status': 'PAUSED'}"]


def test_the_version_tells_when_nothing_else_does() -> None:
    wanted, now = ({"name": "n", "tags": {"dara_version": version}} for version in "ab")
    assert of(wanted, now) == ["~ tags.dara_version: 'b' -> 'a'"]
    assert of({**wanted, "name": "m"}, now) == ["~ name: 'n' -> 'm'"]


def test_what_the_files_have_no_word_for_is_kept() -> None:
    mails = {"on_failure": ["a@b.c"]}
    now = {"name": "old", "email_notifications": mails, "webhook_notifications": {}, "schedule": {"x": "y"}}
    assert with_kept({"name": "new"}, now) == {"name": "new", "email_notifications": mails}
