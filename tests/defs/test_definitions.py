"""What Dagster loads: names, resources, assets beside jobs, and a broken config as a list of problems."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetSelection,
    Definitions,
    define_asset_job,
    in_process_executor,
)

from dara_dagster import dara_executor
from dara_dagster.config import plan_from
from dara_dagster.defs.assets import build_assets
from dara_dagster.defs.definitions import build_definitions
from dara_dagster.defs.repository import built_once, job_from_config
from dara_dagster.defs.translator import Translator
from dara_dagster.defs.unique_names import Names, safe_name
from dara_dagster.errors import ConfigError, DaraError
from tests.defs.conftest import Project

CLUSTER = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}


@pytest.mark.parametrize(
    ("written", "name"),
    [("daily totals", "daily_totals"), ("Größe (m²)", "Große_m2"), ("class", "class_"), ("日本", "unnamed")],
)
def test_names_stay_recognisable(written: str, name: str) -> None:
    assert safe_name(written) == name.replace("ß", "")


def test_no_name_is_given_twice() -> None:
    names = Names()
    assert [names.take(text) for text in ("a b", "a-b", "a_b")] == ["a_b", "a_b_2", "a_b_3"]


def test_everything_of_a_project_loads_together(project: Project) -> None:
    project.write("cluster_config.json", {"etl cluster": CLUSTER, "etl-cluster": CLUSTER})
    tasks = [
        {
            "name": "load it",
            "compute_name": "etl cluster",
            "outputs": ["main.bronze.a"],
            "tags": {"team": "x"},
        },
        {
            "name": "load-it",
            "compute_name": "etl-cluster",
            "dependent_on": ["load it"],
            "outputs": ["main.gold.b"],
        },
    ]
    project.workflow(*tasks, name="flow")
    project.workflow(*tasks, name="flow two", schedule="0 6 * * *")
    definitions = build_definitions(project.config)
    Definitions.validate_loadable(definitions)
    job = definitions.resolve_job_def("flow")
    assert set(job.graph.node_dict) == {"load_it", "load_it_2"}
    op = job.graph.node_dict["load_it"].definition
    assert op.tags["team"] == "x"
    assert op.tags["dara/task"] == "load it"
    assert {"cluster_etl_cluster", "cluster_etl_cluster_2"} <= set(definitions.resources or {})
    assert job.tags["dara/workspace"] == "databricks"


def test_no_setting_that_could_be_a_secret_is_shown(project: Project) -> None:
    settings = {**CLUSTER, "spark_conf": {"fs.key": "s3cret"}, "spark_env_vars": {"TOKEN": "s3cret"}}
    project.write("cluster_config.json", {"etl": settings})
    project.workflow({"name": "a", "compute_name": "etl"})
    definitions = build_definitions(project.config)
    resource = (definitions.resources or {})["cluster_etl"]
    assert "num_workers: 1" in resource.description
    assert "s3cret" not in repr(definitions.resolve_job_def("flow").get_job_snapshot())


def test_a_broken_config_is_a_list_of_problems(project: Project) -> None:
    project.workflow({"name": "a", "dependent_on": ["nobody"]}, {"name": "b", "compute_name": "none"})
    with pytest.raises(ConfigError) as caught:
        build_definitions(project.config)
    assert len(caught.value.problems) >= 2
    assert "nobody" in str(caught.value)
    with pytest.raises(ConfigError):
        job_from_config(project.config, "flow")


def test_an_unknown_job_names_those_there_are(project: Project) -> None:
    project.workflow({"name": "a"})
    with pytest.raises(DaraError, match=r"no job 'flaw'.*its workflows are: flow"):
        job_from_config(project.config, "flaw")


def test_one_run_builds_its_job_once(project: Project) -> None:
    project.workflow({"name": "a"})
    with built_once():
        first = job_from_config(project.config, "flow")
        project.workflow({"name": "a"}, {"name": "b"})
        assert job_from_config(project.config, "flow") is first
        assert job_from_config(project.config, "flow_sequential").name == "flow_sequential"
    assert {node.name for node in job_from_config(project.config, "flow").nodes} == {"a", "b"}


def test_lineage_looks_through_tasks_without_tables(project: Project) -> None:
    project.workflow(
        {"name": "a", "outputs": ["main.bronze.a"], "mode": "append"},
        {"name": "middle", "dependent_on": ["a"]},
        {
            "name": "b",
            "dependent_on": ["middle"],
            "outputs": ["main.gold.b", "main.bronze.a"],
            "mode": "append",
        },
    )
    assets = build_assets(plan_from(Path(project.config)), Translator())
    shown = {spec.key.path[-1]: spec for definition in assets for spec in definition.specs}
    assert "Appended to by a, b." in (shown["a"].description or "")
    assert shown["a"].metadata["dara/appended_by"] == ["a", "b"]
    assert "dara/appended_by" not in shown["b"].metadata
    deps = {
        spec.key.path[-1]: [dep.asset_key.path[-1] for dep in spec.deps] for a in assets for spec in a.specs
    }
    assert deps == {"a": [], "b": ["a"]}


def test_a_table_has_the_owners_and_the_group_of_its_entry(project: Project) -> None:
    owners = ["team:flights", "ann@example.com"]
    project.workflow(
        {"name": "a", "outputs": ["main.bronze.a"], "owners": owners, "group": "bronze"},
        {"name": "b", "outputs": ["main.gold.b"]},
    )
    graph = build_definitions(project.config).resolve_asset_graph()
    a, b = (graph.get(AssetKey(["main", *path])) for path in (["bronze", "a"], ["gold", "b"]))
    assert (list(a.owners), a.group_name) == (owners, "bronze")
    assert (list(b.owners), b.group_name) == ([], "flow")


def test_no_two_workflows_have_one_job(project: Project) -> None:
    for name in ("a b sequential", "a-b", "a b", "ä b_sequential"):
        project.workflow({"name": "t"}, name=name, sequential_job=True)
    definitions = build_definitions(project.config)
    jobs = {job.name for job in definitions.resolve_all_job_defs()}
    wanted = {"a_b_sequential", "a_b_2", "a_b_3", "a_b_sequential_2"}
    assert jobs - {"__ASSET_JOB"} == wanted | {f"{name}_sequential" for name in wanted}


def test_a_sequential_job_is_there_where_the_workflow_asks_for_it(project: Project) -> None:
    project.workflow({"name": "a"}, name="plain")
    project.workflow({"name": "a"}, name="both", sequential_job=True)
    jobs = {job.name for job in build_definitions(project.config).resolve_all_job_defs()}
    assert jobs - {"__ASSET_JOB"} == {"plain", "both", "both_sequential"}
    assert job_from_config(project.config, "plain_sequential").name == "plain_sequential"  # of an older run


def test_every_name_of_a_table_is_a_key_of_its_own(project: Project) -> None:
    odd = ["my-table", "my_table", "été", "日本", "a$b", "a*b", "It's", "class"]
    project.workflow(
        {"name": "a", "outputs": [f"main-1.s.{name}" for name in odd], "mode": "append"},
        {
            "name": "b",
            "dependent_on": ["a"],
            "outputs": ["main.s_1.t", "main.s.1_t", "MAIN-1.S.MY-TABLE"],
            "mode": "append",
        },
    )
    job = define_asset_job("tables", AssetSelection.all())
    definitions = Definitions.merge(build_definitions(project.config), Definitions(jobs=[job]))
    result = definitions.resolve_job_def("tables").execute_in_process(instance=project.instance)
    written = {event.asset_key for event in result.get_asset_materialization_events()}
    assert written == {
        *(AssetKey(["main-1", "s", name.lower()]) for name in odd),
        AssetKey(["main", "s_1", "t"]),
        AssetKey(["main", "s", "1_t"]),
    }
    graph = definitions.resolve_asset_graph()
    assert len(graph.get(AssetKey(["main", "s_1", "t"])).parent_keys) == len(odd)


def test_assets_are_materialized_by_the_same_body_as_jobs(project: Project) -> None:
    project.simulate("b", result="FAILED")
    project.workflow(
        {"name": "a", "outputs": ["main.bronze.a", "main.bronze.a2"]},
        {"name": "b", "dependent_on": ["a"], "outputs": ["main.gold.b"]},
    )
    job = define_asset_job("tables", AssetSelection.all())
    definitions = Definitions.merge(build_definitions(project.config), Definitions(jobs=[job]))
    result = definitions.resolve_job_def("tables").execute_in_process(
        instance=project.instance, raise_on_error=False
    )
    assert not result.success
    written = {event.asset_key for event in result.get_asset_materialization_events()}
    assert written == {AssetKey(["main", "bronze", "a"]), AssetKey(["main", "bronze", "a2"])}
    latest = project.instance.get_latest_materialization_event(AssetKey(["main", "bronze", "a"]))
    assert latest is not None
    assert isinstance(latest.asset_materialization, AssetMaterialization)
    assert "run_page" in latest.asset_materialization.metadata
    assert project.stats()["runs_created"] == 2


def test_what_it_is_merged_with_keeps_its_executor(project: Project) -> None:
    project.workflow({"name": "a"})
    made = build_definitions(project.config)
    assert made.executor is None
    merged = Definitions.merge(made, Definitions(executor=in_process_executor))
    assert merged.executor is in_process_executor
    assert merged.resolve_job_def("flow").executor_def.name == "dara_executor"


def test_a_relative_folder_is_found_from_the_file_that_names_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(
        "workflows/hours.json", {"tasks": [{"name": "a", "task": {"notebook_task": {"notebook_path": "/a"}}}]}
    )
    package = project.root / "etl" / "defs"
    (package / "config").mkdir(parents=True)  # no config folder of a project
    (package / "code.py").write_text(
        "from dara_dagster import build_definitions\ndefs = build_definitions('config')\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    found = runpy.run_path(str(package / "code.py"))["defs"]
    assert "hours" in {job.name for job in found.jobs}


def test_materialize_runs_in_threads_where_all_definitions_say_so(project: Project) -> None:
    project.workflow({"name": "a", "outputs": ["main.s.t"]})
    merged = Definitions.merge(build_definitions(project.config), Definitions(executor=dara_executor))
    assert merged.resolve_implicit_global_asset_job_def().executor_def.name == "dara_executor"
    assert merged.resolve_job_def("flow").executor_def.name == "dara_executor"
