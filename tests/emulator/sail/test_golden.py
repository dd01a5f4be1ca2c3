"""The local workspace answers as Apache Spark and Databricks do, but for what is known to differ."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest

from tests.emulator.sail.golden.differences import (
    PAGE,
    TO_EXPLAIN,
    ask,
    in_words,
    page,
    read_list,
    workspace,
)
from tests.emulator.sail.golden.snippet import Snippet, agree, load, read_answers

SNIPPETS = load()
TOPICS = {topic: list(group) for topic, group in groupby(SNIPPETS, lambda snippet: snippet.topic)}
GOLDEN = read_answers()
KNOWN = {key: here for keys in read_list().values() for key, here in keys.items()}


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with workspace() as spark:
        yield spark


def fault(spark: Any, snippet: Snippet) -> str | None:
    """What is wrong with the answer to a snippet, in a line; None when nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = ask(spark, snippet)
    known = KNOWN.get(snippet.key)
    right = agree(GOLDEN[snippet.key], given, ordered=snippet.is_ordered)
    if right and known is not None:
        return f"{snippet.key}\n    agrees now; take it out of differences.json"
    if right or known == in_words(given):
        return None
    return f"{snippet.key}\n    golden: {in_words(GOLDEN[snippet.key])}\n    given:  {in_words(given)}" + (
        f"\n    known:  {known}" if known else ""
    )


@pytest.mark.parametrize("topic", TOPICS)
def test_answers(topic: str, session: Any) -> None:
    faults = [found for snippet in TOPICS[topic] if (found := fault(session, snippet))]
    assert not faults, "\n".join([f"{len(faults)} of {len(TOPICS[topic])} differ:", *faults])


def test_every_snippet_has_one_answer_and_every_difference_a_snippet() -> None:
    keys = [snippet.key for snippet in SNIPPETS]
    assert len(keys) == len(set(keys)) >= 400
    assert set(keys) == set(GOLDEN)
    assert set(keys) >= set(KNOWN)


def test_answers_by_documentation_name_their_page() -> None:
    for key, found in GOLDEN.items():
        by_hand = key.startswith(("databricks: ", "delta: "))
        assert ("source" in found) == by_hand, key


def test_no_answer_holds_a_path_of_the_machine_that_asked() -> None:
    texts = [found.get("text", "") for found in GOLDEN.values()]
    assert [text for text in texts if 'File "/' in text] == []


def test_the_page_is_current_and_explains_each_difference() -> None:
    assert TO_EXPLAIN not in read_list()
    assert PAGE.read_text() == page(), "run: python -m tests.emulator.sail.golden.differences"
