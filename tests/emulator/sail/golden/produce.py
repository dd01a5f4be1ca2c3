"""Asks Apache Spark for the golden answers and writes them to answers/.

Not run by the tests; it needs a JVM and an environment of its own:

    apt-get install default-jre-headless
    uv venv -p 3.11 /tmp/spark && uv pip install -p /tmp/spark pyspark==4.0.1 "pandas<3" pyarrow
    /tmp/spark/bin/python -m tests.emulator.sail.golden.produce

`produce checks` asks the checks instead (see ../checks) and says which of them Spark answers otherwise.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from tests.emulator.sail.golden.confirm import confirm
from tests.emulator.sail.golden.snippet import ANSWERS, BY_DOCUMENTATION, Snippet, answer, fixtures, load

_SECONDS = 60  # for one snippet


def _session(folder: Path) -> Any:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder} -Duser.timezone=UTC",
        "spark.sql.legacy.createHiveTableByDefault": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.scripting.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.sql.execution.arrow.pyspark.enabled": "false",
    }
    builder = SparkSession.builder.master("local[2]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _asked(spark: Any, snippet: Snippet) -> dict[str, Any]:
    """What Spark answers; a snippet that takes longer than a minute ends the run with its name."""

    def stop(*_: Any) -> None:
        print(f"no answer within {_SECONDS} s: {snippet.key}", flush=True)
        os._exit(1)  # the call into the JVM cannot be interrupted

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(_SECONDS)
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.sql("DROP TABLE IF EXISTS ins")
    try:
        return answer(snippet, spark)
    finally:
        signal.alarm(0)


def check(only: str = "") -> None:
    """Prints what Spark answers otherwise than the checks say, and ends with status 1 when there is any."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="golden"))
    spark = _session(folder)
    faults = confirm(spark, only)
    spark.stop()
    shutil.rmtree(folder, ignore_errors=True)
    print("\n".join([*faults, f"{len(faults)} checks differ from Apache Spark"]))
    sys.exit(bool(faults))


def main(only: str = "") -> None:
    """Asks the snippets whose key begins with `only`, and keeps the other answers."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)  # every refused snippet would print its Java stack
    folder = Path(tempfile.mkdtemp(prefix="golden"))
    spark = _session(folder)
    fixtures(spark)
    topics: dict[str, dict[str, Any]] = {}
    for snippet in load():
        if snippet.key.startswith(only) and snippet.topic not in BY_DOCUMENTATION:
            topics.setdefault(snippet.topic, {})[snippet.key] = _asked(spark, snippet)
    spark.stop()
    shutil.rmtree(folder, ignore_errors=True)
    ANSWERS.mkdir(exist_ok=True)
    for topic, answers in topics.items():
        file = ANSWERS / f"{topic.replace(': ', '_')}.json"
        file.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")
    print(f"{sum(map(len, topics.values()))} answers of Apache Spark in {ANSWERS}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["checks"]:
        check(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
