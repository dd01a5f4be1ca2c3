"""The task processes of all workspaces: has the engine start them, notes their ends, stops their groups."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 16
"""Task processes at a time; more wait. Nested notebook runs come on top: their parents wait for them."""

GRACE_SECONDS = 2.0
"""From SIGTERM to SIGKILL."""


@dataclass
class TaskProcess:
    """One task process. `ended` gets its exit status, or None and why it did not run or was lost.

    `code` is the termination code of a task that was lost.
    """

    spec_file: str
    started: Callable[[int], None]
    ended: Callable[[int | None, str], None]
    pid: int | None = None
    stopping: bool = False
    code: str = "DRIVER_ERROR"


class ProcessPool:
    """Talks JSON lines with the engine process, which is started at the first task and again when it died."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self.running: dict[str, TaskProcess] = {}
        self._slots: set[str] = set()
        self._waiting: deque[TaskProcess] = deque()
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._talk: asyncio.Task[None] | None = None
        self._engine: asyncio.subprocess.Process | None = None

    @property
    def busy(self) -> bool:
        """Return whether a task process is alive."""
        return bool(self.running)

    def start(self, process: TaskProcess, *, nested: bool = False) -> None:
        """Start it as soon as there is a free place; a nested one needs none."""
        if nested:
            self._send(process)
        else:
            self._waiting.append(process)
            self._fill()

    def stop(self, process: TaskProcess) -> None:
        """End the process and its group: SIGTERM, SIGKILL after 2 s. `ended` is called when it is gone."""
        if process in self._waiting:
            self._waiting.remove(process)
            asyncio.get_running_loop().call_soon(process.ended, None, "stopped before it started")
        elif not process.stopping:
            process.stopping = True
            if process.pid is not None:
                self._signal(process)

    def end_now(self, process: TaskProcess) -> None:
        """Kill the process and its group without grace."""
        self.stop(process)
        if process.pid is not None:
            _kill_group(process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill every task process and the engine process, now."""
        for process in self.running.values():
            if process.pid is not None:
                _kill_group(process.pid, signal.SIGKILL)
        if self._engine is not None and self._engine.returncode is None:
            self._engine.kill()
        if self._talk is not None:
            self._talk.cancel()

    def _fill(self) -> None:
        while self._waiting and len(self._slots) < MOST_AT_ONCE:
            process = self._waiting.popleft()
            self._slots.add(process.spec_file)
            self._send(process)

    def _send(self, process: TaskProcess) -> None:
        self.running[process.spec_file] = process
        self._outbox.put_nowait(process.spec_file)
        if self._talk is None or self._talk.done():
            self._talk = asyncio.get_running_loop().create_task(self._run_engine())

    async def _run_engine(self) -> None:
        reason = "The engine process ended while the task was running."
        try:
            self._engine = engine = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=2**24,
                start_new_session=True,  # a Ctrl-C in the server's terminal is the server's business
                env={name: value for name, value in os.environ.items() if name != "DARA_EMULATOR_TOKEN"},
            )
            assert engine.stdin is not None
            assert engine.stdout is not None
            writer = asyncio.get_running_loop().create_task(self._write(engine.stdin))
            try:
                async for line in engine.stdout:
                    try:
                        self._read_line(line)
                    except Exception:  # of what follows the end of one task; the others continue
                        logger.exception("after this line of the engine process: %s", line[:200])
            finally:
                writer.cancel()
            reason = f"The engine process ended (status {await engine.wait()}) while the task was running."
        except OSError as error:
            reason = f"The engine process could not be started: {error}"
        self._end_all(reason)

    async def _write(self, stdin: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                spec_file = await self._outbox.get()
                stdin.write(json.dumps({"start": spec_file}).encode() + b"\n")
                await stdin.drain()

    def _read_line(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            logger.warning("unexpected line of the engine process: %s", line[:200])
            return
        if "started" in message and (process := self.running.get(message["started"])):
            process.pid = message["pid"]
            process.started(message["pid"])
            if process.stopping:
                self._signal(process)
        elif "exited" in message:
            found = [one for one in self.running.values() if one.pid == message["exited"]]
            for process in found:
                _kill_group(message["exited"], signal.SIGKILL, leader=False)  # what the code left behind
                self._end(process, message["status"], "")
        elif "failed" in message and (process := self.running.get(message["failed"])):
            process.code = message.get("code", process.code)
            self._end(process, None, message.get("error", "The task could not be started."))

    def _end(self, process: TaskProcess, status: int | None, reason: str) -> None:
        self.running.pop(process.spec_file, None)
        self._slots.discard(process.spec_file)
        process.ended(status, reason)
        self._fill()

    def _end_all(self, reason: str) -> None:
        self._engine, self._outbox = None, asyncio.Queue()
        lost = list(self.running.values())
        self._talk = None  # so that a task started by one of the calls below gets a new engine process
        for process in lost:
            if process.pid is not None:
                _kill_group(process.pid, signal.SIGKILL)
            self._end(process, None, reason)

    def _signal(self, process: TaskProcess) -> None:
        pid = process.pid
        assert pid is not None
        _kill_group(pid, signal.SIGTERM)

        def kill() -> None:
            if self.running.get(process.spec_file) is process:
                _kill_group(pid, signal.SIGKILL)

        asyncio.get_running_loop().call_later(GRACE_SECONDS, kill)


def _kill_group(pid: int, number: int, *, leader: bool = True) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # it has not made its group yet, or is gone
        if leader:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    except PermissionError:  # macOS says this of a group whose processes are all dead
        pass
