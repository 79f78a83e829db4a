"""What can be wrong with stored files and with what is uploaded."""

from __future__ import annotations

from app.exceptions import ConflictError, SlipwayError, UnavailableError
from app.files.sizes import describe_size
from app.language import say

STORAGE_DOWN = say("The storage of files cannot be reached now. Nothing was changed; try again.")
STORAGE_FULL = say("The storage of files is full. Nothing was changed.")


class StorageError(UnavailableError):
    """The storage of files cannot do now what it was asked; the log says why."""

    code = "storage_unavailable"

    def __init__(self, message: str = STORAGE_DOWN) -> None:
        super().__init__(message)


class FileTooLargeError(SlipwayError):
    """A file has more bytes than one may have."""

    status = 413
    code = "file_too_large"
    title = "File too large"

    def __init__(self, limit: int) -> None:
        super().__init__(say("A file may have at most {limit}.", limit=describe_size(limit)))


class QuotaError(ConflictError):
    """The files of the tenant would take more room than it has."""

    code = "quota_exceeded"
    title = "No room left"

    def __init__(self, quota: int, used: int) -> None:
        super().__init__(
            say(
                "Your organisation has room for {quota} of files, and {used} of it are taken. Delete files first.",
                quota=describe_size(quota),
                used=describe_size(used),
            )
        )
