"""Operators and clauses in other words: JSON paths, `t@v1`, windows over a RANGE of days."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from dara_dagster.emulator.sail.syntax.literals import is_marker, quote
from dara_dagster.emulator.sail.syntax.tokens import Edit, Source, apply, scan, unquote
from dara_dagster.emulator.sail.syntax.tree import parse, span
from dara_dagster.emulator.sail.syntax.volatile import is_volatile
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["spell_out_operators"]

_LIKES = {"LIKE", "ILIKE"}
_QUANTIFIERS = {"ANY", "SOME", "ALL"}


def spell_out_operators(text: str) -> str:
    """Return the statement or expression without those."""
    source = scan(text)
    edits = [*_versions(source), *_ranges_of_days(source), *_samples_of_rows(source)]
    if ":" in source.symbols:
        edits += _json_paths(source)
    text = apply(text, edits) if edits else text
    while (words := scan(text).words) & _LIKES and words & _QUANTIFIERS and (edits := _quantified_like(text)):
        text = apply(text, edits)
    return text


def _quantified_like(text: str) -> list[Edit]:
    """Rewrite `a LIKE ANY ('x%', 'y%')` as one LIKE a pattern, joined by OR or AND. The innermost first.

    https://docs.databricks.com/aws/en/sql/language-manual/functions/like
    """
    tree = parse(text)
    found = [
        node
        for node in (tree.find_all(exp.Like, exp.ILike) if tree else ())
        if isinstance(node.expression, exp.Any | exp.All) and "span" in node.meta
    ]
    for node in sorted(found, key=lambda node: -span(node).start):
        if not isinstance(node.expression.this, exp.Tuple | exp.Paren):
            continue
        source = scan(span(node).of(text))
        close = len(source.tokens) - 1
        opening = next(begin for begin, end in source.closing.items() if end == close)
        value = span(node.this).of(text)
        how = source.slice(len(scan(value).tokens), opening - 1)
        patterns = [source.slice(*part) for part in source.split(opening + 1, close)]
        if is_volatile(value):
            raise NotSupportedLocally("LIKE ANY or LIKE ALL of a random value", "Put it into a subquery.")
        joined = " OR " if isinstance(node.expression, exp.Any) else " AND "
        return [Edit(*span(node), f"({joined.join(f'{value} {how} {pattern}' for pattern in patterns)})")]
    return []


def _versions(source: Source) -> Iterator[Edit]:
    """Rewrite `t@v1` as VERSION AS OF 1."""
    if "@" not in source.symbols:
        return
    for before, mark, version in zip(source.tokens, source.tokens[1:], source.tokens[2:], strict=False):
        touching = before.is_name and before.end == mark.start and mark.end == version.start
        if mark.text == "@" and touching and version.upper[:1] == "V" and version.text[1:].isdigit():
            yield Edit(mark.start, version.end, f" VERSION AS OF {version.text[1:]}")


def _samples_of_rows(source: Source) -> Iterator[Edit]:
    """Rewrite `t TABLESAMPLE (2 ROWS)` as the first rows, as in Spark."""
    if not {"TABLESAMPLE", "ROWS"} <= source.words:
        return
    tokens = source.tokens
    for index, token in enumerate(tokens):
        close = source.closing.get(index + 1) if token.upper == "TABLESAMPLE" else None
        if close is None or close != index + 4 or tokens[index + 3].upper != "ROWS":
            continue
        start = index - 1
        while start > 1 and tokens[start - 1].text == ".":
            start -= 2
        if tokens[start].is_name and tokens[start - 1].upper in ("FROM", "JOIN", ","):
            rows = f"(SELECT * FROM {source.slice(start, index)} LIMIT {tokens[index + 2].text})"  # noqa: S608
            after = tokens[close + 1] if close + 1 < len(tokens) else None
            named = after is not None and (after.upper == "AS" or after.kind == "quoted")
            name = "" if named else f" AS {tokens[index - 1].text}"
            yield Edit(tokens[start].start, tokens[close].end, rows + name)


def _ranges_of_days(source: Source) -> Iterator[Edit]:
    """Rewrite ORDER BY a date with a RANGE of an INTERVAL to a timestamp; of a date Sail takes in every
    row."""
    if not {"RANGE", "INTERVAL", "ORDER"} <= source.words:
        return
    for begin, end in source.closing.items():
        inside = list(source.top_level(begin + 1, end))
        words = {source.tokens[index].upper: index for index in reversed(inside)}
        if not {"ORDER", "RANGE", "INTERVAL"} <= words.keys():
            continue
        stop = min(words[word] for word in ("RANGE", "ASC", "DESC", "NULLS") if word in words)
        key = source.slice(words["ORDER"] + 2, stop)
        first, last = source.tokens[words["ORDER"] + 2], source.tokens[stop - 1]
        yield Edit(first.start, last.end, f"CAST({key} AS TIMESTAMP)")


def _json_paths(source: Source) -> Iterator[Edit]:
    """Rewrite `raw:address.city` and `raw:tags[0]` as get_json_object().

    https://docs.databricks.com/aws/en/sql/language-manual/functions/colonsign
    """
    types = _inside_types(source)
    for index, token in enumerate(source.tokens):
        if token.text != ":" or token.kind != "symbol" or index in types or is_marker(source, index):
            continue
        start, (end, path) = _operand_before(source, index), _path_after(source, index + 1)
        if start is not None and path:
            value = source.slice(start, index)
            place = source.tokens[start].start, source.tokens[end - 1].end
            yield Edit(*place, f"get_json_object({value}, {quote('$' + path)})")


def _inside_types(source: Source) -> set[int]:
    """Return the tokens between the angle brackets of STRUCT<a: INT>."""
    found: set[int] = set()
    for index, token in enumerate(source.tokens[:-1]):
        if token.upper == "STRUCT" and source.tokens[index + 1].text == "<":
            depth, end = 1, index + 2
            while depth and end < len(source.tokens):
                depth += {"<": 1, ">": -1}.get(source.tokens[end].text, 0)
                end += 1
            found.update(range(index, end))
    return found


def _operand_before(source: Source, index: int) -> int | None:
    """Return the first token of the value that ends before a token: a column, a call, something in
    brackets."""
    opening = {close: begin for begin, close in source.closing.items()}
    start = index - 1
    if start < 0 or not (source.tokens[start].is_name or start in opening):
        return None
    while True:
        if start in opening:
            start = opening[start]
            if start and (source.tokens[start - 1].is_name or start - 1 in opening):
                start -= 1
                continue
            return start
        if start > 1 and source.tokens[start - 1].text == ".":
            start -= 2
            continue
        return start


def _path_after(source: Source, index: int) -> tuple[int, str]:
    """Return (the token after a JSON path, the path): names after dots, numbers and strings in brackets."""
    path, tokens = "", source.tokens
    while index < len(tokens):
        token = tokens[index]
        if token.text == "[" and index in source.closing:
            inside = source.slice(index + 1, source.closing[index])
            path += f"[{inside}]" if inside.isdigit() or inside == "*" else f".{unquote(inside)}"
            index = source.closing[index] + 1
        elif token.is_name and (not path or tokens[index - 1].text == "."):
            path += f".{unquote(token.text)}"
            index += 1
        elif token.text == "." and path and index + 1 < len(tokens) and tokens[index + 1].is_name:
            index += 1
        else:
            break
    return index, path
