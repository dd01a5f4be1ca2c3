"""Cron expressions: what is taken and what is refused."""

from __future__ import annotations

import pytest

from dara_dagster.spec.cron import cron_fault, is_timezone


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
        "0 0 31 2 mon",
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
    ],
)
def test_wrong_expressions(text: str, words: str) -> None:
    assert words in (cron_fault(text) or "")


def test_time_zones() -> None:
    assert is_timezone("Europe/Berlin")
    assert is_timezone("UTC")
    assert not any(is_timezone(name) for name in ("Berlin", "", "Europe", "../etc/passwd", "/etc/passwd"))
