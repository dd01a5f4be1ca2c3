# Databricks notebook source
# MAGIC %md
# MAGIC # The four notebooks, in parallel
# MAGIC They read one table and write five others, so nothing makes them wait for each other.

# COMMAND ----------

dbutils.widgets.text("from_date", "2013-01-01", "First day")
dbutils.widgets.text("to_date", "2013-12-31", "Last day")

# COMMAND ----------

import json
from concurrent.futures import ThreadPoolExecutor

dates = {"from_date": dbutils.widgets.get("from_date"), "to_date": dbutils.widgets.get("to_date")}
notebooks = {
    "./daily_traffic": dates,
    "./carrier_delays": dates,
    "./route_statistics": {},
    "./aircraft_and_weather": {},
}
with ThreadPoolExecutor(max_workers=len(notebooks)) as pool:
    calls = {
        path.removeprefix("./"): pool.submit(dbutils.notebook.run, path, 600, arguments)
        for path, arguments in notebooks.items()
    }
answers = {name: json.loads(call.result()) for name, call in calls.items()}

# COMMAND ----------

dbutils.notebook.exit(json.dumps(answers))
