# Databricks notebook source
# MAGIC %md
# MAGIC # Daily traffic
# MAGIC Flights, cancellations and delays per day, origin and carrier, for the days between `from_date` and `to_date`.
# MAGIC A second run over the same days changes nothing.

# COMMAND ----------

dbutils.widgets.text("from_date", "2013-01-01", "First day")
dbutils.widgets.text("to_date", "2013-12-31", "Last day")

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE TABLE IF NOT EXISTS main.silver.daily_traffic (
# MAGIC   flight_date DATE, origin STRING, carrier STRING,
# MAGIC   flights BIGINT, cancelled BIGINT, dep_delay_minutes BIGINT, distance_miles BIGINT
# MAGIC ) USING delta COMMENT 'Flights per day, origin and carrier'

# COMMAND ----------

# MAGIC %md
# MAGIC A flight without a departure time was cancelled. Sums, not averages, so that days can be added up.

# COMMAND ----------

# MAGIC %sql
# MAGIC MERGE INTO main.silver.daily_traffic AS t
# MAGIC USING (
# MAGIC   SELECT
# MAGIC     flight_date, origin, carrier,
# MAGIC     count(*) AS flights,
# MAGIC     count_if(dep_time IS NULL) AS cancelled,
# MAGIC     coalesce(sum(dep_delay), 0) AS dep_delay_minutes,
# MAGIC     sum(distance) AS distance_miles
# MAGIC   FROM main.bronze.flights
# MAGIC   WHERE flight_date BETWEEN CAST(:from_date AS DATE) AND CAST(:to_date AS DATE)
# MAGIC   GROUP BY flight_date, origin, carrier
# MAGIC ) AS s
# MAGIC ON t.flight_date = s.flight_date AND t.origin = s.origin AND t.carrier = s.carrier
# MAGIC WHEN MATCHED AND (
# MAGIC   t.flights <> s.flights OR t.cancelled <> s.cancelled
# MAGIC   OR t.dep_delay_minutes <> s.dep_delay_minutes OR t.distance_miles <> s.distance_miles
# MAGIC ) THEN UPDATE SET *
# MAGIC WHEN NOT MATCHED THEN INSERT *

# COMMAND ----------

import json

total = spark.sql("SELECT count(*) AS rows, sum(flights) AS flights FROM main.silver.daily_traffic").first()
dbutils.notebook.exit(
    json.dumps({"table": "main.silver.daily_traffic", "rows": total["rows"], "flights": total["flights"]})
)
