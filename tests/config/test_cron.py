"""Cron expressions: what is taken and what is refused."""

from __future__ import annotations

import random

import pytest
from dagster._utils.schedules import is_valid_cron_string

from dara_dagster.config.rules.cron import cron_fault, is_timezone
from tests.workspace.test_quartz import any_cron


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "0 6 * * *",
        "*/15 8-18 * * mon-fri",
        "0 22-2 1,15 jan-mar,DEC 0,7",
        "5/10 0 L * *",
        "@daily",
        "0 0 29 2 *",
        "0 0 31 1,2 *",
        "0 0 ? * mon",
        "0 0 * * L5",
        "0 0 R * *",
        "0 0 * * mon#1",
        "0 6 * * fri-mon",
        "@weekly",
    ],
)
def test_right_expressions(text: str) -> None:
    assert cron_fault(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("0 0 * * * *", "has 6 fields"),
        ("60 * * * *", "'60' is out of range in the field for the minute (0-59)"),
        ("* 24 * * *", "for the hour (0-23)"),
        ("* * 0 * *", "for the day of month (1-31)"),
        ("* * * 13 *", "for the month (1-12)"),
        ("* * * * 8", "for the day of week (0-7)"),
        ("*/0 * * * *", "'*/0' is out of range"),
        ("1,,2 * * * *", "'' is not understood"),
        ("a * * * *", "'a' is out of range"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 2,4,6,9,11 *", "never fires"),
        ("@reboot", "is not one of"),
        ("0 0 31 2 mon", "is not a schedule that Dagster takes"),
        ("? 0 * * *", "'?' is not understood in the field for the minute"),
        ("0 0 L5 * *", "'l5' is out of range"),
    ],
)
def test_wrong_expressions(text: str, words: str) -> None:
    assert words in (cron_fault(text) or "")


ODD_FIELDS = ("L", "?", "L5", "mon#2", "r", "R(1-5)", "15w", "H", "*/0", "7-5", "sun-sat/2", "1,2,31", "30")
ODD_FIELDS += (
    "31",
    "2",
    "feb",
    "00",
    "5-",
    "-5",
    "mon,",
    "1-1",
    "*/90",
    "*-5",
    "l3,1",
    "1#2,3#4",
    "L8",
    "60",
)


def test_dagster_is_the_judge() -> None:
    """What is taken is what a schedule of Dagster takes, but for days that no month has."""
    chance = random.Random(3)
    taken = 0
    for _ in range(600):
        fields = any_cron(chance).split()
        for _ in range(chance.choice((0, 1, 1, 2))):
            fields[chance.randrange(5)] = chance.choice(ODD_FIELDS)
        text = " ".join(fields)
        fault = cron_fault(text)
        if fault is None or "never fires" not in fault:
            assert (fault is None) == is_valid_cron_string(text), (text, fault)
            taken += fault is None
    assert taken > 100


def test_time_zones() -> None:
    assert is_timezone("Europe/Berlin")
    assert is_timezone("UTC")
    assert not any(is_timezone(name) for name in ("Berlin", "", "Europe", "../etc/passwd", "/etc/passwd"))
