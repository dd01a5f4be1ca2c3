"""Runs SQL scripts: local variables, branches, loops, and handlers for errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from pyspark.errors import PySparkException
from pyspark.errors.exceptions import connect

from dara_dagster.emulator.sail.sql.handlers import done
from dara_dagster.emulator.sail.sql.values import value_text
from dara_dagster.emulator.sail.sql.variables import (
    assign,
    assign_row,
    declare,
    split_declaration,
)
from dara_dagster.emulator.sail.syntax.grammar import Pattern
from dara_dagster.emulator.sail.syntax.literals import quote
from dara_dagster.emulator.sail.syntax.scripts import (
    Branches,
    Compound,
    Diagnostics,
    Handler,
    Jump,
    Loop,
    Node,
    Plain,
    Signal,
    read_script,
)
from dara_dagster.emulator.sail.variable_scopes import Variable

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["run_script_text"]

_SET_ROW = Pattern("SET [VAR | VARIABLE] <names:group> '=' <query:group>")
_SET = Pattern("SET [VAR | VARIABLE] <name> '=' <value:rest>")
_CONDITION = re.compile(r"\s*\[([A-Z][A-Z_]+(?:\.[A-Z_]+)?)\]\s*")
_STATE = re.compile(r"SQLSTATE: (\w{5})")


class _Jumped(Exception):
    """LEAVE or ITERATE on its way to the statement with its label."""

    def __init__(self, jump: Jump) -> None:
        super().__init__(jump.label)
        self.jump = jump


def run_script_text(spark: BaseSession, text: str) -> DataFrame:
    """Run a BEGIN ... END; answers the rows of its last query."""
    runner = _Runner(spark)
    runner.compound(read_script(text))
    return done(spark) if runner.answer is None else cast("DataFrame", runner.answer)


class _Runner:
    def __init__(self, spark: BaseSession) -> None:
        self.spark = spark
        self.answer: Any = None
        self.states: dict[str, str] = {}
        self.errors: list[PySparkException] = []

    def run(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self.one(node)

    def one(self, node: Node) -> None:
        if isinstance(node, Plain):
            self.plain(node.text)
        elif isinstance(node, Compound):
            self.compound(node)
        elif isinstance(node, Branches):
            self.branches(node)
        elif isinstance(node, Loop):
            self.loop(node)
        elif isinstance(node, Jump):
            raise _Jumped(node)
        elif isinstance(node, Signal):
            self.signal(node)
        else:
            self.diagnostics(node)

    @contextmanager
    def scope(self, label: str) -> Iterator[dict[str, Variable]]:
        """Open a scope of variables that are known until its end."""
        known: dict[str, Variable] = {}
        self.spark.variables.scopes.append((label, known))
        try:
            yield known
        finally:
            self.spark.variables.scopes.pop()

    def compound(self, node: Compound) -> None:
        with self.scope(node.label) as known:
            self.states |= node.conditions
            for text in node.declarations:
                names, kind, default = split_declaration(text)
                declare(self.spark, names, kind, default, known)
            try:
                self.run(node.body)
            except _Jumped as jumped:
                if not (jumped.jump.leaves and jumped.jump.label == node.label):
                    raise
            except PySparkException as error:
                handler = self.handler(node.handlers, error)
                if handler is None:
                    raise
                self.errors.append(error)
                try:
                    self.one(handler.body)
                finally:
                    self.errors.pop()

    def handler(self, handlers: Sequence[Handler], error: PySparkException) -> Handler | None:
        """Return the handler for an error: one for its condition or state comes before SQLEXCEPTION."""
        condition, state, _ = _described(error)
        exact = {condition, condition.split(".")[0], state}
        exact |= {name for name, known in self.states.items() if known == state and name == condition}
        general = "NOT FOUND" if state.startswith("02") else "SQLEXCEPTION"
        for wanted in (exact, {general}):
            for handler in handlers:
                if wanted & set(handler.conditions):
                    return handler
        return None

    def plain(self, text: str) -> None:
        row, one = _SET_ROW.match(text), _SET.match(text)
        if row:
            assign_row(self.spark, row.items("names"), self.spark.sql(row["query"]))
        elif one and (len(self.spark.registry.parts(one["name"])) == 1 or self._is_variable(one["name"])):
            assign(self.spark, one["name"], one["value"])
        else:
            frame: Any = self.spark.sql(text)
            if frame.columns:  # at once: an error has to reach the handlers
                self.answer = self.spark.createDataFrame(frame.toArrow())

    def _is_variable(self, name: str) -> bool:
        return self.spark.variables.find(self.spark.registry.parts(name)) is not None

    def holds(self, condition: str) -> bool:
        return bool(self.spark.sql(f"SELECT CAST(({condition}) AS BOOLEAN) AS _c").collect()[0][0])

    def branches(self, node: Branches) -> None:
        for condition, body in node.pairs:
            if self.holds(condition):
                return self.run(body)
        if node.otherwise is not None:
            return self.run(node.otherwise)
        if node.must_fit:
            raise _error("CASE_NOT_FOUND", "20000", "No branch of a CASE statement fits, and it has no ELSE.")
        return None

    def loop(self, node: Loop) -> None:
        for row in self.rounds(node):
            try:
                with self.scope(node.variable) as known:
                    known |= row
                    self.run(node.body)
            except _Jumped as jumped:
                if jumped.jump.label != node.label:
                    raise
                if jumped.jump.leaves:
                    return
            if node.until and self.holds(node.until):
                return

    def rounds(self, node: Loop) -> Iterator[Mapping[str, Variable]]:
        """Yield the variables of each round of a loop."""
        if node.query:
            frame = self.spark.sql(node.query)
            fields = frame.schema.fields
            for row in frame.collect():
                texts = [value_text(value, field.dataType) for value, field in zip(row, fields, strict=True)]
                kinds = [field.dataType.simpleString() for field in fields]
                names = [field.name.lower() for field in fields]
                yield {n: Variable(k, t, "NULL") for n, k, t in zip(names, kinds, texts, strict=True)}
            return
        while not node.before or self.holds(node.before):
            yield {}

    def signal(self, node: Signal) -> None:
        if not node.condition:
            if not self.errors:
                raise _error(
                    "RESIGNAL_WHEN_HANDLER_NOT_ACTIVE", "0K000", "RESIGNAL stands outside a handler."
                )
            raise self.errors[-1]
        state = node.state or self.states.get(node.condition, "45000")
        message = ""
        if node.message:
            message = str(self.spark.sql(f"SELECT ({node.message}) AS _m").collect()[0][0])
        raise _error(node.condition, state, message)

    def diagnostics(self, node: Diagnostics) -> None:
        condition, state, message = _described(self.errors[-1]) if self.errors else ("", "00000", "")
        known = {"MESSAGE_TEXT": message, "RETURNED_SQLSTATE": state, "CONDITION_IDENTIFIER": condition}
        for name, item in node.items:
            assign(self.spark, name, quote(known.get(item, "")))


def _error(condition: str, state: str, message: str) -> PySparkException:
    text = f"[{condition}] {message} SQLSTATE: {state}"
    return connect.SparkRuntimeException(message=text, errorClass=condition, sql_state=state)


def _described(error: PySparkException) -> tuple[str, str, str]:
    """Return (condition, state, message) of an error."""
    text = str(error)
    condition, state = _CONDITION.match(text), _STATE.search(text)
    name = condition[1] if condition else error.getCondition() or ""
    message = text[condition.end() :] if condition else text
    message = re.sub(r"\s*SQLSTATE: \w{5}.*", "", message, flags=re.S)
    return name.upper(), state[1] if state else error.getSqlState() or "", message
