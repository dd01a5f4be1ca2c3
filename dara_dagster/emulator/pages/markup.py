"""Builds HTML in which every text is escaped, unless it was built here itself."""

from __future__ import annotations

from html import escape

__all__ = ["Markup", "join", "make_tag"]

_VOID = frozenset({"link", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def join(*parts: str | None) -> Markup:
    """Join the parts; what is not Markup is escaped, None is left out."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts if part))


def make_tag(name: str, /, *children: str | None, **attributes: str) -> Markup:
    """Make `<name attributes>children</name>`; a `_` at the end of an attribute's name is dropped
    (`class_`)."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(v)}"' for key, v in attributes.items())
    opened = f"<{name}{given}>"
    return Markup(opened if name in _VOID else f"{opened}{join(*children)}</{name}>")
