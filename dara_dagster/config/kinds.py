"""The kinds of tasks, as far as the files and the plan have to know them; `tasks/` has what each one does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

ComputeKind = Literal["cluster", "warehouse"]
TaskKind = Literal["notebook", "script", "sql", "wheel", "raw", "workflow", "saved_job"]
Format = Literal["py", "ipynb", "sql", "whl"]
RunIf = Literal[
    "ALL_SUCCESS", "ALL_DONE", "AT_LEAST_ONE_SUCCESS", "NONE_FAILED", "ALL_FAILED", "AT_LEAST_ONE_FAILED"
]
Choice = Literal["succeed", "fail"]

FORMATS: tuple[str, ...] = get_args(Format)
FORMAT_CHOICE = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
FORMAT_HINT = f'Add "format": {FORMAT_CHOICE}'


@dataclass(frozen=True)
class FileKind:
    """A kind of task that runs a file.

    `label` is what messages call it, `payload` its type in the Jobs API, `formats` the endings of its files,
    `takes_arguments` whether its parameters may be a list, `needs` the keys that its entry must have.
    """

    name: TaskKind
    label: str
    payload: str
    formats: tuple[Format, ...]
    compute: ComputeKind = "cluster"
    has_exit_value: bool = False
    takes_arguments: bool = False
    needs: tuple[str, ...] = ()


FILE_KINDS = (
    FileKind("notebook", "a notebook", "notebook_task", ("py", "ipynb"), has_exit_value=True),
    FileKind("script", "a script", "spark_python_task", ("py",)),
    FileKind("sql", "SQL", "sql_task", ("sql",), compute="warehouse"),
    FileKind("wheel", "a wheel", "python_wheel_task", ("whl",), takes_arguments=True, needs=("entry_point",)),
)
# The types of the Jobs API that run on a cluster, and those that take parameters by name or as arguments.
ON_CLUSTER = frozenset(
    {
        *("dbt_task", "notebook_task", "python_wheel_task"),
        *("spark_jar_task", "spark_python_task", "spark_submit_task"),
    }
)
ON_WAREHOUSE = frozenset({"dbt_task", "notebook_task", "sql_task"})
TAKES_PARAMETERS = frozenset(
    {"notebook_task", "python_wheel_task", "run_job_task", "spark_python_task", "sql_task"}
)


def kinds_of(format: str) -> tuple[FileKind, ...]:
    """Return the kinds of task that a file of this format may be; none for an unknown format."""
    return tuple(kind for kind in FILE_KINDS if format in kind.formats)
