"""An engine process that speaks the runner's protocol and runs plain Python: no Spark, so it starts at once.

The code of a task sees `spec`, `answer(value)` (the exit value) and may do anything, crash included.
A spec whose path contains "kill-the-engine" ends this very process.
"""

from __future__ import annotations

import json
import os
import selectors
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin.fileno(), selectors.EVENT_READ)
    children: set[int] = set()
    pending = b""
    while True:
        if waiting.select(timeout=0.02):
            chunk = os.read(sys.stdin.fileno(), 65536)
            if not chunk:
                break
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                children.add(_start(json.loads(line)["start"]))
        for pid in list(children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                children.discard(pid)
                _say({"exited": pid, "status": os.waitstatus_to_exitcode(status)})
    for pid in children:
        os.killpg(pid, 9)


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _start(spec_file: str) -> int:
    spec = json.loads(Path(spec_file).read_text())
    if "kill-the-engine" in spec["path"]:
        os._exit(7)
    pid = os.fork()
    if pid == 0:
        _run(spec)
    _say({"started": spec_file, "pid": pid})
    return pid


def _run(spec: dict[str, Any]) -> None:
    os.setsid()
    log = os.open(spec["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    result: dict[str, Any] = {"ok": True, "exit_value": None, "error": None, "error_trace": None}
    try:
        code = Path(spec["file"]).read_text()
        exec(code, {"__name__": "__main__", "spec": spec, "answer": lambda v: result.update(exit_value=v)})
    except BaseException as error:
        result.update(ok=False, error=f"{type(error).__name__}: {error}", error_trace=traceback.format_exc())
    sys.stdout.flush()
    draft = Path(spec["result"] + ".part")
    draft.write_text(json.dumps(result))
    draft.rename(spec["result"])
    os._exit(0)


if __name__ == "__main__":
    main()
