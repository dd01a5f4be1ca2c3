"""Builds a workspace out of all services: what each gets of the others is written here and nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.signing import Signer
from dara_dagster.emulator.core.staging import clear_staging, prepare_staging
from dara_dagster.emulator.faults.simulation import SimulationRules
from dara_dagster.emulator.pages.run_page import PageLinks, RunPages, answer_page
from dara_dagster.emulator.runtime.attempts import Attempts
from dara_dagster.emulator.runtime.process_pool import ProcessPool
from dara_dagster.emulator.runtime.runner import Runner
from dara_dagster.emulator.runtime.task_spec import CodeSources
from dara_dagster.emulator.server import admin_routes
from dara_dagster.emulator.server.admin_routes import Admin
from dara_dagster.emulator.server.app import Pages
from dara_dagster.emulator.server.routing import Router, Routes
from dara_dagster.emulator.server.workspaces import Server
from dara_dagster.emulator.services.catalog import routes as catalog_routes
from dara_dagster.emulator.services.catalog.rules import Catalog
from dara_dagster.emulator.services.compute import cluster_routes, library_routes, warehouse_routes
from dara_dagster.emulator.services.compute.clusters import Clusters
from dara_dagster.emulator.services.compute.warehouses import Warehouses
from dara_dagster.emulator.services.files import multipart_routes
from dara_dagster.emulator.services.files import routes as file_routes
from dara_dagster.emulator.services.files.rules import Files
from dara_dagster.emulator.services.jobs import routes as job_routes
from dara_dagster.emulator.services.jobs.rules import Jobs
from dara_dagster.emulator.services.lakebase import routes as lakebase_routes
from dara_dagster.emulator.services.lakebase.rules import Lakebase
from dara_dagster.emulator.services.objects import routes as object_routes
from dara_dagster.emulator.services.objects.rules import Objects
from dara_dagster.emulator.services.runs import notebook_routes
from dara_dagster.emulator.services.runs import routes as run_routes
from dara_dagster.emulator.services.runs.rules import Runs
from dara_dagster.emulator.services.secrets import routes as secret_routes
from dara_dagster.emulator.services.secrets.rules import Secrets
from dara_dagster.emulator.services.statements import routes as statement_routes
from dara_dagster.emulator.services.statements.rules import Statements
from dara_dagster.emulator.services.vector_search import routes as vector_search_routes
from dara_dagster.emulator.services.vector_search.rules import VectorSearch


class Workspace:
    """One isolated workspace; it resumes what an earlier server left in its folder."""

    def __init__(self, server: Server[Workspace], pool: ProcessPool, folder: Path, token: str) -> None:
        self.context = context = Context(folder, token, server.host)
        _clear_remains(context)
        self.signer = Signer(context)
        self.objects, self.files = Objects(context), Files(context, self.signer)
        self.catalog, self.secrets, self.lakebase = Catalog(context), Secrets(context), Lakebase(context)
        self.vector_search = VectorSearch(context, self.catalog)
        self.clusters, self.warehouses = Clusters(context), Warehouses(context)
        self.runner = Runner(context, pool, self.secrets.values)
        self.statements = Statements(context, self.warehouses, self.runner, self.signer)
        links, simulations = PageLinks(context), SimulationRules(context)
        self.runs = Runs(
            context, lambda run, task: attempts.start_work(run, task), links.url, self.runner.log
        )
        self.jobs = Jobs(context, self.runs, self.clusters)
        attempts = Attempts(
            context,
            self.runs,
            self.jobs,
            self.clusters,
            self.warehouses,
            self.runner,
            CodeSources(context, self.objects, self.clusters),
            simulations,
        )
        self.pages = RunPages(context, links, self.runs)
        self.admin = Admin(
            context,
            simulations,
            self._count,
            reset=lambda: server.erase(token),
            stop=lambda: server.stop(),
        )
        self.router = Router(self._routes())
        self.runs.resume()
        self.jobs.resume()

    def erase(self) -> None:
        """Kill what runs and delete all the workspace holds on disk."""
        self.runner.close()
        self.context.clock.close()
        self.context.store.close()
        for name in ("tables", "workspace", "runs", "staging"):
            shutil.rmtree(self.context.folder / name, ignore_errors=True)
        for file in self.context.folder.glob("store.db*"):
            file.unlink(missing_ok=True)

    def _count(self) -> dict[str, int]:
        return {
            "runs_created": self.runs.created,
            "processes": self.runner.count,
            "active_runs": sum(1 for _ in self.runs.scheduler.active),
        }

    def _routes(self) -> Routes:
        """Return all routes; what is asked for most comes first."""
        return (
            *run_routes.routes(self.runs),
            *job_routes.routes(self.jobs),
            *notebook_routes.routes(self.runs),
            *statement_routes.routes(self.statements),
            *cluster_routes.routes(self.clusters),
            *library_routes.routes(self.clusters),
            *warehouse_routes.routes(self.warehouses),
            *object_routes.routes(self.objects),
            *file_routes.routes(self.files),
            *multipart_routes.routes(self.files),
            *catalog_routes.routes(self.catalog),
            *secret_routes.routes(self.secrets),
            *vector_search_routes.routes(self.vector_search),
            *lakebase_routes.routes(self.lakebase),
            *admin_routes.routes(self.admin),
        )


def build_server(data: Path, token: str | None = None, engine: tuple[str, ...] = ()) -> Server[Workspace]:
    """Return the server of the data folder; `engine` is the command that runs tasks."""
    pool = ProcessPool(engine)
    return Server(data, token, pool, lambda server, folder, token: Workspace(server, pool, folder, token))


def build_pages(server: Server[Workspace]) -> Pages:
    """Return what answers a browser."""
    return lambda path, query: answer_page((one.pages for one in server.workspaces()), path, query)


def _clear_remains(context: Context) -> None:
    """Delete what an earlier server was in the middle of."""
    clear_staging(prepare_staging(context.folder))
    for trash in context.tables.glob(".trash-*"):
        shutil.rmtree(trash, ignore_errors=True)
