"""The frame of a run's page: head, style, and the headers that keep it from reaching anything else."""

from __future__ import annotations

import base64
import hashlib

from dara_dagster.emulator.pages.markup import Markup, join, make_tag

__all__ = ["HEADERS", "START_PAGE", "build_document"]

_REFRESH_SECONDS = "2"

_STYLE = Markup(
    """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; } .facts th { width: 9rem; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .7rem;
  overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
pre.error { border-color: #c0392b; }
.badge { font-size: .8rem; font-weight: 600; padding: .15rem .6rem; border-radius: 1rem; color: #fff;
  background: #2471a3; vertical-align: middle; white-space: nowrap; }
.good { background: #1e8449; } .bad { background: #c0392b; } .neutral { background: #7f6000; }
"""
)

# The legacy link has the run behind its #, which no browser sends: this takes it to the run's page.
_TO_THE_RUN = Markup(
    "const run = location.hash.match(/^#job\\/(\\d+)\\/run\\/(\\d+)$/);"
    "if (run) location.replace(`/jobs/${run[1]}/runs/${run[2]}${location.search}`);"
)
_SCRIPT = base64.b64encode(hashlib.sha256(_TO_THE_RUN.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{_SCRIPT}'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def build_document(title: str, body: Markup, *, live: bool = False) -> str:
    """Return a whole page; `live` makes it load itself again every two seconds."""
    head = make_tag(
        "head",
        make_tag("meta", charset="utf-8"),
        make_tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        make_tag("meta", http_equiv="refresh", content=_REFRESH_SECONDS) if live else None,
        make_tag("link", rel="icon", href="data:,"),
        make_tag("title", title),
        make_tag("style", _STYLE),
    )
    return f"<!doctype html>\n{make_tag('html', head, make_tag('body', body), lang='en')}\n"


START_PAGE = build_document(
    "dara: local workspace",
    join(
        make_tag("h1", "The local workspace of dara"),
        make_tag(
            "p", "It only has the pages of its runs. `dara status RUN` and the Dagster UI link to them."
        ),
        make_tag("script", _TO_THE_RUN),
    ),
)
