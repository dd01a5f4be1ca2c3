"""Loads the five files of the landing volume into main.bronze, one Delta table each."""

import argparse
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

COLUMNS = {
    "flights": (
        "year INT, month INT, day INT, dep_time INT, sched_dep_time INT, dep_delay INT, arr_time INT, "
        "sched_arr_time INT, arr_delay INT, carrier STRING, flight INT, tailnum STRING, origin STRING, "
        "dest STRING, air_time INT, distance INT, hour INT, minute INT, time_hour TIMESTAMP"
    ),
    "airlines": "carrier STRING, name STRING",
    "airports": (
        "faa STRING, name STRING, lat DOUBLE, lon DOUBLE, alt INT, tz INT, dst STRING, tzone STRING"
    ),
    "planes": (
        "tailnum STRING, year INT, type STRING, manufacturer STRING, model STRING, engines INT, seats INT, "
        "speed INT, engine STRING"
    ),
    "weather": (
        "origin STRING, year INT, month INT, day INT, hour INT, temp DOUBLE, dewp DOUBLE, humid DOUBLE, "
        "wind_dir INT, wind_speed DOUBLE, wind_gust DOUBLE, precip DOUBLE, pressure DOUBLE, visib DOUBLE, "
        "time_hour TIMESTAMP"
    ),
}


def read_landing(spark: SparkSession, landing: str, name: str) -> DataFrame:
    """One file of the volume with its columns typed; `NA` is how the source writes a missing value."""
    text = spark.read.option("header", True).csv(f"{landing}/{name}.csv")
    columns = [column.split() for column in COLUMNS[name].split(", ")]
    return text.select(
        [F.when(F.col(column) != "NA", F.col(column)).cast(kind).alias(column) for column, kind in columns]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--landing", default="/Volumes/main/bronze/landing")
    arguments, _ = parser.parse_known_args()

    missing = [f"{name}.csv" for name in COLUMNS if not Path(arguments.landing, f"{name}.csv").is_file()]
    if missing:
        raise FileNotFoundError(
            f"{', '.join(missing)} not found in {arguments.landing}: `dara demo` uploads the files once"
        )

    spark = SparkSession.builder.getOrCreate()
    for schema in ("bronze", "silver", "gold"):
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS main.{schema}")

    for name in COLUMNS:
        table = read_landing(spark, arguments.landing, name)
        if name == "flights":
            table = table.withColumn("flight_date", F.make_date("year", "month", "day"))
        table.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(f"main.bronze.{name}")
        print(f"main.bronze.{name}: {spark.table(f'main.bronze.{name}').count():,} rows")


main()
