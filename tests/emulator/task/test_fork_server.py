"""The parent of the task processes: requests, exits, killed groups, its own end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.emulator.task.task_processes import Tasks
from tests.support.waiting import until


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def pids_in(file: Path) -> list[int]:
    until(lambda: len(lines(file)) >= 2, f"two pids in {file}")
    return [int(line) for line in lines(file)]


def sleeper(file: Path) -> str:
    """A script that starts a child, writes both pids, and never ends."""
    return f"""
        import os, subprocess, time
        child = subprocess.Popen(["sleep", "1000"])
        open({str(file)!r}, "w").write(f"{{os.getpid()}}\\n{{child.pid}}\\n")
        time.sleep(1000)
        """


def test_a_task_that_ends_is_reported_with_its_status(tasks: Tasks) -> None:
    good, bad = tasks.script("print('fine')"), tasks.script("raise ValueError('no')")
    assert (good.status, good.result["ok"], good.log) == (0, True, "fine\n")
    assert (bad.status, bad.result["ok"], bad.error) == (1, False, "ValueError: no")


def test_a_task_leads_its_own_session_and_group(tasks: Tasks) -> None:
    ended = tasks.script("import os; print(os.getpid() == os.getpgid(0) == os.getsid(0))")
    assert ended.log == "True\n"


def test_a_task_dies_by_its_own_signal(tasks: Tasks) -> None:
    ended = tasks.script("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (ended.status, ended.result) == (-signal.SIGKILL, {})


def test_killing_the_group_ends_the_task_and_its_children(tasks: Tasks, tmp_path: Path) -> None:
    spec = tasks.start("script", tasks.file("sleeper.py", sleeper(tmp_path / "pids")))
    own, child = pids_in(tmp_path / "pids")
    assert own == tasks.pid(spec)
    os.killpg(own, signal.SIGTERM)
    assert tasks.wait(spec).status == -signal.SIGTERM
    until(lambda: not alive(child), "the child's end")


def test_what_a_task_leaves_running_ends_with_it(tasks: Tasks) -> None:
    ended = tasks.script("import subprocess; print(subprocess.Popen(['sleep', '1000']).pid)")
    assert ended.result["ok"]
    until(lambda: not alive(int(ended.log)), "the end of the process left behind")


def test_threads_that_never_end_do_not_hold_the_task_up(tasks: Tasks) -> None:
    ended = tasks.script(
        """
        import threading, time
        threading.Thread(target=time.sleep, args=(1000,)).start()
        spark.range(3).count()
        """
    )
    assert ended.result["ok"]


def test_the_end_of_input_kills_every_task(tmp_path: Path) -> None:
    tasks = Tasks(tmp_path)
    tasks.start("script", tasks.file("sleeper.py", sleeper(tmp_path / "pids")))
    pids = pids_in(tmp_path / "pids")
    assert tasks.stop() == 0
    until(lambda: not any(alive(pid) for pid in pids), "the end of task and child")


def test_a_spec_that_cannot_be_read_is_a_failed_task(tasks: Tasks, tmp_path: Path) -> None:
    assert tasks.process.stdin is not None
    tasks.process.stdin.write('{"start": "%s"}\n' % (tmp_path / "nothing.spec"))
    tasks.process.stdin.flush()
    pid = tasks.reply(started=str(tmp_path / "nothing.spec"))["pid"]
    assert tasks.reply(exited=pid)["status"] == 1


def test_tasks_run_in_parallel(tasks: Tasks, tmp_path: Path) -> None:
    """Each waits for a file that only the other writes."""
    text = """
        import os, sys, time
        mine, other = sys.argv[1:]
        open(mine, "w").close()
        while not os.path.exists(other):
            time.sleep(0.01)
        """
    path = tasks.file("meet.py", text)
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    specs = [tasks.start("script", path, parameters=pair) for pair in ([one, two], [two, one])]
    assert [tasks.wait(spec).result["ok"] for spec in specs] == [True, True]
