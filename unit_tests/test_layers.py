"""The house has floors: imports go downward only, and nothing goes round in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tinysine"

# From the top floor to the ground floor; each imports only from those after it.
LAYERS = (
    "cli",
    "pytest_plugin",
    "reports",
    "bench",
    "history",
    "verify",
    "evidence",
    "testing",
    "rigs",
    "farm",
    "flashing",
    "device",
    "place",
    "profiling",
    "emulation",
    "image",
    "codegen",
    "tasks",
    "verdicts",
    "oracles",
    "stimuli",
    "link",
    "boards",
    "graph",
    "model",
    "tflite",
    "fixed_point",
    "quantization",
    "zoo",
    "training",
    "plots",
    "training_defaults",
    "runtime_folder",
    "variables",
    "settings",
    "result_files",
    "report_file",
    "whole_files",
    "process_guard",
    "fair_clock",
    "processes",
    "elf_file",
    "tensor_values",
    "bits",
    "exact_arrays",
    "thumb",
    "firmware_facts",
    "schemas",
    "record_schema",
    "record",
    "remedies",
    "errors",
    "extras",
    "outside_json",
    "outside_text",
    "regular_files",
    "late_names",
)
# The rooms beside the package, and which of each other they import; the package itself imports none of them.
BESIDE: dict[str, set[str]] = {
    "tinysine": set(),
    "hil_tests": set(),
    "trust": set(),
    "docs": set(),
    "benchmarks": {"trust", "farm_tests"},  # the writer of tables in pages, and the farm on this computer
    "farm_tests": {"unit_tests"},
}
SAME_LAYER = {"commands": "cli", "__main__": "cli"}  # the parts that `cli` is split into


@dataclass(frozen=True)
class Import:
    """One import statement, wherever it stands: at module level or inside a function."""

    importer: str
    imported: str
    line: int


def modules(package: Path) -> dict[str, Path]:
    """Every module's dotted name below tinysine, the package itself as ""."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[0] == "_firmware":
            continue
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(package: Path) -> Iterator[Import]:
    """Every import of one of the package's own modules, lazy ones and those for type checking included."""
    known = modules(package)
    for importer, path in known.items():
        inside = importer.split(".") if path.name == "__init__.py" and importer else importer.split(".")[:-1]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            for target in _targets(node, [part for part in inside if part]):
                yield Import(importer, _module_of(target, known), node.lineno)


def _targets(node: ast.AST, package: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name == "tinysine" or alias.name.startswith("tinysine."):
                yield alias.name.removeprefix("tinysine").removeprefix(".")
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package[: len(package) - (node.level - 1)]
            base = ".".join(["tinysine", *above, *([base] if base else [])])
        if base == "tinysine" or base.startswith("tinysine."):
            inner = base.removeprefix("tinysine").removeprefix(".")
            for alias in node.names:
                if not (inner == "" and alias.name == "__version__"):
                    yield f"{inner}.{alias.name}" if inner else alias.name
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        # importlib.import_module("tinysine.x") is an import as well.
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        name = node.args[0].value
        if (
            called in ("import_module", "__import__")
            and isinstance(name, str)
            and name.startswith("tinysine.")
        ):
            yield name.removeprefix("tinysine.")


def _module_of(target: str, known: dict[str, Path]) -> str:
    while target and target not in known:
        target = target.rpartition(".")[0]
    return target


def layer_of(module: str) -> str:
    """The layer that a module belongs to, by its first name."""
    first = module.split(".", maxsplit=1)[0]
    return SAME_LAYER.get(first, first)


def violations(package: Path) -> list[str]:
    """Everything that breaks the order of the floors, as sentences."""
    wrong = [
        f"tinysine/{module.replace('.', '/')} belongs to no layer"
        for module in modules(package)
        if module and layer_of(module) not in LAYERS
    ]
    all_imports = list(imports(package))
    for found in all_imports:
        if found.importer == "" or found.importer.startswith("_"):
            continue
        if found.imported == "":
            wrong.append(
                f"{found.importer}:{found.line} imports tinysine's public names from inside the house"
            )
            continue
        above, below = layer_of(found.importer), layer_of(found.imported)
        if above in LAYERS and below in LAYERS and LAYERS.index(below) < LAYERS.index(above):
            wrong.append(f"{found.importer}:{found.line} imports {found.imported}, which is a floor above it")
    return wrong + circles(package, all_imports)


def circles(package: Path, all_imports: list[Import]) -> list[str]:
    """Import circles between modules; a package that its own module imports counts."""
    graph: dict[str, set[str]] = {module: set() for module in modules(package)}
    for found in all_imports:
        if found.importer and found.imported and found.importer != found.imported:
            graph[found.importer].add(found.imported)
    found_circles, done = [], set()

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            found_circles.append("circle: " + " -> ".join([*path[path.index(module) :], module]))
            return
        if module in done:
            return
        for target in sorted(graph[module]):
            walk(target, [*path, module])
        done.add(module)

    for module in graph:
        walk(module, [])
    return found_circles


def test_imports_go_downward_only() -> None:
    """No module of tinysine imports from a floor above its own, in a circle, or without having a floor."""
    assert violations(PACKAGE) == []


@pytest.mark.parametrize("room", BESIDE)
def test_rooms_beside_the_package_import_only_what_is_below_them(room: str) -> None:
    """Tests, campaigns and benchmarks stand on the package, and never the other way round."""
    root = PACKAGE.parent
    others = {*BESIDE, "unit_tests"} - {"tinysine", room, *BESIDE[room]}
    assert (root / room).is_dir()
    found = [
        f"{path.relative_to(root)}:{node.lineno} imports {name}"
        for path in sorted((root / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _names(node)
        if name.split(".")[0] in others
    ]
    assert found == []


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []


def test_every_layer_stands() -> None:
    """The list of layers names what exists, so that a renamed room cannot escape the test."""
    present = {layer_of(module) for module in modules(PACKAGE) if module}
    assert sorted(set(LAYERS) - present) == []


PLANTED = {
    "upward": ({"errors.py": "from tinysine.verify import verify\n"}, "a floor above"),
    "upward, inside a function": (
        {"model/graph.py": "def f():\n    import tinysine.codegen\n"},
        "a floor above",
    ),
    "upward, relative": ({"model/graph.py": "from ..verify import verify\n"}, "a floor above"),
    "upward, for types only": (
        {"model/graph.py": "if TYPE_CHECKING:\n    from tinysine import verify\n"},
        "a floor above",
    ),
    "upward, by name": (
        {"model/graph.py": "import importlib\nv = importlib.import_module('tinysine.verify')\n"},
        "a floor above",
    ),
    "through the public names": ({"model/graph.py": "from tinysine import Board\n"}, "public names"),
    "no floor": ({"utils.py": ""}, "belongs to no layer"),
    "no floor, a package": ({"misc/__init__.py": "", "misc/a.py": ""}, "belongs to no layer"),
    "circle": (
        {
            "model/a.py": "from tinysine.model.b import x\n",
            "model/b.py": "def f():\n    from tinysine.model.a import y\n",
        },
        "circle",
    ),
    "circle through the package": (
        {
            "model/__init__.py": "from tinysine.model.a import x\n",
            "model/a.py": "from tinysine.model import y\n",
        },
        "circle",
    ),
}


@pytest.mark.parametrize(("files", "complaint"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_violation_is_found(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    """Each way of breaking the rule, planted in a small house, makes the test fail."""
    for name, text in {"verify.py": "", "codegen/__init__.py": "", "model/__init__.py": "", **files}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert any(complaint in sentence for sentence in violations(tmp_path))


def test_a_sound_house_has_no_violations(tmp_path: Path) -> None:
    """Downward imports, lazy ones, the version and a floor's own private modules are all allowed."""
    for name, text in {
        "verify.py": "from tinysine import __version__\nfrom tinysine.model import Model\n",
        "model/__init__.py": "from tinysine.model.graph import Model\n",
        "model/graph.py": "def f():\n    from tinysine.errors import ModelError\n",
        "errors.py": "",
        "commands/__init__.py": "",
        "cli.py": "import tinysine.commands\nimport tinysine.verify\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert violations(tmp_path) == []
