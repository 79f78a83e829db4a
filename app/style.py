"""The page that shows every component of the pages, for whoever builds one."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Flask, render_template
from markupsafe import Markup

from app import notes
from app.exceptions import FieldError
from app.forms import FormState

blueprint = Blueprint("style", __name__)

_NOTES: Final = """## A heading

Text with **bold**, *italic*, ~~struck~~, `code` and a [link](https://example.com/).

- a list
- [x] a task that is done
- [ ] one that is not

1. first
2. second

> A quotation.

| Stage | Thrust |
| :-- | --: |
| First | 7,607 kN |

```python
launch(retries=3)  # a comment
```
"""


def init_app(app: Flask) -> None:
    """Takes the application; adds the page."""
    app.register_blueprint(blueprint)


@blueprint.get("/style")
def show_style() -> str:
    """Shows the components. It holds nobody's data, and is for everybody."""
    form = FormState({}, (FieldError("wrong", "required", "A line that is wrong is required."),))
    html = Markup(notes.render(_NOTES))  # noqa: S704 - notes.render gives safe HTML
    # Not as `form`: the title of a page says so if its form is wrong, and this one is not.
    return render_template("style.html", sample=form, notes_html=html)
