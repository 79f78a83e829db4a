"""The WSGI entry: ``gunicorn wsgi:app`` and ``flask --app wsgi``."""

import sys

from app import create_app
from app.config import ConfigError

# gunicorn starts a worker that fails with any other code again and again, for ever.
_BOOT_FAILED = 3

try:
    app = create_app()
except ConfigError as error:
    # One line that names the variable; a traceback would only bury it.
    sys.stderr.write(f"slipway: {error}\n")
    sys.exit(_BOOT_FAILED)
