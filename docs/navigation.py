"""Order of the site: tutorial, how-to, rooms, reference; a new page appears by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_FOLDERS = {"tutorial": "Tutorial", "how-to": "How to", "rooms": "Explanation"}
_FIRST_IN_REFERENCE = ("index.md", "tables.md", "commands.md", "api.md")


def on_config(config: Any) -> Any:
    """Give the site its order from the folders as they are."""
    docs = Path(config["docs_dir"])
    nav: list[Any] = [{"Start": "index.md"}]
    for folder, title in _FOLDERS.items():
        found = sorted(path.relative_to(docs).as_posix() for path in (docs / folder).glob("*.md"))
        inner: list[Any] = [*found]
        if folder == "rooms":
            inner.append({"Why it is built like this": "why.md"})
        nav.append({title: inner})
    nav.append({"Reference": [f"reference/{name}" for name in _FIRST_IN_REFERENCE]})
    config["nav"] = nav
    return config
