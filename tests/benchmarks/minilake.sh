#!/usr/bin/env bash
# Runs a workflow against minilake (PyPI), another emulator of Databricks, as shipped: bash tests/benchmarks/minilake.sh
# Seen with 1.9.0: both tasks succeed. Its Python tasks need Docker, so these are SQL files; that it imports
# notebooks and modules can be seen in $place/data/workspace.
set -euo pipefail
place=$(mktemp -d)
uv venv -q "$place/venv" && uv pip install -q --python "$place/venv/bin/python" minilake
MINILAKE_DATA_DIR="$place/data" "$place/venv/bin/minilake" --port 8765 > "$place/log" 2>&1 &
trap "kill $!" EXIT
until curl -sf -H "Authorization: Bearer x" http://127.0.0.1:8765/api/2.0/preview/scim/v2/Me > "$place/me"; do sleep 0.5; done
mkdir -p "$place/project/config/notebooks" && cd "$place/project"
echo '{"name": "tiny", "workspace": "databricks", "notebooks": "notebooks"}' > config/project.json
echo '{"bi": {"cluster_size": "2X-Small"}}' > config/warehouse_config.json
echo 'SELECT 1 AS a;' > config/notebooks/totals.sql
echo 'SELECT 2 AS b;' > config/notebooks/more.sql
cat > config/dependency.json <<'JSON'
[{"file_name": "totals", "format": "sql", "warehouse_name": "bi"},
 {"file_name": "more", "format": "sql", "warehouse_name": "bi", "dependent_on": ["totals"]}]
JSON
DATABRICKS_HOST=http://127.0.0.1:8765 DATABRICKS_TOKEN=x dara run
