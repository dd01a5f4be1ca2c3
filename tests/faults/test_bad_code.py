"""Code that goes wrong in each way it can: the error, the traceback and the link reach the user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dagster import DagsterEventType, DagsterInstance

from tests.conftest import Emulator
from tests.faults.places import NOTEBOOK, Place

FILES = {
    "raises.py": NOTEBOOK + "print('before')\n# COMMAND ----------\nraise ValueError('no such column')\n",
    "exits.py": NOTEBOOK + "import sys\nsys.exit(3)\n",
    "endless.py": NOTEBOOK + "import time\nwhile True: time.sleep(1)\n",
    "syntax.py": NOTEBOOK + "x = 1\n# COMMAND ----------\nexec('if x: pass: y')\n",
    "module.py": NOTEBOOK + "import not_there\n",
    "widget.py": NOTEBOOK + "dbutils.widgets.get('day')\n",
    "table.py": NOTEBOOK + "spark.table('main.default.nope').show()\n",
    "script.py": "def g():\n    return 1 / 0\ng()\n",
    "long.py": NOTEBOOK + "raise ValueError('x' * 100_000)\n",
    "statement.sql": "SELECT 1;\nSELEC nothing",
}

EXPECTED = {
    "raises": ("ValueError: no such column", 'raises.py", line 4, in cell 2'),
    "exits": ("SystemExit: 3", "sys.exit(3)"),
    "endless": ("timed out (TIMEDOUT): no end within 3 s (timeout_seconds)", ""),
    "syntax": ("SyntaxError: invalid syntax", 'syntax.py", line 4, in cell 2'),
    "module": ("ModuleNotFoundError: No module named 'not_there'", "import not_there"),
    "widget": ("InputWidgetNotDefined: No input widget named day is defined", "dbutils.widgets.get('day')"),
    "table": ("[TABLE_OR_VIEW_NOT_FOUND]", "spark.table('main.default.nope')"),
    "script": ("ZeroDivisionError: division by zero", "return 1 / 0"),
    "long": ("xxxx", ""),
    "statement": ("SELEC", 'statement.sql", line 2'),
}


class Ran:
    """The one run of all of them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.output = place.dara("run", code=1)
        run = place.json("status")[0]
        self.tasks: dict[str, dict[str, Any]] = {
            task["name"]: task for task in place.json("status", run["run_id"])["tasks"]
        }
        self.status = place.dara("status", run["run_id"])
        with DagsterInstance.from_config(str(place.root / ".dagster")) as instance:
            records = instance.get_records_for_run(
                run["run_id"], of_type=DagsterEventType.STEP_FAILURE, limit=100
            ).records
        events = [record.event_log_entry.dagster_event for record in records]
        self.failures = {event.step_key: event.step_failure_data for event in events if event}


@pytest.fixture(scope="module")
def token() -> str:
    return "test-bad-code"


@pytest.fixture(scope="module")
def ran(emulator: Emulator, token: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    environ = {"DARA_WORKSPACE": "databricks", "DATABRICKS_HOST": emulator.host, "DATABRICKS_TOKEN": token}
    place = Place(tmp_path_factory.mktemp("bad-code"), **environ)
    place.write("config/warehouse_config.json", {"w": {"cluster_size": "2X-Small"}})
    place.workflow(FILES, endless={"timeout_seconds": 3}, statement={"warehouse_name": "w"})
    yield Ran(place)
    place.clear()


@pytest.mark.parametrize("name", EXPECTED)
def test_the_error_its_place_and_the_page_are_reported(ran: Ran, name: str) -> None:
    error, place = EXPECTED[name]
    task = ran.tasks[name]

    assert task["state"] == "failed" and task["attempt"] == 1
    assert error in task["error"] and place in task["trace"]
    for text in (ran.output, ran.status):
        assert error in text and place in text and f"{name}: {task['url']}" in text
    failure = ran.failures[name]
    assert failure is not None and failure.user_failure_data is not None
    assert error in str(failure.user_failure_data.description)
    metadata = failure.user_failure_data.metadata
    assert metadata["run_page"].value == task["url"]
    if place:
        assert place in str(metadata["traceback"].value)


def test_an_endless_error_does_not_fill_the_screen(ran: Ran) -> None:
    assert max(map(len, ran.output.splitlines())) < 3_000


def test_nothing_is_left_running(ran: Ran, emulator: Emulator, token: str) -> None:
    stats = emulator.admin("GET", "stats", token=token)

    assert (stats["processes"], stats["active_runs"]) == (0, 0)
