"""Packages of a task: %pip install, and what its spec lists."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.emulator.task.task_processes import Tasks


def wheel(folder: Path, value: int, requires: str = "") -> Path:
    """A wheel `boxes` 1.0 with one module that holds a value."""
    folder.mkdir(parents=True, exist_ok=True)
    file, info = folder / "boxes-1.0-py3-none-any.whl", "boxes-1.0.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("boxes.py", f"VALUE = {value}\ndef go():\n    print('value', VALUE)\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: boxes\nVersion: 1.0\n{needs}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\ngo = boxes:go\n")
        archive.writestr(f"{info}/RECORD", "")
    return file


def test_pip_installs_a_wheel_of_a_volume_for_this_task_only(tasks: Tasks) -> None:
    place = tasks.tables / "main/default/_volumes/wheels"
    install = "%pip install -q /Volumes/main/default/wheels/boxes-1.0-py3-none-any.whl"
    for value in (1, 2):  # the same name and version with other content is another package
        wheel(place, value)
        ended = tasks.notebook(install, "import boxes\nprint('value', boxes.VALUE)")
        assert ended.log.splitlines()[-1] == f"value {value}", ended.log
    assert "No module named 'boxes'" in tasks.notebook("import boxes").error


def test_what_cannot_be_installed_fails_the_cell_in_one_line(tasks: Tasks) -> None:
    missing = tasks.notebook("%pip install ./nothing-1.0-py3-none-any.whl")
    assert missing.error == "InstallError: There is no file ./nothing-1.0-py3-none-any.whl."
    wheel(tasks.workspace / "Shared", 3, requires="pandas<1")
    conflict = tasks.notebook("x = 1", "%pip install ./boxes-1.0-py3-none-any.whl")
    assert conflict.error.startswith(
        "InstallError: Could not install ./boxes-1.0-py3-none-any.whl: No sol"
    ), conflict.log
    assert "pandas" in conflict.error and "cell 2" in conflict.trace
    assert tasks.notebook("%pip uninstall pandas").error.startswith("NotSupportedLocally: %pip uninstall")


def test_packages_of_the_spec_are_there_before_the_code(tasks: Tasks, tmp_path: Path) -> None:
    file = wheel(tmp_path, 4)
    ended = tasks.run("wheel", "boxes", text="go", packages=[str(file)])
    assert ended.log == "value 4\n", ended.trace
    wheel(tmp_path, 5, requires="pandas<1")
    broken = tasks.run("wheel", "boxes", text="go", packages=[str(file)])
    assert broken.result["code"] == "LIBRARY_INSTALLATION_ERROR"
    assert broken.result["lost"].startswith(
        "Library installation failed for library due to user error. Could"
    )
