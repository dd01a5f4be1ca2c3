# Databricks notebook source
# MAGIC %md
# MAGIC # Aircraft and weather
# MAGIC Updates two tables from one source: how much each aircraft flew, and what the weather did to departures.

# COMMAND ----------

dbutils.widgets.dropdown("wind_unit", "mph", ["mph", "knots"], "Unit of the strong wind limit")
dbutils.widgets.text("strong_wind", "25", "Strong wind from")

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE TABLE IF NOT EXISTS main.silver.aircraft_usage (
# MAGIC   tailnum STRING, manufacturer STRING, model STRING, built INT, seats INT,
# MAGIC   flights BIGINT, air_minutes BIGINT, distance_miles BIGINT, airports BIGINT
# MAGIC ) USING delta COMMENT 'Use of each aircraft';
# MAGIC CREATE TABLE IF NOT EXISTS main.silver.weather_impact (
# MAGIC   origin STRING, weather STRING, flights BIGINT, cancelled BIGINT, avg_dep_delay DOUBLE
# MAGIC ) USING delta COMMENT 'Departures by weather at the origin'

# COMMAND ----------

# MAGIC %md
# MAGIC ## Aircraft
# MAGIC Tail numbers that the plane register does not know stay, without their model.

# COMMAND ----------

# MAGIC %sql
# MAGIC MERGE INTO main.silver.aircraft_usage AS t
# MAGIC USING (
# MAGIC   WITH usage AS (
# MAGIC     SELECT
# MAGIC       tailnum,
# MAGIC       count(*) AS flights,
# MAGIC       coalesce(sum(air_time), 0) AS air_minutes,
# MAGIC       sum(distance) AS distance_miles,
# MAGIC       count(DISTINCT dest) AS airports
# MAGIC     FROM main.bronze.flights
# MAGIC     WHERE tailnum IS NOT NULL AND dep_time IS NOT NULL
# MAGIC     GROUP BY tailnum
# MAGIC   )
# MAGIC   SELECT
# MAGIC     u.tailnum, p.manufacturer, p.model, p.year AS built, p.seats,
# MAGIC     u.flights, u.air_minutes, u.distance_miles, u.airports
# MAGIC   FROM usage AS u LEFT JOIN main.bronze.planes AS p ON p.tailnum = u.tailnum
# MAGIC ) AS s
# MAGIC ON t.tailnum = s.tailnum
# MAGIC WHEN MATCHED THEN UPDATE SET *
# MAGIC WHEN NOT MATCHED THEN INSERT *

# COMMAND ----------

# MAGIC %md
# MAGIC ## Weather
# MAGIC Each departure is joined with the hour's weather at its airport; the first rule that fits names it.

# COMMAND ----------

from pyspark.sql import functions as F

miles_an_hour = {"mph": 1.0, "knots": 1.15078}[dbutils.widgets.get("wind_unit")]
strong = float(dbutils.widgets.get("strong_wind")) * miles_an_hour

weather = spark.table("main.bronze.weather").select("origin", "time_hour", "temp", "precip", "visib", "wind_speed")
kind = (
    F.when(F.col("visib").isNull(), "unknown")
    .when(F.col("visib") < 1, "fog")
    .when((F.col("precip") > 0) & (F.col("temp") <= 32), "snow or ice")
    .when(F.col("precip") >= 0.1, "heavy rain")
    .when(F.col("precip") > 0, "rain")
    .when(F.col("wind_speed") >= strong, "strong wind")
    .otherwise("fair")
)
impact = (
    spark.table("main.bronze.flights")
    .join(weather, ["origin", "time_hour"], "left")
    .groupBy("origin", kind.alias("weather"))
    .agg(
        F.count("*").alias("flights"),
        F.sum(F.col("dep_time").isNull().cast("long")).alias("cancelled"),
        F.round(F.avg("dep_delay"), 2).alias("avg_dep_delay"),
    )
)
impact.createOrReplaceTempView("impact")
display(impact.orderBy("origin", F.desc("avg_dep_delay")))

# COMMAND ----------

spark.sql("""
    MERGE INTO main.silver.weather_impact AS t
    USING impact AS s
    ON t.origin = s.origin AND t.weather = s.weather
    WHEN MATCHED THEN UPDATE SET *
    WHEN NOT MATCHED THEN INSERT *
    WHEN NOT MATCHED BY SOURCE THEN DELETE
""")

# COMMAND ----------

import json

tables = ["main.silver.aircraft_usage", "main.silver.weather_impact"]
dbutils.notebook.exit(json.dumps([{"table": table, "rows": spark.table(table).count()} for table in tables]))
