"""Folders as sensors see them: odd names, links, what comes and goes, and listings over several ticks."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from databricks.sdk.service.catalog import VolumeType

from dara_dagster.errors import FileError
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.listing import Listing, Place, list_folder, list_volume
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE

VOLUME = "/Volumes/main/default/inbox"
ODD = ["a b.csv", "100% sure.csv", "a%20b.csv", "ü#?&.csv", "日本 $x.csv", "e\u0301.csv", "a'\"b.csv"]


def names(listing: Listing) -> list[str]:
    return sorted(file.path.rpartition("/")[2] for file in listing.files)


@pytest.fixture
def volume(workspace: Workspace, emulator: Emulator) -> Path:
    """An empty volume as the folder that stands for it on disk."""
    workspace.client.volumes.create("main", "default", "inbox", VolumeType.MANAGED)
    mark = f"{os.urandom(8).hex()}.mark"
    workspace.client.files.upload(f"{VOLUME}/{mark}", io.BytesIO())
    (file,) = emulator.data.glob(f"workspaces/*/tables/main/default/_volumes/inbox/{mark}")
    file.unlink()
    return file.parent


def ticks(workspace: Workspace, short: int) -> list[Listing]:
    """Listings from the start to the end, `short` of them of one new page each, the last of all the rest."""
    found: list[Listing] = []
    queue: tuple[Place, ...] = ()
    for seconds in [*[0.0] * short, 60.0]:
        found.append(list_volume(workspace, VOLUME, ["*.csv"], recursive=True, queue=queue, seconds=seconds))
        queue = found[-1].queue
    assert queue == ()
    return found


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_found_in_a_folder_and_in_a_volume(
    workspace: Workspace, volume: Path, tmp_path: Path, name: str
) -> None:
    for root in (volume, tmp_path):
        (root / f"50% {name}").mkdir()
        (root / f"50% {name}" / name).write_text("x")
    local = list_folder(tmp_path, ["*.csv"], recursive=True)
    remote = list_volume(workspace, f"{VOLUME}/", ["*.csv"], recursive=True, seconds=PATIENCE)
    assert [(file.path, file.size) for file in local.files] == [(f"{tmp_path}/50% {name}/{name}", 1)]
    assert [(file.path, file.size) for file in remote.files] == [(f"{VOLUME}/50% {name}/{name}", 1)]


def test_a_name_that_is_no_text_is_left_out_and_reported(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")).touch()
    listing = list_folder(tmp_path, ["*"], recursive=True)
    assert (names(listing), listing.left_out) == (["a.csv"], (r"'\udcff.csv'",))


def test_links_are_passed_over_unless_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a" / "sub").mkdir(parents=True)
    (tmp_path / "own.csv").touch()
    secret = tmp_path / "a" / "secret.csv"
    secret.touch()
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "plain.csv").touch()
    (inbox / "secret.csv").symlink_to(secret)
    (inbox / "folder").symlink_to(tmp_path / "a")
    assert names(list_folder(inbox, ["*.csv"], recursive=True)) == ["plain.csv"]
    followed = list_folder(inbox, ["*.csv"], recursive=True, follow_links=True)
    assert names(followed) == ["plain.csv", "secret.csv", "secret.csv"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    inbox, elsewhere = tmp_path / "inbox", tmp_path / "elsewhere"
    for folder in (inbox / "sub", elsewhere):
        folder.mkdir(parents=True)
        (folder / f"{folder.name}.csv").touch()
    (inbox / "loop").symlink_to(inbox)
    (inbox / "sub" / "up").symlink_to("..")
    (inbox / "other").symlink_to(elsewhere)
    (inbox / "itself.csv").symlink_to("itself.csv")
    (inbox / "nowhere.csv").symlink_to("gone")
    os.mkfifo(inbox / "pipe.csv")
    assert names(list_folder(inbox, ["*.csv"], recursive=True, follow_links=True)) == [
        "elsewhere.csv",
        "sub.csv",
    ]
    (tmp_path / "link").symlink_to(inbox)
    assert names(list_folder(tmp_path / "link", ["*.csv"], recursive=False, follow_links=True)) == []
    assert names(list_folder(tmp_path / "link", ["*.csv"], recursive=True, follow_links=True)) == [
        "elsewhere.csv",
        "sub.csv",
    ]


def test_a_file_fits_when_one_of_the_patterns_does(tmp_path: Path) -> None:
    for name in ("a.csv", "b.CSV", "c.json", "d.txt"):
        (tmp_path / name).touch()
    assert names(list_folder(tmp_path, ["*.csv", "?.json", "a*"], recursive=False)) == ["a.csv", "c.json"]


def test_a_listing_continues_where_it_stopped_however_many_subfolders_wait(
    workspace: Workspace, volume: Path
) -> None:
    for number in range(1_200):  # the names of the subfolders alone are two pages
        (volume / f"{number:04}").mkdir()
    for place in ("0000/deep/er", "0007", "1150/deep", "."):
        (volume / place).mkdir(parents=True, exist_ok=True)
        (volume / place / f"{place.replace('/', '-')}.csv").touch()
    listings = ticks(workspace, short=40)
    found = {name for listing in listings for name in names(listing)}
    assert found == {"0000-deep-er.csv", "0007.csv", "1150-deep.csv", "..csv"}
    assert max(len(listing.queue) for listing in listings) <= 5


def test_what_goes_while_a_listing_is_under_way_is_passed_over(workspace: Workspace, volume: Path) -> None:
    for name in ("a", "b", "c"):
        (volume / name).mkdir()
        (volume / name / f"{name}.csv").touch()
    first = list_volume(workspace, VOLUME, ["*"], recursive=True, seconds=0.0)
    (volume / "a" / "a.csv").unlink()
    (volume / "a").rmdir()
    rest = list_volume(workspace, VOLUME, ["*"], recursive=True, queue=first.queue, seconds=PATIENCE)
    assert (names(rest), rest.queue) == (["b.csv", "c.csv"], ())
    gone = list_volume(workspace, VOLUME, ["*"], recursive=True, queue=[Place(f"{VOLUME}/a")], seconds=0.0)
    assert gone == Listing(())
    with pytest.raises(FileError, match=r"inbox/a cannot be listed: NOT_FOUND"):
        list_volume(workspace, f"{VOLUME}/a", ["*"], recursive=True, seconds=0.0)


def test_a_page_token_that_has_become_invalid_starts_the_folder_anew(
    workspace: Workspace, volume: Path, emulator: Emulator, workspace_token: str
) -> None:
    for number in range(1_500):
        (volume / f"{number}.csv").touch()
    first = list_volume(workspace, VOLUME, ["*"], recursive=False, seconds=0.0)
    fault = {"method": "GET", "path": "/api/2.0/fs/directories*", "kind": "status", "count": 1}
    refusal = {"status": 400, "error_code": "INVALID_PARAMETER_VALUE", "message": "page_token"}
    emulator.admin("POST", "faults", {**fault, **refusal}, token=workspace_token)
    rest = list_volume(workspace, VOLUME, ["*"], recursive=False, queue=first.queue, seconds=PATIENCE)
    assert (len(rest.files), rest.queue) == (1_500, ())


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_a_failure_at_the_second_page_fails_the_look(
    workspace: Workspace, volume: Path, emulator: Emulator, workspace_token: str, status: int
) -> None:
    for number in range(1_100):
        (volume / f"{number}.csv").touch()
    fault = {"method": "GET", "path": "/api/2.0/fs/directories*", "kind": "status", "skip": 1, "count": 1}
    emulator.admin("POST", "faults", {**fault, "status": status}, token=workspace_token)
    with pytest.raises(FileError, match="inbox cannot be listed"):
        list_volume(workspace, VOLUME, ["*"], recursive=False, seconds=PATIENCE)
    assert len(list_volume(workspace, VOLUME, ["*"], recursive=False, seconds=PATIENCE).files) == 1_100
