"""Golden answers: what Apache Spark answers to some hundred snippets, and where the local workspace differs.

- `snippets/`: the questions, by topic. In a .sql file a line of its own is one statement and its own name;
  a block begins with `-- name` and ends with an empty line, and its last statement is the question.
- `answers/`: the answers. `python -m tests.emulator.sail.golden.produce` asks real Spark for them.
- `differences.py`: what is known to differ, each with a note; `python -m
  tests.emulator.sail.golden.differences` makes the page *Known differences* of it.
"""
