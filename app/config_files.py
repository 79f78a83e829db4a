"""The files that the settings speak of: the generated secret key, and where the embedded Valkey listens."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from app.config_values import SECRET_KEY_LENGTH, SOCKET_PATH_BYTES, ConfigError

# Every process must find the same socket, and TMPDIR differs between a terminal, a service and a cron job.
_SHORT_DIRECTORY = Path("/tmp")  # noqa: S108 - the directory made in it is private


def find_socket(data_dir: Path) -> Path:
    """Takes the data directory; gives the path of Valkey's socket, in a place of its own if it would be too long."""
    path = data_dir / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return _SHORT_DIRECTORY / f"slipway-{os.getuid()}-{digest}" / "valkey.sock"


def prepare_socket_directory(directory: Path, data_dir: Path) -> None:
    """Makes the socket's directory. Raises ConfigError if it fails, or that is somebody else's."""
    if directory == data_dir:
        return
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise ConfigError(f"DATA_DIR is too long for a socket, and its short stand-in fails: {error}") from error
    # Anybody may make a directory here first; whoever owns it would own the queue.
    if found.st_uid != os.getuid() or found.st_mode & 0o170077 != 0o040000:
        raise ConfigError(f"DATA_DIR is too long for a socket, and {directory} is not a directory of this user alone")


def read_secret(path: Path) -> str:
    """Gives the generated secret key. Raises ConfigError if that does not exist yet or is damaged."""
    try:
        secret = path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(f"SECRET_KEY is not set, and {path} cannot be read: {error}") from error
    if len(secret) < SECRET_KEY_LENGTH:
        raise ConfigError(f"SECRET_KEY is not set, and {path} has fewer than {SECRET_KEY_LENGTH} characters")
    return secret


def write_secret_once(path: Path) -> None:
    """Makes the secret key unless it exists: under a lock and by a rename, so nobody reads half of it."""
    if not path.exists():
        with open(path.with_suffix(".lock"), "w", opener=_open_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                # The temporary file is private (0600) from its first moment.
                with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as draft:
                    draft.write(secrets.token_hex(32))
                    draft.flush()
                    os.fsync(draft.fileno())
                Path(draft.name).replace(path)
    read_secret(path)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
