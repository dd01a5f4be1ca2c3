"""Reads SQL scripts, BEGIN ... END, into nodes.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-scripting
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pyspark.errors import ParseException

from dara_dagster.emulator.sail.syntax.tokens import Source, Token, scan, unquote
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = [
    "Branches",
    "Compound",
    "Diagnostics",
    "Handler",
    "Jump",
    "Loop",
    "Node",
    "Plain",
    "Signal",
    "is_script",
    "read_script",
]


@dataclass(frozen=True)
class Plain:
    """One SQL statement."""

    text: str


@dataclass(frozen=True)
class Handler:
    """`conditions` in upper case: SQLEXCEPTION, NOT FOUND, names, and states as '22012'."""

    conditions: Sequence[str]
    body: Node


@dataclass
class Compound:
    """BEGIN ... END; `declarations` are texts after DECLARE, `conditions` names with their states."""

    label: str = ""
    declarations: list[str] = field(default_factory=list)
    conditions: dict[str, str] = field(default_factory=dict)
    handlers: list[Handler] = field(default_factory=list)
    body: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Branches:
    """IF and CASE: the body of the first condition that holds; without ELSE a CASE must find one."""

    pairs: Sequence[tuple[str, Sequence[Node]]]
    otherwise: Sequence[Node] | None
    must_fit: bool = False


@dataclass(frozen=True)
class Loop:
    """WHILE (`before`), REPEAT (`until`), FOR (`query`, rows named `variable`), LOOP (none of them)."""

    label: str
    body: Sequence[Node]
    before: str = ""
    until: str = ""
    query: str = ""
    variable: str = ""


@dataclass(frozen=True)
class Jump:
    """LEAVE or ITERATE."""

    leaves: bool
    label: str


@dataclass(frozen=True)
class Signal:
    """SIGNAL of a condition or a state with a message (an expression); RESIGNAL when both are ''."""

    condition: str = ""
    state: str = ""
    message: str = ""


@dataclass(frozen=True)
class Diagnostics:
    """GET DIAGNOSTICS CONDITION 1: (variable, item)."""

    items: Sequence[tuple[str, str]]


Node = Plain | Compound | Branches | Loop | Jump | Signal | Diagnostics


def is_script(source: Source) -> bool:
    """Return whether a statement is a BEGIN ... END, with a label or without."""
    words = [token.upper or token.text for token in source.tokens[:3]]
    return (words[:1] == ["BEGIN"] and len(source.tokens) > 1) or words[1:] == [":", "BEGIN"]


def read_script(text: str) -> Compound:
    """Return the script. Raises ParseException for one that is not well-formed."""
    reader = _Reader(scan(text))
    node = reader.statement()
    if not isinstance(node, Compound) or reader.peek() not in ("", ";"):
        raise reader.fault()
    return node


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = source.tokens
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return (self.tokens[index].upper or self.tokens[index].text) if index < len(self.tokens) else ""

    def accept(self, *words: str) -> bool:
        fits = all(self.peek(ahead) == word for ahead, word in enumerate(words))
        self.at += len(words) if fits else 0
        return fits

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise self.fault()

    def fault(self) -> ParseException:
        near = f"'{self.tokens[self.at].text}'" if self.at < len(self.tokens) else "end of input"
        return ParseException(
            f"[PARSE_SYNTAX_ERROR] Syntax error at or near {near} of a script. SQLSTATE: 42601"
        )

    def take(self) -> Token:
        if self.at >= len(self.tokens):
            raise self.fault()
        self.at += 1
        return self.tokens[self.at - 1]

    def until(self, *words: str) -> str:
        """Return the text before a word that stands outside brackets and CASE expressions."""
        start, cases = self.at, 0
        while self.at < len(self.tokens):
            word = self.peek()
            if not cases and word in words:
                return self.source.slice(start, self.at)
            cases += (word == "CASE") - (word == "END")
            self.at = self.source.closing.get(self.at, self.at) + 1
        if ";" in words:
            return self.source.slice(start, self.at)
        raise self.fault()

    def block(self, *ends: str) -> list[Node]:
        """Return the statements before one of the words, which is left."""
        nodes: list[Node] = []
        while self.peek() not in ends:
            if self.at >= len(self.tokens):
                raise self.fault()
            nodes.append(self.statement())
            self.accept(";")
        return nodes

    def statement(self) -> Node:
        label = ""
        if self.peek(1) == ":" and self.tokens[self.at].is_name:
            label = unquote(self.take().text).lower()
            self.take()
        word = self.peek()
        read = getattr(self, f"_{word.lower()}", None) if word in _STATEMENTS else None
        if read is None or (word == "SET" and label):
            return Plain(self.until(";"))
        node: Node = read(label)
        return node

    def _close(self, *words: str) -> None:
        self.expect("END", *words)
        if (
            self.peek() not in ("", ";", "END", "ELSE", "ELSEIF", "UNTIL", "WHEN")
            and self.tokens[self.at].is_name
        ):
            self.take()  # the label again

    def _begin(self, label: str) -> Compound:
        self.expect("BEGIN")
        self.accept("NOT", "ATOMIC")
        compound = Compound(label)
        while self.accept("DECLARE"):
            self._declaration(compound)
            self.expect(";")
        compound.body += self.block("END")
        self._close()
        return compound

    def _declaration(self, compound: Compound) -> None:
        if self.peek(1) == "CONDITION":
            name = unquote(self.take().text).upper()
            self.take()
            state = "45000"
            if self.accept("FOR", "SQLSTATE"):
                self.accept("VALUE")
                state = unquote(self.take().text)
            compound.conditions[name] = state
        elif self.peek(1) == "HANDLER":
            if self.peek() != "EXIT":
                raise NotSupportedLocally(f"A {self.peek()} handler in a script")
            self.at += 2
            self.expect("FOR")
            compound.handlers.append(Handler(self._conditions(), self.statement()))
        else:
            compound.declarations.append(self.until(";"))

    def _conditions(self) -> list[str]:
        found = []
        while True:
            if self.accept("NOT", "FOUND"):
                found.append("NOT FOUND")
            elif self.accept("SQLSTATE"):
                self.accept("VALUE")
                found.append(unquote(self.take().text))
            else:
                found.append(unquote(self.take().text).upper())
                while self.accept("."):
                    found[-1] += "." + unquote(self.take().text).upper()
            if not self.accept(","):
                return found

    def _if(self, label: str) -> Branches:
        self.expect("IF")
        pairs, otherwise = [], None
        while True:
            condition = self.until("THEN")
            self.expect("THEN")
            pairs.append((condition, self.block("ELSEIF", "ELSE", "END")))
            if not self.accept("ELSEIF"):
                break
        if self.accept("ELSE"):
            otherwise = self.block("END")
        self._close("IF")
        return Branches(pairs, otherwise)

    def _case(self, label: str) -> Branches:
        self.expect("CASE")
        value = self.until("WHEN")
        pairs, otherwise = [], None
        while self.accept("WHEN"):
            condition = self.until("THEN")
            self.expect("THEN")
            test = f"({value}) = ({condition})" if value else condition
            pairs.append((test, self.block("WHEN", "ELSE", "END")))
        if self.accept("ELSE"):
            otherwise = self.block("END")
        self._close("CASE")
        return Branches(pairs, otherwise, must_fit=True)

    def _while(self, label: str) -> Loop:
        self.expect("WHILE")
        condition = self.until("DO")
        self.expect("DO")
        body = self.block("END")
        self._close("WHILE")
        return Loop(label, body, before=condition)

    def _loop(self, label: str) -> Loop:
        self.expect("LOOP")
        body = self.block("END")
        self._close("LOOP")
        return Loop(label, body)

    def _repeat(self, label: str) -> Loop:
        self.expect("REPEAT")
        body = self.block("UNTIL")
        self.expect("UNTIL")
        condition = self.until("END")
        self._close("REPEAT")
        return Loop(label, body, until=condition)

    def _for(self, label: str) -> Loop:
        self.expect("FOR")
        variable = ""
        if self.peek(1) == "AS":
            variable = unquote(self.take().text).lower()
            self.take()
        query = self.until("DO")
        self.expect("DO")
        body = self.block("END")
        self._close("FOR")
        return Loop(label, body, query=query, variable=variable)

    def _leave(self, label: str) -> Jump:
        self.expect("LEAVE")
        return Jump(True, unquote(self.take().text).lower())

    def _iterate(self, label: str) -> Jump:
        self.expect("ITERATE")
        return Jump(False, unquote(self.take().text).lower())

    def _signal(self, label: str) -> Signal:
        self.expect("SIGNAL")
        condition, state = "USER_RAISED_EXCEPTION", ""
        if self.accept("SQLSTATE"):
            self.accept("VALUE")
            state = unquote(self.take().text)
        else:
            condition = unquote(self.take().text).upper()
        message = ""
        if self.accept("SET", "MESSAGE_TEXT", "="):
            message = self.until(";")
        return Signal(condition, state, message)

    def _resignal(self, label: str) -> Signal:
        self.expect("RESIGNAL")
        return Signal()

    def _get(self, label: str) -> Diagnostics:
        self.expect("GET", "DIAGNOSTICS", "CONDITION", "1")
        items = []
        while True:
            name = self.until("=")
            self.expect("=")
            items.append((name, unquote(self.take().text).upper()))
            if not self.accept(","):
                return Diagnostics(items)


_STATEMENTS = {
    "BEGIN",
    "IF",
    "CASE",
    "WHILE",
    "LOOP",
    "REPEAT",
    "FOR",
    "LEAVE",
    "ITERATE",
    "SIGNAL",
    "RESIGNAL",
}
_STATEMENTS |= {"GET"}
