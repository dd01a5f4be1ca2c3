# Databricks notebook source
# MAGIC %md
# MAGIC # Route statistics
# MAGIC Every route out of New York: how often it was flown, how fast, and how many of its flights were cancelled.
# MAGIC Routes are counted over the whole source table.

# COMMAND ----------

from pyspark.sql import functions as F

airports = spark.table("main.bronze.airports").select(
    F.col("faa").alias("dest"), F.col("name").alias("dest_name"), F.col("alt").alias("dest_altitude_feet")
)

routes = (
    spark.table("main.bronze.flights")
    .groupBy("origin", "dest")
    .agg(
        F.count("*").alias("flights"),
        F.sum(F.col("dep_time").isNull().cast("long")).alias("cancelled"),
        F.countDistinct("carrier").alias("carriers"),
        F.max("distance").cast("long").alias("distance_miles"),
        F.round(F.avg("air_time"), 2).alias("avg_air_minutes"),
        F.round(60 * F.sum(F.when(F.col("air_time").isNotNull(), F.col("distance"))) / F.sum("air_time"), 1).alias(
            "miles_per_hour"
        ),
    )
    .join(airports, "dest", "left")
    .withColumn("dest_name", F.coalesce("dest_name", F.lit("(not in the airport list)")))
)
display(routes.orderBy(F.desc("flights")).limit(5))

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE TABLE IF NOT EXISTS main.silver.route_statistics (
# MAGIC   origin STRING, dest STRING, dest_name STRING, dest_altitude_feet INT, flights BIGINT, cancelled BIGINT,
# MAGIC   carriers BIGINT, distance_miles BIGINT, avg_air_minutes DOUBLE, miles_per_hour DOUBLE
# MAGIC ) USING delta COMMENT 'Routes out of New York City'

# COMMAND ----------

from delta.tables import DeltaTable

(
    DeltaTable.forName(spark, "main.silver.route_statistics")
    .alias("t")
    .merge(routes.alias("s"), "t.origin = s.origin AND t.dest = s.dest")
    .whenMatchedUpdateAll()
    .whenNotMatchedInsertAll()
    .execute()
)

# COMMAND ----------

import json

total = spark.sql("SELECT count(*) AS rows, sum(flights) AS flights FROM main.silver.route_statistics").first()
dbutils.notebook.exit(
    json.dumps({"table": "main.silver.route_statistics", "rows": total["rows"], "flights": total["flights"]})
)
