"""Knows whom this process acts for in workflows with `"run_as": "caller"`.

The token is in the memory of one process only, and that process carries one run.
"""

from __future__ import annotations

from dara_dagster.config.plan import WorkflowPlan
from dara_dagster.errors import CredentialsError

__all__ = ["CallerTokenEnded", "act_for", "caller_token", "check_caller"]

_OWN = ""
_token: str | None = None


class CallerTokenEnded(CredentialsError):
    """The caller's token is not taken any longer, and no other will come."""


def act_for(token: str | None) -> None:
    """Use the caller's token from now on; None: who started this process is the caller."""
    global _token
    _token = token or _OWN


def caller_token() -> str | None:
    """Return the caller's token, None where the environment's credentials are to be used."""
    return _token or None


def check_caller(workflow: WorkflowPlan) -> None:
    """Raise CredentialsError for a workflow that runs as its caller where there is none."""
    if workflow.options.run_as == "caller" and _token is None:
        raise CredentialsError(
            f"The workflow {workflow.name!r} runs as its caller, and nobody called: start it with `dara run` "
            "or by the REST API of `dara serve` in a Databricks App with user authorization"
        )
