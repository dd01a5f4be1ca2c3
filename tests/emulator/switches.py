"""The switches of a workspace under /__emulator/, as tests use them."""

from __future__ import annotations

from typing import Any

from tests.conftest import Emulator


class Switches:
    def __init__(self, emulator: Emulator, token: str) -> None:
        self._emulator, self._token = emulator, token

    def __call__(self, method: str, path: str, /, **body: Any) -> Any:
        return self._emulator.admin(method, path, body, token=self._token)

    def made(self) -> int:
        return int(self("GET", "stats")["runs_created"])

    def calls(self, route: str) -> int:
        return int(self("GET", "stats")["calls"].get(route, 0))
