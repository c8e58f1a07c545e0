"""Try a wheel where nothing but it and what it needs is installed: `python unit_tests/installed_wheel.py DIST`.

A new virtual environment and an empty folder: the reference model passes on an emulated board, a command that needs an
extra names it, and pytest has the fixtures. DIST has the wheel and the sdist that it was built of.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = (
    "tinysine/py.typed",
    "tinysine/schemas/evidence.schema.json",
    "tinysine/model/reference/sine_int8.tflite",
    "tinysine/reports/templates/page.html",
    "tinysine/_firmware/engine/conv.h",
    "tinysine-{version}.dist-info/entry_points.txt",
    "tinysine-{version}.dist-info/licenses/LICENSE",
)
HEAVY = ("tensorflow", "matplotlib", "sklearn", "tflite_micro", "hypothesis", "jupyterlab")
TEST = """
def test_my_model(tinysine_device, tinysine_inputs, tinysine_assert_equal):
    tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))
"""


def check_contents(wheel: Path) -> None:
    """Fail unless the wheel has what the program reads, and nothing of the repository beside it."""
    version = wheel.name.split("-")[1]
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = {name.format(version=version) for name in NEEDED} - names
    assert not missing, f"{wheel.name} lacks {sorted(missing)}"
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"tinysine", f"tinysine-{version}.dist-info"}, tops
    code = (ROOT / "tinysine" / "__init__.py").read_text(encoding="utf-8")
    assert f'__version__ = "{version}"' in code


def try_out(wheel: Path, folder: Path) -> None:
    """Install it in a folder, and use it there as a newcomer does."""
    import uv  # where `tox -e package` runs

    # The caller's environment says nothing to the new one, but for the folders that are cached.
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "TINYSINE_", "VIRTUAL_ENV", "TOX_", "PYTEST_"))
    }
    scripts = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / "python"

    def run(*command: object, code: int = 0) -> str:
        done = subprocess.run(
            [*map(str, command)], cwd=folder, env=variables, capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{' '.join(map(str, command))}: exit code {done.returncode}\n{said}"
        return said

    run(uv.find_uv_bin(), "venv", "--python", sys.executable, folder / "venv")
    run(uv.find_uv_bin(), "pip", "install", "--python", python, wheel)
    run(python, "-c", f"import importlib.util as u; assert not [m for m in {HEAVY} if u.find_spec(m)]")
    model = run(python, "-c", "from tinysine.model import REFERENCE_MODEL; print(REFERENCE_MODEL)").strip()
    assert model.startswith(str(folder)), model
    print(run(scripts / "tinysine", "verify", model, "--json", "evidence.json", "--html", "report.html"))
    evidence = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    assert evidence["verdict"] == "pass"
    assert evidence["outputs"]["checked"] == 256
    assert evidence["board"]["kind"] == "emulated"
    refused = run(scripts / "tinysine", "run", "--out", "out", code=2)
    assert 'pip install "tinysine[train]"' in refused, refused
    print(refused)
    run(uv.find_uv_bin(), "pip", "install", "--python", python, "pytest")
    (folder / "test_my_model.py").write_text(TEST, encoding="utf-8")
    print(run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider").splitlines()[-1])


def main() -> None:
    """Check the wheel in a folder, then try it."""
    (wheel,) = Path(sys.argv[1]).resolve().glob("*.whl")
    check_contents(wheel)
    with tempfile.TemporaryDirectory() as folder:
        try_out(wheel, Path(folder).resolve())


if __name__ == "__main__":
    main()
