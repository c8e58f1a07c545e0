"""The repository's own promises: what lies at its top, what its README tells, that it is nobody's machine."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tinysine.extras import PACKAGES
from tinysine.settings import SETTINGS

ROOT = Path(__file__).parents[1]

TOP_LEVEL = {
    "tinysine",
    "firmware",
    "hil_tests",
    "farm_tests",
    "unit_tests",
    "docs",
    "examples",
    "benchmarks",
    "trust",
    "conftest.py",
    "mkdocs.yml",
    "tox.ini",
    "pyproject.toml",
    "README.md",
    "README.zh.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
}
DOT_FILES = {".ci", ".github", ".clang-format", ".gitignore", ".gitattributes"}

# Where people keep what is theirs; the rest of a file system is everybody's.
SOMEBODYS_PATH = re.compile(rb"(?<![\w.~/-])/(?:home|root|Users|work|opt|mnt)/[\w.-]+")


def tracked_files() -> list[Path]:
    """Every file under version control that is there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so nothing says which files belong to it")
    return [
        ROOT / name.decode()
        for name in listed.stdout.split(b"\0")
        if name and (ROOT / name.decode()).is_file()
    ]


def test_top_level_is_exactly_what_was_agreed() -> None:
    """Nothing lies at the top but what a newcomer is told about."""
    names = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL
    assert {name for name in names if name.startswith(".")} <= DOT_FILES
    assert {".ci", ".github"} <= names


def test_no_file_knows_somebodys_computer() -> None:
    """No tracked file names an absolute path of the computer it was written on."""
    found = {}
    for path in tracked_files():
        content = path.read_bytes()
        if (
            path != Path(__file__)
            and b"\0" not in content[:1024]
            and (match := SOMEBODYS_PATH.search(content))
        ):
            found[str(path.relative_to(ROOT))] = match.group().decode()
    assert found == {}


def test_readme_tells_two_commands() -> None:
    """The main job and the tests are one command each, and both are in the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert 'pip install ".[all]" && tinysine run' in readme
    assert "pip install tox tox-uv && tox" in readme


def test_readme_links_lead_somewhere() -> None:
    """Every relative link of the pages at the top exists."""
    for page in ("README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (ROOT / target).exists(), f"{page} links to {target}"


def test_readme_names_every_setting_of_the_plugin() -> None:
    """The README's table has a row for each setting, with its option and its variable."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for setting in SETTINGS:
        assert f"| `{setting.option}` | `{setting.variable}` |" in readme, setting.name


def test_ci_runs_the_readmes_test_command() -> None:
    """CI does what the README says: the same command, in the script and through it in the workflow."""
    assert "\npip install tox tox-uv && tox\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "run: .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


def test_tox_has_the_promised_environments() -> None:
    """`tox` alone runs lint, types, unit and hil; hil-board and bench are there for those who ask."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    assert [name.strip() for name in tox["tox"]["env_list"].split(",")] == ["lint", "types", "unit", "hil"]
    for name in (
        "lint",
        "types",
        "unit",
        "hil",
        "long",
        "notebook",
        "site",
        "package",
        "hil-slow",
        "hil-board",
        "trust",
        "bench",
    ):
        assert f"testenv:{name}" in tox
    assert "TINYSINE_*" in tox["testenv:hil-board"]["pass_env"]


def test_what_tox_leaves_out_has_an_environment_that_ci_runs() -> None:
    """No test is lost: each marker that unit leaves out is the whole choice of another environment."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    left_out = re.findall(r"not (\w+)", tox["testenv:unit"]["commands"])
    assert left_out == ["long", "notebook"]
    for name in left_out:
        assert f"pytest unit_tests -m {name} " in tox[f"testenv:{name}"]["commands"]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    run = [
        name for names in re.findall(r"(?m)^[^#\n]*\btox .*-e (\S+)$", script) for name in names.split(",")
    ]
    others = ["site", "package", "hil-slow", "farm", "trust", "bare", "py312", "py313"]
    assert sorted(run) == sorted([*left_out, *others])
    # What the package says that it runs on has been tried: 3.11 is what everything else runs on here.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = {name.rpartition(" ")[2] for name in project["classifiers"] if ":: Python :: 3." in name}
    assert versions == {"3.11", "3.12", "3.13"}


def test_extras_are_the_promised_ones() -> None:
    """The base install verifies on a twin, and carries none of the heavy packages; `all` is the sum of the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert set(extras) == {"train", "tflm", "engines", "notebook", "test", "all", "dev"}
    assert extras["all"] == ["tinysine[train,tflm,engines,notebook,test]"]
    base = {re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]}
    assert {"ai-edge-litert", "unicorn", "ziglang"} <= base
    assert base.isdisjoint({"tensorflow", "matplotlib", "pytest", "hypothesis", "jupyterlab"})


def test_extras_have_the_same_names_everywhere() -> None:
    """In messages, pages, notebooks and workflows: each exists, and README says what it is for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = set(project["optional-dependencies"])
    told = re.compile(r"(?:\btinysine|install\b[^\n\[]*|found\[-1\]\})\[([a-z]+(?:,[a-z]+)*)\]")
    named: dict[str, set[str]] = {}
    for path in tracked_files():
        if (
            path.suffix in {".py", ".md", ".ipynb", ".yml", ".toml", ".ini", ".html"}
            and "test_" not in path.name
        ):
            for names in told.findall(path.read_text(encoding="utf-8")):
                for name in names.split(","):
                    named.setdefault(name, set()).add(path.name)
    assert {"train", "tflm", "all"} <= set(named)
    assert set(named) - known == set(), named
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = set(
        re.findall(r"^\| `([a-z]+)` \|", readme.partition("| extra |")[2].partition("\n\n")[0], re.MULTILINE)
    )
    assert rows == known - {"dev"}


def test_packages_are_brought_by_their_extras() -> None:
    """A message that names an extra is right: that extra has the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = {"": project["dependencies"], **project["optional-dependencies"]}
    for package in PACKAGES:
        if package.name != "pytest":  # which a user installs beside tinysine
            assert any(re.match(rf"{package.name}\b", line) for line in brought[package.extra]), package


# A docstring that begins so is no sentence, and hard to read for readers whose English is a second language.
QUESTION_WORDS = {"What", "Whether", "How", "Why", "Who", "Whose", "Which", "Where", "When", "That"}


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    """No docstring of a module, class, function or attribute begins with a question word."""
    wrong = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                first = str(node.value.value).split(maxsplit=1)[:1]
                if QUESTION_WORDS.intersection(first):
                    wrong.append(f"{name}:{node.lineno}")
    assert wrong == []


def test_no_error_is_made_its_own_cause() -> None:
    """`raise better or error from error` does that where there is no better one; `raise_as` does not."""
    ring = re.compile(r"raise .* or (\w+) from \1\b")
    for path in tracked_files():
        if path.suffix == ".py" and path.parts[len(ROOT.parts)] in {"tinysine", "trust", "benchmarks"}:
            assert not ring.search(path.read_text(encoding="utf-8")), path
