"""Checks: DataFrame calls, functions and SELECT syntax."""

# ruff: noqa: E501
from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import Observation, Window
from pyspark.sql import functions as F

from tests.emulator.engine.checks.check import Check, Environment, sql


def read_volume(e: Environment) -> Any:
    e.volume("vol").mkdir(parents=True)
    Path("/Volumes/main/bronze/vol/x.csv").write_text("a,b\n1,2\n")
    return e.spark.read.option("header", True).csv("/Volumes/main/bronze/vol/x.csv")


def observe(e: Environment) -> Any:
    observation = Observation("x")
    e.people.observe(observation, F.count(F.lit(1)).alias("n")).collect()
    return observation.get


CHECKS: list[Check] = [
    Check(
        "filter/withColumn/when",
        lambda e: e.people.filter("v>5").withColumn("k", F.when(F.col("v") > 15, "hi").otherwise("lo")),
    ),
    Check(
        "groupBy agg",
        lambda e: e.people.groupBy("g").agg(
            F.sum("v").alias("s"),
            F.countDistinct("id"),
            F.collect_list("id"),
            F.max_by("id", "v"),
            F.approx_count_distinct("id"),
            F.percentile_approx("v", 0.5),
        ),
    ),
    Check(
        "join types",
        lambda e: [
            e.people.join(e.people.select("id", F.col("g").alias("g2")), "id", h).count()
            for h in ("inner", "left", "right", "outer", "left_semi", "left_anti")
        ],
    ),
    Check(
        "self join alias cond",
        lambda e: (
            e.people.alias("l")
            .join(e.people.alias("r"), F.col("l.id") == F.col("r.id") + 1)
            .select("l.id", "r.v")
        ),
    ),
    Check("broadcast hint", lambda e: e.people.join(F.broadcast(e.people), "id").count()),
    Check(
        "window row_number/lag/sum over",
        lambda e: (
            e.people.withColumn("rn", F.row_number().over(Window.partitionBy("g").orderBy(F.desc("v"))))
            .withColumn("l", F.lag("v").over(Window.orderBy("id")))
            .withColumn("c", F.sum("v").over(Window.orderBy("id").rowsBetween(Window.unboundedPreceding, 0)))
        ),
    ),
    Check("pivot", lambda e: e.people.groupBy("id").pivot("g").sum("v")),
    Check("unpivot/melt", lambda e: e.people.unpivot("id", ["v"], "var", "val")),
    Check(
        "rollup/cube/grouping sets",
        lambda e: (
            e.people.rollup("g").count().count(),
            e.people.cube("g", "id").count().count(),
            e.spark.sql(
                "select g,count(*) from values ('a'),('b') t(g) group by grouping sets((g),())"
            ).count(),
        ),
    ),
    Check("dropDuplicates(subset)", lambda e: e.people.dropDuplicates(["g"]).count(), 3),
    Check("na.fill/na.drop/fillna dict", lambda e: e.people.na.fill({"v": 0.0, "g": "?"}).na.drop()),
    Check(
        "unionByName allowMissing",
        lambda e: e.people.unionByName(e.people.drop("v"), allowMissingColumns=True),
    ),
    Check("describe/summary", lambda e: (e.people.describe().collect(), e.people.summary().collect())),
    Check(
        "sample/randomSplit",
        lambda e: (
            e.people.sample(0.5, seed=1).count(),
            [x.count() for x in e.people.randomSplit([0.5, 0.5], 1)],
        ),
    ),
    Check("stat.corr/approxQuantile", lambda e: e.people.approxQuantile("v", [0.5], 0.1)),
    Check(
        "repartition/coalesce/hint",
        lambda e: e.people.repartition(3, "g").coalesce(1).hint("shuffle_hash").count(),
    ),
    Check(
        "transform()/withColumns/withColumnRenamed",
        lambda e: e.people.transform(lambda d: d.withColumns({"z": F.lit(1)})).withColumnRenamed("z", "zz"),
    ),
    Check(
        "explode/posexplode/inline",
        lambda e: e.spark.read.json(e.data + "/json").select("id", F.explode_outer("tags").alias("t")),
    ),
    Check(
        "struct access / getItem / map",
        lambda e: e.spark.read.json(e.data + "/json").select(
            "addr.city",
            F.try_element_at("tags", F.lit(1)),
            F.create_map(F.lit("a"), F.col("id")),
            F.struct("id", "s").alias("st"),
        ),
    ),
    Check(
        "from_json/to_json/schema_of_json/get_json_object",
        lambda e: e.spark.read.json(e.data + "/json").select(
            F.from_json("s", "k int").alias("j"), F.to_json(F.struct("id")), F.get_json_object("s", "$.k")
        ),
    ),
    Check(
        "array funcs (transform/filter/aggregate/sort)",
        lambda e: e.spark.sql(
            "select transform(array(1,2),x->x+1), filter(array(1,2),x->x>1), aggregate(array(1,2),0,(a,x)->a+x), array_sort(array(2,1)), array_distinct(array(1,1)), size(array(1)), array_contains(array(1),1), flatten(array(array(1))), element_at(map('a',1),'a'), sequence(1,3), arrays_zip(array(1),array(2))"
        ),
    ),
    Check("JSON path col:field", lambda e: e.spark.sql("select c:k::int, c:k from (select '{\"k\":1}' c)")),
    Check(
        "VARIANT parse_json / variant_get",
        lambda e: e.spark.sql(
            "select parse_json('{\"a\":1}'):a::int, variant_get(parse_json('{\"a\":1}'),'$.a','int')"
        ),
    ),
    Check(
        "date funcs",
        lambda e: e.spark.sql(
            "select date_add(date'2024-01-31',1), add_months(date'2024-01-31',1), date_trunc('month',timestamp'2024-01-31 10:00:00'), datediff(date'2024-02-01',date'2024-01-01'), to_date('2024-01-02'), to_timestamp('02/01/2024','dd/MM/yyyy'), date_format(timestamp'2024-01-02 00:00:00','yyyy-MM'), last_day(date'2024-02-02'), unix_timestamp(timestamp'1970-01-01 00:00:01'), from_unixtime(1), months_between(date'2024-02-01',date'2024-01-01'), year(date'2024-01-01'), weekofyear(date'2024-01-01'), dateadd(day,1,date'2024-01-01'), current_timestamp() - interval 1 day, timestampdiff(hour,timestamp'2024-01-01 00:00:00',timestamp'2024-01-01 05:00:00')"
        ),
    ),
    Check(
        "string/regexp/hash funcs",
        lambda e: e.spark.sql(
            "select regexp_replace('a1','[0-9]','x'), regexp_extract('a1','([0-9])',1), split('a,b',','), concat_ws('-','a','b'), md5('a'), sha2('a',256), xxhash64('a'), hash('a'), uuid(), levenshtein('a','b'), lpad('a',3,'0'), initcap('ab'), translate('ab','a','z'), format_number(1.234,2), 'A' ilike 'a', format_string('%s',1)"
        ),
    ),
    Check(
        "monotonically_increasing_id / spark_partition_id / rand",
        lambda e: e.people.select(F.monotonically_increasing_id(), F.spark_partition_id(), F.rand(1)),
    ),
    Check(
        "QUALIFY",
        sql(
            "select id from values (1,2),(1,3) t(id,v) qualify row_number() over (partition by id order by v)=1"
        ),
    ),
    Check("LATERAL VIEW explode", sql("select x from (select array(1,2) a) lateral view explode(a) t as x")),
    Check("PIVOT sql", sql("select * from (select 'a' k, 1 v) pivot (sum(v) for k in ('a','b'))")),
    Check(
        "CTE recursive",
        sql("with recursive r(n) as (select 1 union all select n+1 from r where n<3) select * from r"),
    ),
    Check("SELECT * EXCEPT", sql("select * except(b) from (select 1 a, 2 b)")),
    Check(
        "GROUP BY ALL / ORDER BY ALL",
        sql("select g, count(*) from values ('a') t(g) group by all order by all"),
    ),
    Check("lateral column alias", sql("select 1 as a, a+1 as b")),
    Check("pipe syntax |>", sql("from values (1) t(a) |> where a=1 |> select a")),
    Check("TABLESAMPLE", sql("select * from main.bronze.part tablesample (50 percent)")),
    Check("SQL hints /*+ BROADCAST */", sql("select /*+ BROADCAST(t) */ * from main.bronze.part t")),
    Check(
        "spark.sql named params",
        lambda e: e.spark.sql("select * from main.bronze.part where region = :r", {"r": "eu"}).collect(),
    ),
    Check("spark.sql positional params", lambda e: e.spark.sql("select ? + ?", [1, 2]).collect()),
    Check(
        "VARIANT functions (no colon path)",
        lambda e: e.spark.sql("select variant_get(parse_json('{\"a\":1}'),'$.a','int') v"),
        lambda r: r[0].v == 1,
    ),
    Check("decode(x, k, v)", sql("select decode(1,1,'a')")),
    Check("try_cast / :: / nvl", sql("select try_cast('x' as int), '1'::int, nvl(null,1)")),
    Check(
        "read /Volumes path (spark.read)",
        read_volume,
    ),
    Check("SQL csv.`/Volumes/…`", sql("select * from csv.`/Volumes/main/bronze/vol/x.csv`")),
    Check(
        "spark.sql with df kwargs",
        lambda e: e.spark.sql("select * from {d} where id=1", d=e.people).collect(),
    ),
    Check(
        "temp view / global temp view",
        lambda e: (
            e.people.createOrReplaceTempView("tv"),
            e.spark.sql("select count(*) from tv").collect(),
            e.people.createOrReplaceGlobalTempView("gtv"),
            e.spark.sql("select count(*) from global_temp.gtv").collect(),
        )[1],
    ),
    Check("CACHE TABLE", sql("CACHE TABLE tv")),
    Check("UNCACHE/REFRESH TABLE", sql("REFRESH TABLE main.bronze.part")),
    Check(
        "observe()",
        observe,
    ),
]
