"""Hook of mkdocs: give each page its own language, in its root element and in the theme's words, such as "Search"."""

from __future__ import annotations

from typing import Any

THE_SITES = "en"
# Titles that mkdocs.yml gives to the theme, in the words of Chinese pages.
_CHINESE = {"Dark colours": "深色", "Light colours": "浅色", "Permanent link": "本节链接"}


def on_page_context(context: Any, page: Any, config: Any, nav: object) -> Any:
    """Have the theme, which knows one language for all pages, write this page in its own."""
    del nav
    config.theme["language"] = "zh" if page.file.src_uri.endswith(".zh.md") else THE_SITES
    return context


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Return a page as it is, in its own language; what the theme writes after it is in the site's.

    Raises:
        ValueError: the root element names another language.
    """
    language, config.theme["language"] = config.theme["language"], THE_SITES
    if f'<html lang="{language}"' not in output:
        raise ValueError(f"{page.file.src_uri} has no root element in its language, {language}")
    if language == "zh":
        for title, translated in _CHINESE.items():
            output = output.replace(f'="{title}"', f'="{translated}"')
    return output
