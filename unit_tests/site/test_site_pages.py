"""The pages of the site that are made: each is of the declarations of the program, and each link leads somewhere."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tinysine.commands.app import built
from tinysine.errors import ConfigError, TinysineError
from tinysine.remedies import REMEDIES
from tinysine.settings import OF_THE_COMPUTER, SETTINGS
from tinysine.variables import check_variables

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"
NAMES = (
    "api_pages",
    "cli_page",
    "errors_page",
    "marks",
    "notebook_page",
    "page_language",
    "repository_links",
    "settings_page",
)


@pytest.fixture(scope="module")
def site() -> Iterator[dict[str, ModuleType]]:
    """The modules that make the pages, which are no part of the package; forgotten afterwards."""
    sys.path.insert(0, str(SITE))
    try:
        yield {name: importlib.import_module(name) for name in NAMES}
    finally:
        sys.path.remove(str(SITE))
        for name in NAMES:
            sys.modules.pop(name, None)


@pytest.mark.parametrize(("uri", "language"), [("verdict.zh.md", "zh"), ("verdict.md", "en")])
def test_a_page_is_in_its_own_language(site: dict[str, ModuleType], uri: str, language: str) -> None:
    """The theme writes a Chinese page in Chinese, and the pages after it in English again."""
    hook = site["page_language"]
    page, config = SimpleNamespace(file=SimpleNamespace(src_uri=uri)), SimpleNamespace(theme={})
    assert hook.on_page_context({"title": "x"}, page, config, None) == {"title": "x"}
    assert config.theme == {"language": language}
    output = f'<!doctype html>\n<html lang="{language}" class="no-js">\n</html>'
    assert hook.on_post_page(output, page, config) == output
    assert config.theme == {"language": "en"}
    hook.on_page_context({}, page, config, None)
    with pytest.raises(ValueError, match=f"in its language, {language}"):
        hook.on_post_page(output.replace(language, "fr"), page, config)


def test_pictures_of_a_notebook_have_words(site: dict[str, ModuleType]) -> None:
    """A reader who sees none hears the heading above it, not "png"."""
    text = "# 教程\n\n![png](0.png)\n\n## 2. 数据\n\n```python\n# draw\nx\n```\n\n![png](1.png)\n\n![png](2.png)\n"
    named = text.replace("![png](0", "![教程](0").replace("![png]", "![2. 数据]")
    assert site["notebook_page"].with_words(text) == named


def test_every_page_has_a_place_in_the_navigation() -> None:
    """A page that is added to docs/ is put into mkdocs.yml."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    placed = set(re.findall(r"[\w./-]+\.md", navigation))
    written = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert written <= placed
    made = {
        "index.md",
        "index.zh.md",
        "contributing.md",
        "changelog.md",
        "cli.md",
        "settings.md",
        "errors.md",
        "python.md",
    }
    assert placed - written == made | {f"{book.stem}.md" for book in (ROOT / "docs").glob("*.ipynb")}


def test_the_page_of_commands_has_all_of_help(site: dict[str, ModuleType]) -> None:
    """Every command that is not hidden, with every option of its own and every example."""
    sections = dict(
        re.findall(r"^## tinysine ([\w-]+)\n(.*?)(?=^## |\Z)", site["cli_page"].page(), re.M | re.S)
    )
    shown = {name: command for name, command in built().commands.items() if not command.hidden}
    assert list(sections) == list(shown)
    for name, command in shown.items():
        for param in command.params:
            assert all(option in sections[name] for option in param.opts if option.startswith("-")), (
                param.opts
            )
        examples = re.findall(rf"^  (tinysine {name}\b.*)$", command.help or "", re.M)
        assert examples
        assert all(f"\n{example}" in sections[name] for example in examples)


def test_the_page_of_settings_has_every_setting(site: dict[str, ModuleType]) -> None:
    """With its variable, its default and who takes it."""
    page = site["settings_page"].page()
    for setting in SETTINGS:
        section = re.search(rf"^## {setting.name}\n(.*?)(?=^## )", page, re.M | re.S)
        assert section is not None
        assert f"`{setting.variable}`" in section[1]
        assert f"`{setting.option}`" in section[1]
        assert setting.default in section[1]
        assert "(cli.md#tinysine-" in section[1] or setting.name == "boards"


def test_the_page_of_settings_tells_the_truth_about_variables(site: dict[str, ModuleType]) -> None:
    """It has each variable that means something, and its example of one that is refused is refused; others are not."""
    page = site["settings_page"].page()
    for name in (setting.variable for setting in (*SETTINGS, *OF_THE_COMPUTER)):
        assert f"`{name}`" in page
    (example,) = re.findall(r"such as `(TINYSINE_\w+)`, is refused", page)
    with pytest.raises(ConfigError, match=example):
        check_variables({example: "host"})
    check_variables({"TINYSINE_QUITE_ANOTHER_MATTER": "1"})


def test_the_page_of_errors_has_every_error_and_message(site: dict[str, ModuleType]) -> None:
    """A message that stands in the source is found on the page, under its error."""
    page = site["errors_page"].page(ROOT / "tinysine")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    assert set(sections) == {kind.__name__ for kind in REMEDIES}
    for kind, remedies in REMEDIES.items():
        for remedy in remedies:
            assert site["marks"].prose(remedy.cause) in sections[kind.__name__]
    assert "port NAME vanished while in use" in sections["PortUnavailable"]
    assert "is in use by HOLDER" in sections["LeaseHeld"]
    assert page.count("\n    | ") > 250
    assert TinysineError.__name__ not in sections


def test_links_lead_to_pages(site: dict[str, ModuleType]) -> None:
    """From a page of the repository to one of the site; what has none gets one; links within code are left alone."""
    links = site["repository_links"]
    sources: dict[str, object] = {}
    text = "[a](../README.md#x) [b](boards.md) [c](../trust/page.py) [d](https://x.y) [e](#f) [g](tutorial.ipynb)\n"
    text += "```\n[h](i.md)\n```"
    led = links.relink(text, "docs/fixtures.md", "fixtures.md", sources)
    assert led == (
        "[a](index.md#x) [b](boards.md) [c](source/trust/page.py.md) [d](https://x.y) [e](#f) [g](tutorial.md)\n"
        "```\n[h](i.md)\n```"
    )
    assert list(sources) == ["source/trust/page.py.md"]
    assert (
        links.relink("[a](docs/nightly/README.md)", "README.md", "index.md", sources)
        == "[a](nightly/README.md)"
    )
    assert (
        links.relink("[a](../boards.md)", "docs/nightly/README.md", "nightly/README.md", sources)
        == "[a](../boards.md)"
    )
    shown = links.source_page(ROOT, links.Source("trust/page.py"))
    assert '```python\n"""Tables in the pages of docs/' in shown


def test_every_public_module_has_a_page(site: dict[str, ModuleType]) -> None:
    """Its names come from its docstrings; the list says what each module has."""
    pages = site["api_pages"].pages(ROOT / "tinysine")
    assert {"python.md", "api/device.md", "api/testing.md", "api/evidence.md"} <= set(pages)
    for uri in pages.keys() - {"python.md"}:
        name = uri.removeprefix("api/").removesuffix(".md")
        importlib.import_module(f"tinysine.{name}")
        assert f"](api/{name}.md) | " in pages["python.md"]
