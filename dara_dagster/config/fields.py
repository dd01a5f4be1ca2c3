"""The base of all models of the user's files, and the kinds of values that stand in them."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from dara_dagster.config.rules.cron import cron_fault, is_timezone, timezones
from dara_dagster.config.suggestions import Suggestions

CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
# "Object names cannot exceed 255 characters; not allowed are period, space, forward slash, all ASCII control
# characters and DELETE" (Unity Catalog, names); a back-quote would end the quotes around a name.
_TABLE_PART = re.compile(r"[^\s./`\x00-\x1f\x7f]{1,255}\Z")
# How something in a Python module is named: module:Name.
OBJECT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")
_BRACKETS = re.compile(r"\[[^]]+\]")
# "Stay within [A-Za-z0-9_-]{1,100}": the length cannot be made safe without losing what tells names apart.
NAME_LENGTH = 100
_NUMBER_LENGTH = 100  # characters of a number written as text
_SPACE = r"[ \t\r\n]*"
_WHOLE_TEXT = re.compile(rf"{_SPACE}[+-]?[0-9]+(\.0+)?{_SPACE}\Z")
_DECIMAL_TEXT = re.compile(rf"{_SPACE}[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{{1,2}})?{_SPACE}\Z")


class Model(BaseModel):
    """Frozen; unknown keys are refused; keys are read by the name they have in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FromSdk(Model):
    """Keys are those that the installed databricks-sdk has."""


def invalid(message: str, hint: str) -> PydanticCustomError:
    """Make the error that a validator raises: what is wrong with the value and what to do about it."""
    return PydanticCustomError("dara", "{message}", {"message": message, "hint": hint})


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise invalid("should be a number, not true or false", "Write a number.")
    return value


def _whole(value: Any) -> Any:
    """Return a number, or its text: not all that Python reads as a number, such as 1_0, is one in these
    files."""
    if not isinstance(value, str):
        return _no_truth(value)
    if len(value) > _NUMBER_LENGTH or not _WHOLE_TEXT.match(value):
        raise invalid(f"should be a whole number, is the text '{value}'", "Write a whole number.")
    return int(value.partition(".")[0])


def _decimal(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise invalid("the number is too large", "Write a smaller one.")
    if not isinstance(value, str):
        return _no_truth(value)
    if len(value) > _NUMBER_LENGTH or not _DECIMAL_TEXT.match(value):
        raise invalid(f"should be a number, is the text '{value}'", "Write a number.")
    return float(value)


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _name(value: str) -> str:
    if not value.strip():
        raise invalid("the name is empty", "Write a name.")
    if value != value.strip() or CONTROL_CHARACTER.search(value):
        raise invalid("the name has spaces around it or a control character in it", "Remove them.")
    if len(value) > NAME_LENGTH:
        message = f"the name has {len(value)} characters; the Jobs API takes {NAME_LENGTH} in a task's key"
        raise invalid(message, f"Shorten it to {NAME_LENGTH} characters.")
    return value


def _plain_name(value: str) -> str:
    if "/" in _name(value) or value in {".", ".."}:
        raise invalid(f"'{value}' contains '/' or is only dots", "Use a name without '/'.")
    return value


def name_fault(value: str) -> str | None:
    """Return what is wrong with a name that a file or folder gives; None when it is right."""
    if not is_text(value):
        return "its name is not UTF-8 text"
    if value != value.strip() or CONTROL_CHARACTER.search(value):
        return "its name has spaces around it or a control character in it"
    return None


def is_text(value: str) -> bool:
    """Return whether it can be written as UTF-8: names of files and the environment may hold any bytes."""
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _file_name(value: str) -> str:
    if (
        value.startswith("/")
        or "\\" in value
        or any(part in {"", ".", ".."} for part in _name(value).split("/"))
    ):
        hint = "Name a file in the notebooks folder or below it, such as daily_totals or etl/daily_totals."
        raise invalid(f"'{value}' is not a file below the notebooks folder", hint)
    return value


def _local_folder(value: str) -> str:
    if not value.strip() or CONTROL_CHARACTER.search(value):
        raise invalid(
            "the folder's name is empty or has a control character in it", "Write the folder's path."
        )
    return value


# As Dagster takes them (dagster/_core/definitions/utils.py).
_OWNER = r"(team:\S+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7})"
_GROUP = "[A-Za-z0-9_]+"


def _table(value: str) -> str:
    if "${context." in value:
        return value  # filled in while a step pipeline runs
    parts = value.split(".")
    if len(parts) > 3 or not all(_TABLE_PART.match(part) for part in parts):
        raise invalid(f"'{value}' is not a table's name", "Write catalog.schema.table.")
    return value


def _owner(value: str) -> str:
    if not re.fullmatch(_OWNER, value):
        raise invalid(f"'{value}' is no owner", "Write an e-mail address, or team:<name>.")
    return value


def _group(value: str) -> str:
    if not re.fullmatch(_GROUP, value):
        raise invalid(f"'{value}' is no name of a group", "Use letters, digits and _.")
    return value


def _table_part(value: str) -> str:
    if value and not _TABLE_PART.match(value):
        message = f"'{value}' has a dot, a space or another character that no catalog's or schema's name has"
        raise invalid(message, "Write one name, without back-quotes.")
    return value


def _pattern(value: str) -> str:
    if not value or "/" in _BRACKETS.sub("", value):
        message = f"'{value}' fits no file: a pattern is held against a file's name without its folder"
        raise invalid(message, 'Write, for example, *.csv, with "recursive": true for the folders below.')
    return value


def _volume(value: str) -> str:
    if value.startswith("${context."):
        return value
    parts = value.rstrip("/").split("/")
    if not value.startswith("/Volumes/") or len(parts) < 5 or not all(parts[2:]) or ".." in parts:
        raise invalid(f"'{value}' is not a path in a volume", "Write /Volumes/catalog/schema/volume/folder.")
    return value


def _workspace_path(value: str) -> str:
    if not value.startswith("/") or value.strip("/") == "" or ".." in value.split("/"):
        raise invalid(
            f"'{value}' is not a folder in the workspace", "Write, for example, /Workspace/Shared/name."
        )
    return value.rstrip("/")


def _object_name(value: str) -> str:
    if not OBJECT.match(value):
        raise invalid(f"'{value}' does not name something in a Python module", "Write module:name.")
    return value


def _moment(value: str) -> str:
    try:
        datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise invalid(f"'{value}' is not a time", "Write, for example, 2024-05-31T06:00:00+00:00.") from None
    return value


def _cron(value: str) -> str:
    if message := cron_fault(value):
        raise invalid(message, 'Write, for example, "0 6 * * *" for every day at six.')
    return value


def _timezone(value: str) -> str:
    if not is_timezone(value):
        near = Suggestions(timezones()).nearest(value)
        raise invalid(
            f"'{value}' is not a time zone",
            f"Did you mean '{near}'?" if near else "Write, for example, Europe/Berlin.",
        )
    return value


_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean"]}

WHOLE, DECIMAL = BeforeValidator(_whole), BeforeValidator(_decimal)
# The Jobs API's numbers are 32 bits wide.
MOST = 2**31 - 1
Count = Annotated[int, Field(ge=0, le=MOST), WHOLE]
Positive = Annotated[int, Field(ge=1, le=MOST), WHOLE]
Number = Annotated[float, Field(allow_inf_nan=False), DECIMAL]
Seconds = Annotated[float, Field(ge=0, le=MOST, allow_inf_nan=False), DECIMAL]
MoreThanZero = Annotated[float, Field(gt=0, le=MOST, allow_inf_nan=False), DECIMAL]
Text = Annotated[str, BeforeValidator(_as_text), WithJsonSchema(_SCALAR)]
Label = Annotated[
    str,
    Field(min_length=1, max_length=NAME_LENGTH),
    BeforeValidator(_as_text),
    WithJsonSchema({**_SCALAR, "minLength": 1, "maxLength": NAME_LENGTH}),
]
Texts = dict[str, Text]
Arguments = tuple[Text, ...]
_NAMES, _ARGUMENTS = TypeAdapter(Texts), TypeAdapter(Arguments)
# Reads an object or a list, so that problems name that form alone.
NAMES_OR_ARGUMENTS = WrapValidator(
    lambda value, _: (_ARGUMENTS if isinstance(value, list | tuple) else _NAMES).validate_python(value)
)
Name = Annotated[str, AfterValidator(_name)]
PlainName = Annotated[str, AfterValidator(_plain_name)]
FileName = Annotated[str, AfterValidator(_file_name)]
LocalFolder = Annotated[str, AfterValidator(_local_folder)]
Table = Annotated[str, AfterValidator(_table)]
Owner = Annotated[str, AfterValidator(_owner)]
Group = Annotated[str, AfterValidator(_group)]
TablePart = Annotated[str, AfterValidator(_table_part)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Patterns = Annotated[
    tuple[Pattern, ...],
    BeforeValidator(_as_list, json_schema_input_type=str | Annotated[list[str], Field(min_length=1)]),
]
Volume = Annotated[str, AfterValidator(_volume)]
WorkspacePath = Annotated[str, AfterValidator(_workspace_path)]
ObjectName = Annotated[str, AfterValidator(_object_name)]
Moment = Annotated[str, AfterValidator(_moment)]
Cron = Annotated[str, AfterValidator(_cron)]
Timezone = Annotated[str, AfterValidator(_timezone)]
RetryRule = Literal["never", "now", "backoff"]
