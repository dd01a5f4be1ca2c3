"""The JSON reader: the same values as `json`, with places, and clear refusals."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from dara_dagster.config.json_source import MAX_DEPTH, Array, Object, key_text, parse_json

FILE = Path("x.json")


def random_value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(9 if depth < 4 else 7)
    if kind == 0:
        return rng.choice([True, False, None])
    if kind == 1:
        return rng.randrange(-(10**12), 10**12)
    if kind == 2:
        return rng.uniform(-1e6, 1e6) * 10 ** rng.randrange(-20, 20)
    if kind < 7:
        return "".join(rng.choice('ab "\\/\n\té€😀\x01{}[]:,') for _ in range(rng.randrange(8)))
    if kind == 7:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {
        f"{rng.choice('abc é')}{index}": random_value(rng, depth + 1) for index in range(rng.randrange(5))
    }


@pytest.mark.parametrize("seed", range(60))
def test_reads_what_json_reads(seed: int) -> None:
    rng = random.Random(seed)
    value = random_value(rng)
    text = json.dumps(value, indent=rng.choice([None, 0, 3]), ensure_ascii=rng.random() < 0.5)
    document, problems = parse_json(FILE, text)
    assert problems == []
    assert document.value == json.loads(text)


@pytest.mark.parametrize("seed", range(20))
def test_every_place_is_where_the_value_stands(seed: int) -> None:
    text = json.dumps(random_value(random.Random(seed + 100)), indent=2, ensure_ascii=False)
    document, _ = parse_json(FILE, text)
    todo = [document.value]
    while todo:
        node = todo.pop()
        places: list[tuple[Any, int]] = []
        if isinstance(node, Object):
            for key, (key_at, value_at) in node.places.items():
                assert text.startswith(json.dumps(key, ensure_ascii=False), key_at)
                places.append((node[key], value_at))
        elif isinstance(node, Array):
            places = list(zip(node, node.places, strict=True))
        for value, at in places:
            assert json.JSONDecoder().raw_decode(text, at)[0] == value
            todo.append(value)


def test_lines_of_keys_values_and_what_is_missing() -> None:
    document, _ = parse_json(FILE, '\n{\n "a":\n  [1,\n   {"b": 2}],\n "c": 3\n}\n')
    assert document.line(("a",)) == 4
    assert document.line(("a",), on_key=True) == 3
    assert document.line(("a", 1, "b")) == 5
    assert document.line(("a", 1, "missing")) == 5
    assert document.line(("a", 7)) == 4
    assert document.line(("nothing",)) == 2


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, 1, "the file is empty"),
        (" \n", 1, 1, "the file is empty"),
        ('{"a": 1,}', 1, 8, "a comma before '}'"),
        ("[1,\n 2,\n]", 2, 3, "a comma before ']'"),
        ('{"a" 1}', 1, 6, "':' after the key expected"),
        ('{"a": 1 "b": 2}', 1, 9, "',' or '}' expected"),
        ("[1 2]", 1, 4, "',' or ']' expected"),
        ('{"a": 1', 1, 8, "',' or '}' expected, found the end"),
        ("{1: 2}", 1, 2, "a key in double quotes expected"),
        ("{'a': 1}", 1, 2, "text in single quotes"),
        ("[True]", 1, 2, "found True"),
        ("[nul]", 1, 2, "a value expected, found 'n'"),
        ("[NaN]", 1, 2, "a value expected, found 'N'"),
        ("[01]", 1, 3, "',' or ']' expected"),
        ("[1e999]", 1, 2, "a number that is too large"),
        ("[" + "9" * 5000 + "]", 1, 2, "a number that is too large"),
        ('["a\nb"]', 1, 2, "text that is not closed"),
        ('["a', 1, 2, "text that is not closed"),
        ('["\\x"]', 1, 2, "text with a wrong escape"),
        ("[\u00a01]", 1, 2, "a value expected, found the invisible character U+00A0"),
        ('{"a":\u200b1}', 1, 6, "found the invisible character U+200B"),
        ("[\u201ca\u201d]", 1, 2, "text in \u201c quotes"),
        ('["\\ud800"]', 1, 2, "text with a wrong escape"),
        ("[1] // done", 1, 5, "text after the end"),
        ("// first\n[1]", 1, 1, "a comment"),
        ("[" * 200 + "]" * 200, 1, MAX_DEPTH + 1, "nested more than 100 deep"),
    ],
)
def test_syntax_errors_name_line_and_column(text: str, line: int, column: int, words: str) -> None:
    document, problems = parse_json(FILE, text)
    assert document.value is None
    assert len(problems) == 1
    assert problems[0].line == line
    assert f"at line {line}, column {column}" in problems[0].message
    assert words in problems[0].message
    assert problems[0].hint.endswith(".")


def test_every_repeated_key_is_reported_with_both_lines() -> None:
    text = '{"a": 1,\n "b": {"c": 1,\n  "c": 2},\n "a": {"d": 1, "d": 2}}'
    document, problems = parse_json(FILE, text)
    assert document.value == {"a": 1, "b": {"c": 1}}
    assert [(p.line, p.key, p.message) for p in sorted(problems)] == [
        (3, "b.c", "the key 'c' stands here again, first on line 2"),
        (4, "a", "the key 'a' stands here again, first on line 1"),
    ]


def test_a_path_is_written_as_people_write_it() -> None:
    assert key_text(("tasks", 3, "dependent_on", 0)) == "tasks[3].dependent_on[0]"
    assert key_text(("etl cluster", "num_workers")) == '["etl cluster"].num_workers'
    assert key_text((2, "file_name")) == "[2].file_name"
    assert key_text(()) == ""
