# Databricks notebook source
# MAGIC %md
# MAGIC # Ingest a file
# MAGIC Loads the CSV file `file_path` into `main.bronze.ingested`, one row a line, as JSON. Loading a file again
# MAGIC replaces its rows.

# COMMAND ----------

dbutils.widgets.text("file_path", "", "CSV file in a volume")
path = dbutils.widgets.get("file_path")

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE SCHEMA IF NOT EXISTS main.bronze;
# MAGIC CREATE TABLE IF NOT EXISTS main.bronze.ingested (file STRING, row STRING)
# MAGIC USING delta COMMENT 'The rows of all files that arrived'

# COMMAND ----------

from pyspark.sql import functions as F

rows = spark.read.option("header", True).csv(path)
lines = rows.select(F.lit(path).alias("file"), F.to_json(F.struct(*rows.columns)).alias("row"))

# COMMAND ----------

spark.sql("DELETE FROM main.bronze.ingested WHERE file = :path", args={"path": path})
lines.write.mode("append").saveAsTable("main.bronze.ingested")

# COMMAND ----------

loaded = spark.table("main.bronze.ingested").filter(F.col("file") == path).count()
print(f"{path}: {loaded:,} rows")
dbutils.notebook.exit(str(loaded))
