# Databricks notebook source
# MAGIC %md
# MAGIC # The four notebooks, in sequence
# MAGIC Each call is a run of its own; what a notebook gives to `dbutils.notebook.exit` comes back as text.

# COMMAND ----------

dbutils.widgets.text("from_date", "2013-01-01", "First day")
dbutils.widgets.text("to_date", "2013-12-31", "Last day")

# COMMAND ----------

import json

dates = {"from_date": dbutils.widgets.get("from_date"), "to_date": dbutils.widgets.get("to_date")}
notebooks = {
    "./daily_traffic": dates,
    "./carrier_delays": dates,
    "./route_statistics": {},
    "./aircraft_and_weather": {},
}
answers = {
    path.removeprefix("./"): json.loads(dbutils.notebook.run(path, 600, arguments))
    for path, arguments in notebooks.items()
}

# COMMAND ----------

dbutils.notebook.exit(json.dumps(answers))
