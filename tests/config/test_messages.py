"""How problems read: on one line, in a fixed order, nothing invisible and nothing endless in them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dara_dagster.config.suggestions import Suggestions, unique_keys
from dara_dagster.errors import Problem
from tests.config.conftest import Project, entry

DEP = "dependency.json"
LONG = "select * from t where x = 'y' and " * 500
STEER = "etl\u00a0\x1b[31mclus\nter\u202e"
ESCAPED = r"etl\xa0\x1b[31mclus\nter\u202e"


def test_what_cannot_be_seen_is_escaped(project: Project) -> None:
    project.file("a.py").write(DEP, [entry(compute_name=STEER, **{STEER: 1})])
    compute, key = project.problems()
    assert f"there is no cluster '{ESCAPED}' in" in str(compute)
    assert f"unknown key '{ESCAPED}'" in str(key)
    assert compute.message == f"there is no cluster '{STEER}' in cluster_config.json"
    assert str(Problem(Path("Größe"), 1, "k", "日本", "Do.")) == "Größe:1: k: 日本. Do."


def test_a_long_value_is_shortened_wherever_it_stands(project: Project) -> None:
    project.file("a.py").write(
        DEP,
        {
            "schedule": LONG,
            "tasks": [
                entry(
                    compute_name=LONG, dependent_on=[LONG], outputs=[LONG], timeout_seconds=LONG, run_if=LONG
                ),
                entry(name="b", **{LONG: 1}, parameters={"x": f"${{{LONG}}}", "y": f"${{env.{LONG}}}"}),
                entry(name="c", timeout_seconds=-(10**900)),
            ],
        },
    )
    problems = project.problems()
    assert len(problems) == 10
    assert all(len(problem.message) < 300 and len(problem.hint) < 500 for problem in problems)
    assert all(len(str(problem)) < 1000 for problem in problems)
    assert all("select * from t" in problem.message for problem in problems[:-1])


def test_a_secret_in_a_long_value_is_left_out_before_it_is_shortened(project: Project) -> None:
    secret = "s3cret" * 100
    project.file("a.py").write(DEP, [entry(compute_name="${env.TOKEN}", timeout_seconds="x ${env.TOKEN}")])
    text = "".join(map(str, project.problems({"TOKEN": secret})))
    assert "'${env.TOKEN}'" in text
    assert "s3cret" not in text


def test_a_compute_has_no_control_character(project: Project) -> None:
    project.file("a.py").write(DEP, [entry()]).write("warehouse_config.json", {"a\nb": {}})
    assert ["a control character" in problem.message for problem in project.problems()] == [True]


def test_lists_of_names_have_the_order_of_the_files(project: Project) -> None:
    """In processes with different hash seeds: a set of texts would come in another order in each."""
    names = [f"n{index}" for index in (3, 1, 4, 15, 9, 2, 6)]
    project.files(*(f"{name}.py" for name in names))
    project.write("cluster_config.json", {name: {"spark_version": "1"} for name in names})
    project.write("warehouse_config.json", {f"w{name}": {} for name in names})
    project.write(
        DEP,
        [
            {"file_name": name, "format": "py", "dependent_on": ["zzzz"], "compute_name": "?"}
            for name in names
        ],
    )
    code = f"from dara_dagster.config import *\nfor p in check(load({str(project.config)!r}, {{}})): print(p)"
    reported = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    (text,) = reported
    assert f"Known tasks: {', '.join(names)}." in text
    assert f"Known clusters: {', '.join(names)}." in text


def test_a_long_text_is_no_misspelt_name() -> None:
    """Comparing it would take memory and time that grow with the square of its length."""
    assert Suggestions(f"t{index}" for index in range(400)).nearest("y" * 1_000_000) is None
    assert Suggestions([*(f"t{index}" for index in range(400)), "y" * 100_000]).nearest("t1x") == "t1"
    assert Suggestions(["t" * 200]).nearest("T" * 201) == "t" * 200


def test_thousands_of_names_in_another_script_have_keys_of_their_own() -> None:
    names = [f"{chr(0x4E00 + index)}" for index in range(15_000)]
    keys = unique_keys([*names, "_", "_7"])
    assert len({*keys.values()}) == len(names) + 2
    assert (keys["_"], keys["_7"], keys[names[0]], keys[names[-1]]) == ("_", "_7", "__2", "__15001")
