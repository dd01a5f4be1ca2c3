"""Several sessions in one process."""

from __future__ import annotations

from dara_dagster.emulator.sail.session import LocalSpark
from tests.emulator.sail.golden.differences import workspace


def test_a_checkpoint_belongs_to_the_session_that_made_it(spark: LocalSpark) -> None:
    with workspace() as second:  # with a server of its own
        assert second.range(3).localCheckpoint().count() == 3
        assert spark.range(4).localCheckpoint().count() == 4
