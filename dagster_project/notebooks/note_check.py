# Databricks notebook source
# MAGIC %md
# MAGIC # Note a check
# MAGIC Adds a line to `main.gold.check_log`: what the step before gave as its exit value, or that it gave none.

# COMMAND ----------

dbutils.widgets.text("topic", "flights", "Topic")
dbutils.widgets.text("input", "", "Exit value of another step")

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE SCHEMA IF NOT EXISTS main.gold;
# MAGIC CREATE TABLE IF NOT EXISTS main.gold.check_log (noted TIMESTAMP, topic STRING, result STRING)
# MAGIC USING delta COMMENT 'Results of the checks'

# COMMAND ----------

result = dbutils.widgets.get("input") or "(no result)"
spark.sql(
    "INSERT INTO main.gold.check_log SELECT current_timestamp(), :topic, :result",
    args={"topic": dbutils.widgets.get("topic"), "result": result},
)

# COMMAND ----------

dbutils.notebook.exit(f"{dbutils.widgets.get('topic')}: {result}")
