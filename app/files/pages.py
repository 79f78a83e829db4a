"""What pages show of files: from rows to what a template needs, sizes in words."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

from app.files.models import ReleaseFile
from app.files.serializers import find_path
from app.files.sizes import describe_size

_MD5_LENGTH = 32


def build_rows(files: Iterable[ReleaseFile]) -> list[SimpleNamespace]:
    """Gives the files of a release as its page lists them."""
    return [
        SimpleNamespace(
            id=file.id,
            name=file.name,
            url=file.url,
            size=describe_size(file.size),
            downloads=file.downloads,
            **_choose_checksum(file),
            secured=file.secured,
            is_external=file.blob_id is None,
        )
        for file in files
    ]


def build_customer_rows(files: Iterable[ReleaseFile], *, is_restricted: bool) -> list[SimpleNamespace]:
    """Gives the files of a release as customers see them: with an address if they are open to everybody."""
    return [
        SimpleNamespace(
            name=file.name,
            size=describe_size(file.size),
            sha256=file.sha256,
            href=None if file.secured or is_restricted else find_path(file),
        )
        for file in files
    ]


def _choose_checksum(file: ReleaseFile) -> dict[str, str]:
    """Gives the better one of what was computed here, or the one that was named."""
    if file.sha256:
        return {"algorithm": "SHA-256", "checksum": file.sha256}
    return {"algorithm": "MD5" if len(file.checksum) == _MD5_LENGTH else "SHA-256", "checksum": file.checksum}
