"""Builds a web page that stands alone: no script, nothing from the network, every text escaped."""

from __future__ import annotations

import re
from xml.etree import ElementTree

__all__ = ["POLICY", "Child", "document", "element"]

Child = str | ElementTree.Element | None
# What HTML has no place for: control characters and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --line: #8883; --soft: #8881; --text: #1b1f24; --faint: #5c6670;
  --page: #fff; --own: #b4bcc4; --wait: #e3a83b; --run: #86b6e4; --critical: #1f66b0; --bad: #c93a32; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ec; --faint: #9aa5b0; --page: #14181d;
  --own: #56606b; --wait: #c08a25; --run: #3b6ea3; --critical: #79bcff; --bad: #f0645b; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  max-width: 72rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.45rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
p { margin: .3rem 0; } ul { margin: .3rem 0; padding-left: 1.3rem; }
.faint { color: var(--faint); font-size: .87rem; } .note { color: var(--faint); }
a { color: inherit; text-decoration-color: var(--line); }
.bad { color: var(--bad); } .lead { font-size: 1.05rem; }
table { border-collapse: collapse; width: 100%; }
.wide { overflow-x: auto; } .wide table { min-width: 46rem; }
th, td { text-align: left; padding: .22rem .8rem .22rem 0; border-bottom: 1px solid var(--line);
  vertical-align: middle; }
thead th { font-weight: 600; font-size: .87rem; color: var(--faint); vertical-align: bottom; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.name { overflow-wrap: anywhere; min-width: 8rem; max-width: 19rem; } .critical .name { font-weight: 600; }
.facts th { font-weight: 600; width: 11rem; vertical-align: top; }
.notebook td { font-size: .87rem; color: var(--faint); }
.chart { padding-right: .8rem; width: 55%; } svg { display: block; width: 100%; overflow: visible; }
.gantt td.chart { background: repeating-linear-gradient(90deg, var(--line) 0 1px, transparent 1px var(--step))
  content-box; }
.own { fill: var(--own); } .queue, .setup { fill: var(--wait); } .execution { fill: var(--run); }
.critical .execution { fill: var(--critical); }
.failed .execution, .cancelled .execution { fill: var(--bad); }
.second { fill: var(--critical); } .tick { fill: var(--faint); font-size: 12px; }
.key { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; border-radius: 2px; }
.legend span { margin-right: 1.2rem; white-space: nowrap; } .legend .key { margin-right: .35rem; }
"""


def element(tag: str, /, *children: Child, **attributes: str) -> ElementTree.Element:
    """Make `<tag attributes>children</tag>`; None is left out, and a `_` at the end of a name (`class_`)."""
    made = ElementTree.Element(tag, {key.rstrip("_"): _printable(text) for key, text in attributes.items()})
    for child in children:
        if isinstance(child, ElementTree.Element):
            made.append(child)
        elif child and len(made):
            made[-1].tail = (made[-1].tail or "") + _printable(child)
        elif child:
            made.text = (made.text or "") + _printable(child)
    return made


def document(title: str, *body: Child) -> str:
    """Return the whole page as HTML."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", **{"http-equiv": "Content-Security-Policy", "content": POLICY}),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", _STYLE),
    )
    page = element("html", head, element("body", *body), lang="en")
    return f"<!doctype html>\n{ElementTree.tostring(page, encoding='unicode', method='html')}\n"


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("", text)
