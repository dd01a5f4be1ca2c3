"""Which workspace a request is for: the one behind its bearer token, or the one that signed its URL."""

from __future__ import annotations

from starlette.requests import Request

from dara_dagster.emulator.core.errors import ApiError
from dara_dagster.emulator.core.signing import PRESIGNED, Signer
from dara_dagster.emulator.server.routing import Call
from dara_dagster.emulator.server.workspaces import Server, W


def read_signed(signer: Signer, call: Call) -> dict[str, str]:
    """Return the values of the presigned URL a call came with; ApiError 403 when it is not valid."""
    return signer.check(call.request.scope["path"].rpartition("/")[2], call.query)


def authenticate(server: Server[W], request: Request) -> W:
    """Return the workspace; ApiError 401 without a token, 403 for a wrong one."""
    path: str = request.scope["path"]
    if path.startswith(PRESIGNED):  # its handler then checks the signature
        signer = path.removeprefix(PRESIGNED).partition("/")[0]
        workspace = server.find_signer(signer)
        if workspace is None:
            raise ApiError(403, "PERMISSION_DENIED", "The signature of the URL is not valid.")
        return workspace
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise ApiError(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type.")
    workspace = server.workspace(token)
    if workspace is None:
        raise ApiError(403, "PERMISSION_DENIED", "Invalid access token.")
    return workspace
