"""Whatever happens to submissions on the way, an attempt has one Databricks run."""

from __future__ import annotations

from typing import Any

from tests.faults.conftest import SUBMIT, Trial

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 429, "probability": 0.10, "retry_after": "0"},
    {"kind": "status", "status": 503, "probability": 0.05},
    {"kind": "status", "status": 503, "probability": 0.05, "when": "after"},
    {"kind": "drop", "probability": 0.02, "when": "after"},
)


def test_500_submissions_in_bad_weather_make_500_runs(trial: Trial) -> None:
    for seed, fault in enumerate(FAULTS):
        trial.fault(SUBMIT, seed=seed, **fault)
    names = [f"task_{number:03}" for number in range(500)]
    trial.workflow(*({"name": name} for name in names))

    result = trial.run()

    assert result.success
    assert trial.calls(SUBMIT) > 550  # the weather was bad indeed
    runs = trial.runs()
    assert sorted(runs) == names
    assert {name for name, made in runs.items() if len(made) > 1} == set()
    assert {run["state"]["result_state"] for made in runs.values() for run in made} == {"SUCCESS"}
    assert trial.stats()["runs_created"] == 500
