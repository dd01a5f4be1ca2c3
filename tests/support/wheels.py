"""A wheel without a build tool: a zip file with one module, its metadata and an entry point."""

from __future__ import annotations

import zipfile
from pathlib import Path

_CODE = """
import sys
from importlib.metadata import version

def main():
    print(version("my_pkg"), sys.argv[1:])
"""


def make_wheel(folder: Path) -> Path:
    """Write my_pkg-0.1, whose entry point `show` prints its version and its arguments."""
    wheel = folder / "my_pkg-0.1-py3-none-any.whl"
    info = "my_pkg-0.1.dist-info"
    files = {
        "my_pkg/__init__.py": _CODE,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: my_pkg\nVersion: 0.1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nshow = my_pkg:main\n",
    }
    names = [*files, f"{info}/RECORD"]
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(names[-1], "".join(f"{name},,\n" for name in names))
    return wheel
