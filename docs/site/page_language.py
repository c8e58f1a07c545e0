"""Hook of mkdocs: tell browsers and screen readers which pages are Chinese; the theme knows one language for all."""

from __future__ import annotations

from typing import Any


def on_post_page(output: str, page: Any, config: object) -> str:
    """Return the page with its own language in its root element."""
    del config
    if not page.file.src_uri.endswith(".zh.md"):
        return output
    before, root, after = output.partition('<html lang="en"')
    if not root:
        raise ValueError(f"{page.file.src_uri} has no root element in English")
    return f'{before}<html lang="zh"{after}'
