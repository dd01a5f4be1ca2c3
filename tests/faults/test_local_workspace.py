"""The local workspace with everything that can be wrong with its files, its process and its packages."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.places import NOTEBOOK, Place
from tests.support.waiting import until

_ENDLESS = "import pathlib, time\npathlib.Path({mark!r}).touch()\nwhile True: time.sleep(1)\n"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    place.workflow({"quick.py": NOTEBOOK})
    yield place
    place.clear()


def test_a_state_file_of_another_time_is_passed_over(place: Place) -> None:
    dead = json.dumps(
        {"pid": 2**22 - 1, "port": 9, "host": "http://127.0.0.1:9", "started": 1, "version": ""}
    )
    for content in ('{"pid": 12', "[]", dead, dead.replace(str(2**22 - 1), str(os.getpid()))):
        place.write(".dara/emulator.json", content)
        assert "The local workspace started" in place.dara("emulator", "start")
        place.dara("emulator", "stop")


def test_a_file_where_its_folder_belongs(place: Place) -> None:
    place.write(".dara", "")

    text = place.dara("emulator", "start", code=1)

    assert str(place.root / ".dara") in text and "DARA_EMULATOR_DATA" in text


def test_killed_in_the_middle_of_a_run_it_comes_back_and_the_task_is_tried_again(place: Place) -> None:
    mark = place.root / "mark"
    once = f"import pathlib\nif pathlib.Path({str(mark)!r}).exists(): dbutils.notebook.exit('second')\n"
    text = NOTEBOOK + once + _ENDLESS.format(mark=str(mark))
    place.workflow({"task.py": text}, task={"retry_delay_seconds": 1})
    run = place.start("run")
    until(mark.exists, "the task")

    os.kill(place.emulator_pid, signal.SIGKILL)

    assert run.wait() == 0, run.text
    assert "attempt 2" in run.text and "success" in run.text


def test_stopped_in_the_middle_of_a_run_the_run_ends_and_says_so(place: Place) -> None:
    mark = place.root / "mark"
    place.workflow({"task.py": NOTEBOOK + _ENDLESS.format(mark=str(mark))})
    run = place.start("run")
    until(mark.exists, "the task")

    place.dara("emulator", "stop")

    assert run.wait() == 1
    assert "The local workspace was stopped while it was in use" in run.text


def test_without_its_extra_the_task_names_what_to_install(place: Place) -> None:
    missing = "raise ModuleNotFoundError(\"No module named 'pysail'\", name='pysail')\n"
    shadow = place.write("shadow/pysail/__init__.py", missing).parents[1]

    text = place.dara("run", code=1, PYTHONPATH=str(shadow))

    assert "pip install 'dara-dagster[emulator]'" in text and "attempt" not in text


def test_two_first_runs_at_once_share_one_workspace(place: Place) -> None:
    runs = [place.start("run") for _ in range(2)]

    assert [run.wait() for run in runs] == [0, 0], [run.text for run in runs]
    assert {run["state"] for run in place.json("status")} == {"success"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_and_leaves_nothing(place: Place, number: signal.Signals) -> None:
    pid = place.root / "pid"
    text = f"import os, pathlib, time\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n"
    place.workflow({"task.py": NOTEBOOK + text + "while True: time.sleep(1)\n"})
    run = place.start("run")
    until(lambda: pid.exists() and pid.read_text(), "the task")

    run.send_signal(number)

    assert run.wait() in (1, 128 + number), run.text
    assert "cancelled" in run.text and "Traceback" not in run.text
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
