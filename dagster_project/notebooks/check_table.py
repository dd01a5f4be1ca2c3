# Databricks notebook source
# MAGIC %md
# MAGIC # Check of a table
# MAGIC Fails when more than `most_percent` of the rows of `table` fit the condition `wrong`.

# COMMAND ----------

dbutils.widgets.text("table", "main.bronze.flights", "Table")
dbutils.widgets.text("wrong", "dep_time IS NULL", "What makes a row wrong")
dbutils.widgets.text("most_percent", "5", "Wrong rows allowed")

# COMMAND ----------

from pyspark.sql import functions as F

table, wrong = dbutils.widgets.get("table"), dbutils.widgets.get("wrong")
counts = spark.table(table).agg(
    F.count("*").alias("rows"), F.sum(F.when(F.expr(wrong), 1).otherwise(0)).alias("wrong")
).first()
percent = round(100 * counts["wrong"] / max(counts["rows"], 1), 2)
print(f"{table}: {counts['wrong']:,} of {counts['rows']:,} rows ({percent} %) with {wrong}")

# COMMAND ----------

most = float(dbutils.widgets.get("most_percent"))
if percent > most:
    raise ValueError(f"{percent} % of {table} have {wrong}; at most {most:g} % may")

# COMMAND ----------

import json

dbutils.notebook.exit(
    json.dumps({"table": table, "rows": counts["rows"], "wrong": counts["wrong"], "percent": percent})
)
