"""Starts a run for a caller from outside: once for each idempotency key, whatever happens in between."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from dagster import DagsterError, DagsterInstance, DagsterRun, DagsterRunStatus

from dara_dagster.api.caller_runs import CallerRuns
from dara_dagster.api.models import ApiError
from dara_dagster.api.problem import Invalid
from dara_dagster.api.project import Project
from dara_dagster.api.uploads import Received, Uploads
from dara_dagster.config.plan import Plan, WorkflowPlan
from dara_dagster.config.run_parameters import wrong_parameter
from dara_dagster.defs.execution.allowed_files import file_parameters, may_read
from dara_dagster.defs.execution.attempts import SEED_TAG
from dara_dagster.defs.run_config import run_config
from dara_dagster.defs.schedules import free_places
from dara_dagster.executor.process import HIDDEN
from dara_dagster.executor.user import USER_TAG
from dara_dagster.workspace.client import check_credentials
from dara_dagster.workspace.locks import file_lock

__all__ = ["FILE_PARAMETERS", "KEY_TAG", "Launcher", "Wanted"]

KEY_TAG = f"{HIDDEN}idempotency_key"
_REQUEST_TAG = f"{HIDDEN}request"
_KEY_SPACE = uuid.UUID("5c1dfa6e-2f0e-4a0f-9c54-6e2f6c1d8a37")
_LONGEST_KEY = 255
_LOCK_SECONDS = 60.0
_NO_CALLER = (
    "The workflow {name!r} runs as its caller, and this request has no token of one: call it through a "
    "Databricks App with user authorization."
)
# What a file gives the run, as the sensors name it.
FILE_PARAMETERS = ("file_path", "file_name", "file_size", "file_time")


@dataclass(frozen=True)
class Wanted:
    """What a caller asks for.

    `key` is the Idempotency-Key, `wrong` what is wrong in the body, `user` who calls where a proxy says so.
    `access_token` is the caller's own on Databricks, for workflows that run as their caller.
    """

    workflow: str
    parameters: Mapping[str, str | bool | int | float] = field(default_factory=dict)
    sequential: bool = False
    key: str | None = None
    file: Received | None = None
    wrong: tuple[Invalid, ...] = ()
    user: str | None = None
    access_token: str | None = field(default=None, repr=False)


class Launcher:
    """Starts runs of one project.

    The id of a run with an idempotency key is made from the key, so the database, which holds each run id
    once, decides a race: between threads, processes or computers. Key and request stand in the run's tags.
    A run that is deleted in Dagster gives its key back: the next one has its id, but runs anew.
    """

    def __init__(self, project: Project, uploads: Uploads, lock_file: Path, caller_runs: CallerRuns) -> None:
        self._project, self._uploads, self._lock_file = project, uploads, lock_file
        self._caller_runs = caller_runs
        self._has_credentials = False

    def launch(self, wanted: Wanted) -> tuple[DagsterRun, bool]:
        """Start the run, or find the one that its key has started, and say whether it was found.

        Raises ApiError: 403 no caller for a workflow that runs as its caller, 404 unknown workflow, 409 key
        used for another request or too many active runs, 422 wrong parameters, 503 code that is not loaded
        or does not answer; CredentialsError where Databricks' credentials are not set.
        """
        workflow = self._project.workflow(wanted.workflow)
        if workflow.options.run_as == "caller" and not wanted.access_token:
            raise ApiError(403, _NO_CALLER.format(name=workflow.name), "X-Forwarded-Access-Token")
        if wrong := [
            *wanted.wrong,
            *self._wrong_parameters(workflow, wanted),
            *_wrong_idempotency_key(wanted.key),
        ]:
            raise ApiError.invalid(wrong)
        parameters = {name: _text(value) for name, value in wanted.parameters.items()}
        as_caller = workflow.options.run_as == "caller"
        run_id, tags = _identity(self._project.plan.name, wanted, parameters, as_caller)
        if not as_caller:
            self._check_credentials()
        try:
            with file_lock(self._lock_file, timeout=_LOCK_SECONDS):
                run = self._project.instance.get_run_by_id(run_id)
                replayed = run is not None
                if run is None:
                    run, replayed = self._create(workflow, wanted, run_id, parameters, tags)
                if run.tags.get(_REQUEST_TAG) != tags[_REQUEST_TAG]:
                    message = f"Idempotency-Key {wanted.key!r} was used for another request (run {run_id})."
                    raise ApiError(409, message, "Idempotency-Key")
                if run.status is DagsterRunStatus.NOT_STARTED:  # just made, or its maker died before this
                    run = self._start(workflow, run_id, wanted.access_token)
        except TimeoutError:
            raise ApiError(503, "Too many runs are being started. Try again in a moment.") from None
        except DagsterError as error:  # its text is left out: it may hold parameters
            message = (
                f"Dagster could not start the run ({type(error).__name__}). Load the code anew (in the UI)."
            )
            raise ApiError(503, message) from None
        return run, replayed

    def _check_credentials(self) -> None:
        """Raise CredentialsError where none are set, before a run is made that could only fail."""
        plan = self._project.plan
        if plan.workspace == "databricks" and not self._has_credentials:
            check_credentials(plan.poll)
            self._has_credentials = True

    def _start(self, workflow: WorkflowPlan, run_id: str, access_token: str | None) -> DagsterRun:
        if workflow.options.run_as != "caller":
            return self._project.code.submit(run_id)
        if not self._caller_runs.has(run_id):
            self._caller_runs.start(run_id, access_token or "")
        run = self._project.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def _create(
        self,
        workflow: WorkflowPlan,
        wanted: Wanted,
        run_id: str,
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> tuple[DagsterRun, bool]:
        instance = self._project.instance
        _check_free(instance, self._project.plan, workflow)
        job, one_at_a_time = self._project.job(workflow, wanted.sequential)
        about = self._place(wanted.file, run_id)
        config = run_config({**parameters, **about}, one_at_a_time=one_at_a_time)
        file_tags = {f"dara/{name}": text for name, text in about.items()}
        try:
            run, made = self._project.code.create_run(job, run_id, config, {**tags, **file_tags})
        except BaseException:
            if about:
                self._uploads.drop(run_id)
            raise
        return run, not made

    def _wrong_parameters(self, workflow: WorkflowPlan, wanted: Wanted) -> Iterator[Invalid]:
        """Yield everything that is wrong with the parameters and the file."""
        if wanted.file is not None and not workflow.steps:
            yield f"{workflow.name!r} takes no file: only step pipelines do.", "file"
        for name, value in wanted.parameters.items():
            problem = self._wrong_parameter(workflow, wanted, name, str(value))
            if problem is not None:
                yield problem, f"parameters.{name}" if name.strip() else "parameters"

    def _wrong_parameter(self, workflow: WorkflowPlan, wanted: Wanted, name: str, value: str) -> str | None:
        plan = self._project.plan
        if not name.strip():
            return "A parameter needs a name."
        if not _is_storable(name) or not _is_storable(value):
            return f"The parameter {name[:100]!a} holds characters that are no text."
        if wanted.file is not None and name in (*FILE_PARAMETERS, "file"):
            return f"The parameter {name!r} is set by the file that came along."
        if name in file_parameters(workflow) and not may_read(plan, value):
            return (
                f"The file in {name[:100]!r} may not be read from here: upload it (the form field 'file'), "
                "or name one below the upload_folders of project.json."
            )
        wrong = wrong_parameter(plan, workflow, name)
        return wrong[0].upper() + wrong[1:] if wrong else None

    def _place(self, file: Received | None, run_id: str) -> Mapping[str, str]:
        if file is None:
            return {}
        place = self._uploads.place(file, run_id)
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        return dict(zip(FILE_PARAMETERS, (str(place), file.name, str(file.size), now), strict=True))


def _identity(
    project: str, wanted: Wanted, parameters: Mapping[str, str], as_caller: bool
) -> tuple[str, dict[str, str]]:
    """Return the run's id and the tags that tell its request from others."""
    tags = {"dara/started_by": "api", **({USER_TAG: wanted.user} if wanted.user else {})}
    file = (wanted.file.name, wanted.file.digest) if wanted.file else None
    caller = [wanted.user] if as_caller else []
    request = json.dumps([wanted.workflow, wanted.sequential, sorted(parameters.items()), file, *caller])
    tags[_REQUEST_TAG] = hashlib.sha256(request.encode()).hexdigest()
    key = wanted.key
    if key is None:
        return str(uuid.uuid4()), tags
    return str(uuid.uuid5(_KEY_SPACE, f"{project} {key}")), {**tags, KEY_TAG: key, SEED_TAG: uuid.uuid4().hex}


def _wrong_idempotency_key(key: str | None) -> Iterator[Invalid]:
    if key is None or (key.strip() and len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        return
    yield f"Idempotency-Key has to be 1 to {_LONGEST_KEY} printable ASCII characters.", "Idempotency-Key"


def _check_free(instance: DagsterInstance, plan: Plan, workflow: WorkflowPlan) -> None:
    if free_places(instance, plan, workflow) == 0:
        limit = workflow.options.max_concurrent_runs
        message = f"{limit} runs of {workflow.name} are active (max_concurrent_runs). Try again later."
        raise ApiError(409, message)


def _text(value: str | bool | int | float) -> str:
    """Return the value as JSON has it, and as parameters in the config files are read."""
    return value if isinstance(value, str) else json.dumps(value)


def _is_storable(text: str) -> bool:
    """Return whether every database can hold it: no NUL, no half of a surrogate pair."""
    try:
        return "\0" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        return False
