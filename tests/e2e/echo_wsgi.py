"""The application with a few routes more: what the raw requests of the corpus are addressed to."""

from __future__ import annotations

from flask import Response, request

from app import bodies, create_app
from app.extensions import csrf

# No test waits as long as a slow line may need.
bodies.BODY_SECONDS = 2.0
app = create_app()


@app.route("/echo", methods=["GET", "POST"])
def echo() -> Response:
    """Answers with the body."""
    return Response(request.get_data(), content_type="application/octet-stream")


@app.route("/form", methods=["POST"])
def read_form() -> dict[str, int]:
    """Answers how many fields came."""
    return {"fields": len(request.form) + len(request.files)}


csrf.exempt(echo)
csrf.exempt(read_form)


@app.get("/secret")
def show_secret() -> str:
    """A page that no smuggled request may reach."""
    return "SECRET-PAGE"
