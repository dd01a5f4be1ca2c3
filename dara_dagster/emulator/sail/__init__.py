"""All that exists because of Sail, the Spark server of the local workspace: where it differs from Spark
or Databricks, what is here corrects it or refuses.
"""
