"""The tokens that callers give: what each may do, a file of their hashes, sessions, and wrong guesses."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal, get_args

from dara_dagster.errors import DaraError
from dara_dagster.workspace.locks import file_lock

__all__ = [
    "SHORTEST",
    "TOKENS_FILE",
    "Access",
    "Failures",
    "TokenFile",
    "TokenScope",
    "Tokens",
    "kept_secret",
]

TokenScope = Literal["read", "run"]
TOKENS_FILE = "tokens.json"  # in Dagster's home
SHORTEST = 16  # characters of a token that somebody made up
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")
_MOST_CLIENTS = 1024
_FORGOTTEN_SECONDS = 900.0
_LONGEST_DELAY = 8.0
_MOST_WAITING = 10


@dataclass(frozen=True)
class Access:
    """Whose token a request carries and what it may do; the server's own token has no name."""

    name: str | None
    scope: TokenScope


@dataclass(frozen=True)
class _Entry:
    scope: TokenScope
    sha256: str
    created: str


class TokenFile:
    """Named tokens by their SHA-256 hashes, in a file that only its owner can read.

    The tokens are 256 random bits, which no slow hash has to protect. Changes are seen at the next request.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._entries: Mapping[str, _Entry] = {}

    def entries(self) -> Mapping[str, _Entry]:
        """Name -> what is known of the token. Raises DaraError for a file that cannot be read."""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            self._seen, self._entries = None, {}
            return self._entries
        stamp = (now.st_mtime_ns, now.st_size)
        if stamp != self._seen:
            self._entries, self._seen = self._read(), stamp
        return self._entries

    def add(self, name: str, scope: TokenScope) -> str:
        """Make a token and return it; only its hash is kept. Raises DaraError for a name that is taken."""
        if not _NAME.match(name):
            raise DaraError(f"{name[:100]!r}: a name has up to 64 letters, digits and . _ @ -")
        token = f"dara_{secrets.token_urlsafe(32)}"
        with self._changing() as entries:
            if name in entries:
                raise DaraError(f"There is a token {name!r}. `dara token revoke {name}` removes it.")
            created = datetime.now(timezone.utc).isoformat(timespec="seconds")
            entries[name] = _Entry(scope, hashlib.sha256(token.encode()).hexdigest(), created)
        return token

    def revoke(self, name: str) -> None:
        """Forget a token and the sessions begun with it. Raises DaraError when there is none of that name."""
        with self._changing() as entries:
            if entries.pop(name, None) is None:
                known = ", ".join(sorted(entries)) or "none"
                raise DaraError(f"There is no token {name[:100]!r}. There are: {known}.")

    @contextmanager
    def _changing(self) -> Iterator[dict[str, _Entry]]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(self._path.with_suffix(".lock"), timeout=30):
            entries = dict(self.entries())
            yield entries
            text = json.dumps({name: asdict(entry) for name, entry in entries.items()}, indent=2)
            new = self._path.with_suffix(".new")
            new.unlink(missing_ok=True)
            new.touch(mode=0o600)
            new.write_text(text + "\n", encoding="utf-8")
            new.replace(self._path)

    def _read(self) -> Mapping[str, _Entry]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            entries = {name: _Entry(**entry) for name, entry in found.items()}
        except OSError as error:
            raise DaraError(f"{self._path} cannot be read: {error.strerror}.") from None
        except (ValueError, TypeError, AttributeError):
            entries = {"": _Entry("read", "", "")}
        if not all(name and entry.scope in get_args(TokenScope) for name, entry in entries.items()):
            raise DaraError(f"{self._path} is not a file of tokens. Delete it and add them again.")
        return entries


class Tokens:
    """What a caller may give: the server's own token, or one of the named ones.

    `secret` makes the session cookies of browsers: without it, nobody who reads the hashes can make one.
    """

    def __init__(
        self, own: str | None = None, file: TokenFile | None = None, secret: bytes | None = None
    ) -> None:
        self._own = hashlib.sha256(own.encode()).hexdigest() if own else None
        self._file, self._secret = file, secret or os.urandom(32)

    def asked_for(self) -> bool:
        """Return whether a caller has to give a token."""
        return bool(self._hashes())

    def find(self, given: str) -> Access | None:
        """Return whose token it is; takes as long for a wrong one as for a right one."""
        digest = hashlib.sha256(given.encode(errors="replace")).hexdigest()
        found = None
        for access, known in self._hashes().items():
            if hmac.compare_digest(digest, known):
                found = access
        return found

    def session(self, access: Access, until: int) -> str:
        """Return a cookie that holds until then; who has it does not learn the token from it."""
        return self._session(access, self._hashes()[access], str(until))

    def find_session(self, cookie: str) -> Access | None:
        """Return whose session it is, None for one that has ended, or whose token is gone."""
        until, _, _ = cookie.partition(".")
        found = None
        for access, known in self._hashes().items():
            if hmac.compare_digest(
                cookie.encode(errors="replace"), self._session(access, known, until).encode()
            ):
                found = access
        return found if found is not None and int(until) > time.time() else None

    def _session(self, access: Access, digest: str, until: str) -> str:
        text = f"session {access.name} {access.scope} {digest} {until}"
        return f"{until}.{hmac.new(self._secret, text.encode(errors='replace'), hashlib.sha256).hexdigest()}"

    def _hashes(self) -> Mapping[Access, str]:
        named = self._file.entries() if self._file is not None else {}
        found = {Access(name, entry.scope): entry.sha256 for name, entry in named.items()}
        return {**({Access(None, "run"): self._own} if self._own else {}), **found}


class Failures:
    """Counts wrong tokens by client, for a bounded number of clients; each makes the next answer slower."""

    def __init__(self, first_delay: float = 0.5) -> None:
        self._first_delay = first_delay
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._waiting: dict[str, int] = {}

    def note(self, client: str) -> tuple[int, float]:
        """Count one; how many there have been in a row, and the seconds to wait before the answer."""
        count, at = self._counts.pop(client, (0, 0.0))
        count = count + 1 if time.monotonic() - at < _FORGOTTEN_SECONDS else 1
        self._counts[client] = count, time.monotonic()
        if len(self._counts) > _MOST_CLIENTS:
            self._counts.popitem(last=False)
        return count, min(self._first_delay * 2 ** min(count - 1, 10), _LONGEST_DELAY)

    def forget(self, client: str) -> None:
        """Forget the wrong tokens that came from there: a right one has come."""
        self._counts.pop(client, None)

    @contextmanager
    def waiting(self, client: str) -> Iterator[bool]:
        """Count one more waiting answer to the client while open; False when too many wait already."""
        number = self._waiting.get(client, 0)
        if number >= _MOST_WAITING:
            yield False
            return
        self._waiting[client] = number + 1
        try:
            yield True
        finally:
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client]


def kept_secret(path: Path, prefix: str = "") -> str:
    """Return a random text kept in a file that only its owner can read, behind the prefix; made when it is
    missing.

    Raises DaraError for a file that holds something else, or that others can read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        text = path.read_text(encoding="utf-8").strip()
        if path.stat().st_mode & 0o077 or not text.startswith(prefix) or len(text) < len(prefix) + SHORTEST:
            raise DaraError(f"{path} can be read by others, or holds something else. Delete it.") from None
        return text.removeprefix(prefix)
    made = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{prefix}{made}\n")
    return made
