"""Plain words: none that was replaced comes back, and the docstrings of functions begin with a verb."""

from __future__ import annotations

import ast
import re

from tests.house.test_house import ROOT, functions, tracked

# Replaced by standard terms; `_` separates words here, so `told_by` is found too.
REPLACED = re.compile(
    r"(?<![a-z])(told|said|heed(s|ed)?|look(s|ed)?[ _]at|go(es|ing)?[ _]on|went[ _]on"
    r"|as[ _](it|they)[ _]stands?|side[ _]by[ _]side|one[ _]after[ _]another|all[ _]right|crew|metered"
    r"|watchlist|strays|namesakes|gist|lifeline|zygote|wording|left_behind|circumstances|plain_path)(?![a-z])",
    re.IGNORECASE,
)
NO_VERB = re.compile(
    r"(A|An|All|Each|Every|How|It|One|The|These|This|Those|What|When|Where|Whether|Which|Who) "
)
TEXTS = tracked("dara_dagster/*.py", "dara_dagster/*.md", "README.md", "config", "dagster_project/*.py")
EXEMPT = (
    "dara_dagster/CHANGELOG.md",  # names what was renamed
)


def test_no_word_that_was_replaced_comes_back() -> None:
    found = []
    for path in TEXTS:
        name = str(path.relative_to(ROOT))
        if not name.startswith(EXEMPT):
            lines = enumerate(path.read_text().splitlines(), 1)
            found += [f"{name}:{at} {word[1]}" for at, line in lines if (word := REPLACED.search(line))]
    assert not found, "\n".join(found)


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    found = []
    for path in tracked("dara_dagster/*.py"):
        name = str(path.relative_to(ROOT))
        if not name.startswith(EXEMPT):
            texts = [(node.name, ast.get_docstring(node) or "") for node in functions(path)]
            found += [f"{name} {function}: {text[:40]}" for function, text in texts if NO_VERB.match(text)]
    assert not found, "\n".join(found)
