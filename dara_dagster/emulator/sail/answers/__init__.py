"""Corrections that depend on types: what Sail answers otherwise than Spark, spelled so that it answers right.

`rules` says for an operator or function and the types of its operands how to spell it; `plans` applies the
rules to DataFrame plans, `sql_corrections` to SQL. The types come from the server, at most one question a
query, and only for queries that hold an operator or function with a rule.
"""
