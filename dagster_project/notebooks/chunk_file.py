# Databricks notebook source
# MAGIC %md
# MAGIC # Cut a text file into chunks
# MAGIC Cuts the text file `file_path` into chunks of `chunk_words` words, each with a vector of 256 numbers, in
# MAGIC `main.silver.chunks`. The vector counts the words by their hash, so that it needs no model; its length is 1.
# MAGIC Cutting a file again replaces its chunks.

# COMMAND ----------

dbutils.widgets.text("file_path", "", "Text file in a volume")
dbutils.widgets.text("chunk_words", "60", "Words of a chunk")
path = dbutils.widgets.get("file_path")
size = int(dbutils.widgets.get("chunk_words"))

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE SCHEMA IF NOT EXISTS main.silver;
# MAGIC CREATE TABLE IF NOT EXISTS main.silver.chunks
# MAGIC (id STRING, file STRING, position INT, text STRING, embedding ARRAY<FLOAT>)
# MAGIC USING delta COMMENT 'Chunks of text files' TBLPROPERTIES (delta.enableChangeDataFeed = true)

# COMMAND ----------

import hashlib
import math
import re

DIMENSION = 256


def embed(text):
    """A vector of length 1 that counts the words of the text by their hash."""
    counts = [0.0] * DIMENSION
    for word in re.findall(r"\w+", text.lower()):
        counts[int(hashlib.sha256(word.encode()).hexdigest(), 16) % DIMENSION] += 1.0
    length = math.sqrt(sum(count * count for count in counts)) or 1.0
    return [count / length for count in counts]


# COMMAND ----------

with open(path, encoding="utf-8") as file:
    words = file.read().split()
chunks = [" ".join(words[start : start + size]) for start in range(0, len(words), size)]
if not chunks:
    raise ValueError(f"{path} holds no text")
rows = [(f"{path}#{place}", path, place, text, embed(text)) for place, text in enumerate(chunks)]

# COMMAND ----------

schema = "id STRING, file STRING, position INT, text STRING, embedding ARRAY<FLOAT>"
spark.sql("DELETE FROM main.silver.chunks WHERE file = :path", args={"path": path})
spark.createDataFrame(rows, schema).write.mode("append").saveAsTable("main.silver.chunks")
print(f"{path}: {len(rows):,} chunks")
dbutils.notebook.exit(str(len(rows)))
