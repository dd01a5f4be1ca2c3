"""Rewrites plans on their way to the server: paths, table registration, the user's name, refused options."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]
import pyspark.sql.connect.proto as pb
from pyspark.sql.types import StructType

from dara_dagster.emulator.lake.paths import PathMap
from dara_dagster.emulator.sail.answers.plans import PlanCorrector
from dara_dagster.emulator.sail.functions.corrections import correct_call
from dara_dagster.emulator.sail.reads.checks import check_options, check_places, check_places_in_sql
from dara_dagster.emulator.sail.registry import names_in
from dara_dagster.emulator.sail.syntax.places import with_local_places
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["PlanInterceptor"]

_PATH_OPTIONS = {"path", "checkpointlocation"}
_OPAQUE = {"LocalRelation", "CommonInlineUserDefinedFunction", "CommonInlineUserDefinedTableFunction"}
_DAY = re.compile(r"\s*\d{4}-\d{2}-\d{2}\s*")
_USER_FUNCTIONS = {"current_user", "user", "session_user"}


class PlanInterceptor(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[misc]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[misc]
):
    """Sees every request of a session, so SQL text, DataFrame calls and imported modules are treated alike.

    `ensure` is called with the names of a plan that could be tables, before the plan is sent.
    """

    def __init__(self, paths: PathMap, user: str) -> None:
        self.ensure: Callable[[set[str]], None] = lambda names: None
        self.refresh: Callable[[set[str]], None] = lambda names: None
        self.analyse: Callable[[pb.Relation], StructType] = lambda relation: StructType()
        self._corrector = PlanCorrector(self._schema)
        self._paths = paths
        self._user = user
        self._own = threading.local()

    @contextmanager
    def untreated(self) -> Iterator[None]:
        """Let requests of this thread pass unchanged: the statements by which we tend the catalog
        ourselves."""
        before = self.is_untreated
        self._own.active = True
        try:
            yield
        finally:
            self._own.active = before

    @property
    def is_untreated(self) -> bool:
        return bool(getattr(self._own, "active", False))

    @property
    def latest(self) -> Any:
        """Return this thread's latest request that was treated; None before the first."""
        return getattr(self._own, "latest", None)

    def intercept_unary_unary(self, proceed: Callable[..., Any], details: Any, request: Any) -> Any:
        self._treat(request)
        return proceed(details, request)

    def intercept_unary_stream(self, proceed: Callable[..., Any], details: Any, request: Any) -> Any:
        self._treat(request)
        return proceed(details, request)

    def _treat(self, request: Any) -> None:
        if self.is_untreated or not isinstance(request, pb.ExecutePlanRequest | pb.AnalyzePlanRequest):
            return
        self._own.latest = request
        names: set[str] = set()
        self._walk(request, names)
        if names:
            with self.untreated():
                self.ensure(names)
            self.refresh(names)
        self._corrector.correct(request)

    def _schema(self, relation: pb.Relation) -> StructType:
        with self.untreated():
            return self.analyse(relation)

    def _walk(self, message: Any, names: set[str]) -> None:
        treat = _TREATMENTS.get(message.DESCRIPTOR.name)
        if treat:
            treat(self, message, names)
        for field, value in message.ListFields():
            if field.type != field.TYPE_MESSAGE:
                continue
            if field.message_type.GetOptions().map_entry:
                if field.message_type.fields_by_name["value"].type == field.TYPE_MESSAGE:
                    for item in value.values():
                        self._walk(item, names)
            elif field.is_repeated:
                for item in value:
                    self._walk(item, names)
            elif field.message_type.name not in _OPAQUE:
                self._walk(value, names)

    def _map_options(self, options: MutableMapping[str, str]) -> None:
        for key in list(options):
            if key.lower() in _PATH_OPTIONS:
                options[key] = self._paths.spark(options[key])
            elif key.lower() == "timestampasof" and _DAY.fullmatch(options[key]):
                options[key] += " 00:00:00"  # Sail wants the time, too

    def _data_source(self, message: Any, names: set[str]) -> None:
        check_options(message.format, message.options)
        written = list(message.paths)
        for index, path in enumerate(written):
            message.paths[index] = self._paths.spark(path)
        check_places(message.format, zip(written, message.paths, strict=True))
        self._map_options(message.options)

    def _named_table(self, message: Any, names: set[str]) -> None:
        check_options("delta", message.options)
        self._map_options(message.options)
        if "/" in message.unparsed_identifier:
            message.unparsed_identifier = with_local_places(message.unparsed_identifier, self._paths)
        else:
            names.add(message.unparsed_identifier)

    def _sql(self, message: Any, names: set[str]) -> None:
        for key in ("query", "sql"):
            if getattr(message, key, ""):
                text = with_local_places(getattr(message, key), self._paths)
                check_places_in_sql(text)
                setattr(message, key, text)
                names.update(names_in(text))

    def _write(self, message: Any, names: set[str]) -> None:
        if message.path:
            message.path = self._paths.spark(message.path)
        self._map_options(message.options)
        if message.table.table_name:
            names.add(message.table.table_name)

    def _write_by_name(self, message: Any, names: set[str]) -> None:
        names.add(getattr(message, "table_name", "") or getattr(message, "target_table_name", ""))

    def _catalog_call(self, message: Any, names: set[str]) -> None:
        names.add(f"{message.db_name}.{message.table_name}" if message.db_name else message.table_name)

    def _observed(self, message: Any, names: set[str]) -> None:
        # Sail counts nothing and says so only for some actions.
        raise NotSupportedLocally("DataFrame.observe()")

    def _same(self, message: Any, names: set[str]) -> None:
        raise NotSupportedLocally("DataFrame.sameSemantics()")

    def _hashed(self, message: Any, names: set[str]) -> None:
        raise NotSupportedLocally("DataFrame.semanticHash()")

    def _input_files(self, message: Any, names: set[str]) -> None:
        # Sail names none.
        raise NotSupportedLocally("DataFrame.inputFiles()")

    def _relation(self, message: Any, names: set[str]) -> None:
        """Replace df.approxQuantile(), which Sail lacks, by the exact quantiles, within any relativeError."""
        if message.WhichOneof("rel_type") != "approx_quantile":
            return
        asked = message.approx_quantile
        shares = ", ".join(f"{share!r}D" for share in asked.probabilities)
        columns = []
        for column in asked.cols:
            value = f"CAST({column if '`' in column else f'`{column}`'} AS DOUBLE)"
            found = f"percentile_approx(if(isnan({value}), NULL, {value}), array({shares}))"
            columns.append(f"coalesce({found}, CAST(array() AS ARRAY<DOUBLE>))")
        text = pb.Expression.ExpressionString(expression=f"array({', '.join(columns)})")
        project = pb.Project(input=asked.input, expressions=[pb.Expression(expression_string=text)])
        message.CopyFrom(pb.Relation(common=message.common, project=project))

    def _join(self, message: Any, names: set[str]) -> None:
        """Correct df.join(other, "id", "cross"): by the column, as the inner join that it is."""
        if message.join_type == pb.Join.JOIN_TYPE_CROSS and (
            message.using_columns or message.HasField("join_condition")
        ):
            message.join_type = pb.Join.JOIN_TYPE_INNER

    def _expression(self, message: Any, names: set[str]) -> None:
        correct_call(message)
        # current_user() is '' in Sail, whatever the client says.
        if message.WhichOneof("expr_type") == "unresolved_function":
            name = message.unresolved_function.function_name.lower()
            if name in _USER_FUNCTIONS and not message.unresolved_function.arguments:
                message.Clear()
                message.alias.expr.literal.string = self._user
                message.alias.name.append(f"{name}()")


_TREATMENTS: dict[str, Callable[[PlanInterceptor, Any, set[str]], None]] = {
    "CollectMetrics": PlanInterceptor._observed,
    "DataSource": PlanInterceptor._data_source,
    "Expression": PlanInterceptor._expression,
    "GetTable": PlanInterceptor._catalog_call,
    "Join": PlanInterceptor._join,
    "ListColumns": PlanInterceptor._catalog_call,
    "InputFiles": PlanInterceptor._input_files,
    "MergeIntoTableCommand": PlanInterceptor._write_by_name,
    "NamedTable": PlanInterceptor._named_table,
    "Relation": PlanInterceptor._relation,
    "SameSemantics": PlanInterceptor._same,
    "SemanticHash": PlanInterceptor._hashed,
    "SQL": PlanInterceptor._sql,
    "SqlCommand": PlanInterceptor._sql,
    "TableExists": PlanInterceptor._catalog_call,
    "WriteOperation": PlanInterceptor._write,
    "WriteOperationV2": PlanInterceptor._write_by_name,
}
