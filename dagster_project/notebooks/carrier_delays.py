# Databricks notebook source
# MAGIC %md
# MAGIC # Carrier delays
# MAGIC How punctual each airline was, month by month. Months touched by `from_date` .. `to_date` are counted as a whole.

# COMMAND ----------

dbutils.widgets.text("from_date", "2013-01-01", "First day")
dbutils.widgets.text("to_date", "2013-12-31", "Last day")
dbutils.widgets.text("late_minutes", "15", "Late from")

# COMMAND ----------

from pyspark.sql import functions as F

late = int(dbutils.widgets.get("late_minutes"))
first_month = F.trunc(F.lit(dbutils.widgets.get("from_date")).cast("date"), "month")
last_day = F.last_day(F.lit(dbutils.widgets.get("to_date")).cast("date"))

delays = (
    spark.table("main.bronze.flights")
    .filter(F.col("flight_date").between(first_month, last_day))
    .groupBy(F.trunc("flight_date", "month").alias("month"), "carrier")
    .agg(
        F.count("*").alias("flights"),
        F.count("dep_delay").alias("departed"),
        F.sum(F.when(F.col("arr_delay") >= late, 1).otherwise(0)).alias("arrived_late"),
        F.round(F.avg("dep_delay"), 2).alias("avg_dep_delay"),
        F.round(F.avg("arr_delay"), 2).alias("avg_arr_delay"),
    )
    .join(spark.table("main.bronze.airlines").withColumnRenamed("name", "airline"), "carrier", "left")
    .select(
        "month", "carrier", "airline", "flights", "departed", "arrived_late", "avg_dep_delay", "avg_arr_delay"
    )
)
delays.createOrReplaceTempView("delays")

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE TABLE IF NOT EXISTS main.silver.carrier_delays (
# MAGIC   month DATE, carrier STRING, airline STRING, flights BIGINT, departed BIGINT, arrived_late BIGINT,
# MAGIC   avg_dep_delay DOUBLE, avg_arr_delay DOUBLE
# MAGIC ) USING delta COMMENT 'Punctuality per airline and month'

# COMMAND ----------

# MAGIC %sql
# MAGIC MERGE INTO main.silver.carrier_delays AS t
# MAGIC USING delays AS s
# MAGIC ON t.month = s.month AND t.carrier = s.carrier
# MAGIC WHEN MATCHED THEN UPDATE SET *
# MAGIC WHEN NOT MATCHED THEN INSERT *

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT airline, sum(flights) AS flights, round(100.0 * sum(arrived_late) / sum(departed), 1) AS late_percent
# MAGIC FROM main.silver.carrier_delays GROUP BY airline ORDER BY late_percent DESC

# COMMAND ----------

import json

total = spark.sql("SELECT count(*) AS rows, sum(flights) AS flights FROM main.silver.carrier_delays").first()
dbutils.notebook.exit(
    json.dumps({"table": "main.silver.carrier_delays", "rows": total["rows"], "flights": total["flights"]})
)
