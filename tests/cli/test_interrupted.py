"""Ctrl-C before a command has anything to cancel: a word and exit code 130, never a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dara_dagster.cli.exit_codes import INTERRUPTED
from tests.cli.conftest import Project

_INTERRUPT = "import signal; signal.raise_signal(signal.SIGINT)"
# Where an interrupt can come: in code as it is, in code that is executed as text (Python ends itself by the
# signal after that), and where Python drops what is raised.
_PLACES = {
    "plain": _INTERRUPT,
    "exec": f"exec({_INTERRUPT!r})",
    "destructor": f"""
class Dropped:
    def __del__(self):
        {_INTERRUPT}
Dropped()
import time
time.sleep(60)
""",
}
_CODE = """
import sys, dara_dagster.config as config
from dara_dagster.cli import main
place = sys.argv.pop(1)
config.plan_from = lambda folder: exec(place)
main()
"""


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize(
    ("command", "word"), [("run", "Interrupted before there was a run."), ("plan", "Interrupted.")]
)
def test_an_interrupt_before_a_run_is_reported_in_a_word(
    project: Project, place: str, command: str, word: str
) -> None:
    arguments = [sys.executable, "-c", _CODE, _PLACES[place], command]
    done = subprocess.run(arguments, cwd=project.root, env=project.environ, capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", f"{word}\n")


def test_an_interrupt_while_the_command_is_loaded_is_reported_too(project: Project) -> None:
    code = f"""
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "dara_dagster.cli.app":
            {_INTERRUPT}
sys.meta_path.insert(0, Finder())
from dara_dagster.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (INTERRUPTED, "Interrupted.\n")
