"""How Databricks is called: each rate, time-out and patience, declared once, set by `poll` in project.json.

A plain record, so that a plan comes without pydantic. The keys of project.json, their JSON Schema and the
table in `docs/settings.md` are made of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, NamedTuple


def _setting(default: float, text: str) -> Any:
    return field(default=default, metadata={"text": text})


@dataclass(frozen=True)
class Settings:
    """What `poll` in project.json sets. Times are seconds; whole numbers have a whole default."""

    calls_per_second: float = _setting(20.0, "API calls of one process: all kinds of calls share them.")
    emulator_calls_per_second: float = _setting(1000.0, "The same on the local workspace, at least.")
    lost_after_seconds: float = _setting(
        900.0, "How long faults of the service (429, 5xx, resets, time-outs, unreadable answers) are borne."
    )
    open_seconds: float = _setting(
        60.0, "How long a task bears that nothing at all answers at the host when it first calls there."
    )
    retry_longest_seconds: float = _setting(10.0, "The longest wait between two tries of a call.")
    retry_after_longest_seconds: float = _setting(
        300.0, "The longest wait that is granted to the service when it asks for one (Retry-After)."
    )
    connect_timeout_seconds: float = _setting(5.0, "Until the first answer of a host, when it is opened.")
    call_timeout_seconds: float = _setting(60.0, "Without a byte of an answer, until a call is made again.")
    poll_timeout_seconds: float = _setting(10.0, "The same for a poll of a run.")
    connections: int = _setting(600, "Connections of one process at most.")
    watch_threads: int = _setting(8, "Polls of runs that are under way at the same time.")
    poll_first_seconds: float = _setting(0.25, "Between two polls of a run that has just begun.")
    poll_shortest_seconds: float = _setting(0.5, "Between two polls of a run, at least, later on.")
    poll_longest_seconds: float = _setting(10.0, "Between two polls of a run, at most.")
    poll_share: float = _setting(0.1, "Between two polls of a run: this share of its age.")
    poll_rare_longest_seconds: float = _setting(
        60.0, "Between two polls of a run whose end is not near, as its last runs tell, at most."
    )
    urgent_timeout_seconds: float = _setting(
        10.0, "Until a call that ends a run is made again when no answer comes."
    )
    cancel_seconds: float = _setting(
        40.0, "How long runs are given to stop. A step that is terminated has 60 s in all."
    )
    cancel_refused_seconds: float = _setting(
        10.0, "How long cancels are sent again when the service takes none of them."
    )
    cancel_try_seconds: float = _setting(
        3.0,
        "How long one cancel, or one poll of a run that is cancelled, bears faults before the other's turn.",
    )
    cancel_poll_longest_seconds: float = _setting(
        3.0, "Between two polls of runs that are cancelled, at most."
    )
    cancel_find_seconds: float = _setting(
        10.0, "How long a step that is terminated looks for the run of a submission that got no answer."
    )
    cancel_others_seconds: float = _setting(
        50.0, "How long `fail_fast` gives the runs of other tasks to stop."
    )
    timeout_grace_seconds: float = _setting(
        30.0, "How much later than Databricks a task's timeout is enforced from here."
    )
    compute_wait_seconds: float = _setting(
        600.0, "How long to wait for a state of a cluster or warehouse that allows a change."
    )
    compute_poll_seconds: float = _setting(1.0, "Between two polls of such a state.")
    upload_threads: int = _setting(8, "Files that are uploaded at the same time.")
    statement_poll_longest_seconds: float = _setting(5.0, "Between two polls of a SQL statement, at most.")
    statement_cancel_seconds: float = _setting(10.0, "How long a SQL statement is given to stop.")
    index_settle_seconds: float = _setting(
        10.0, "How long a Vector Search index may take to show that its sync has begun."
    )
    side_call_seconds: float = _setting(
        10.0,
        "How long faults are borne in calls that a task can do without: the notebooks it started, the "
        "record of what was uploaded.",
    )
    deploy_lock_seconds: float = _setting(600.0, "How long `dara deploy` waits for another one to end.")
    listing_seconds: float = _setting(30.0, "How long one tick of a sensor lists a folder.")
    listing_timeout_seconds: float = _setting(
        5.0, "How long a tick of a sensor waits for a listing; one that takes longer serves a later tick."
    )
    platform_retries: int = _setting(
        2, "Retries after a fault of the platform, where the task's own max_retries is less."
    )
    platform_retry_seconds: float = _setting(10.0, "Until the first of these, then twice as long each time.")
    platform_retry_longest_seconds: float = _setting(300.0, "Until the next of these, at most.")
    emulator_start_seconds: float = _setting(15.0, "How long the local workspace may take to start.")
    emulator_stop_seconds: float = _setting(10.0, "How long it may take to stop.")


DEFAULTS = Settings()


class Setting(NamedTuple):
    """One setting as it is documented."""

    name: str
    default: float
    text: str

    @property
    def kind(self) -> type[int] | type[float]:
        """Return int for a whole number, else float."""
        return int if isinstance(self.default, int) else float


def all_settings() -> Iterator[Setting]:
    """Yield every setting, in the order of the record."""
    for one in fields(Settings):
        assert one.default is not MISSING
        yield Setting(one.name, one.default, one.metadata["text"])
