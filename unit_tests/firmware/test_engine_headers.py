"""The headers of the generated engine: an engine may need any of them at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tinysine.codegen.steps import STRUCT_BYTES

FIRMWARE = Path(__file__).parents[2] / "firmware"
ALONE = {"compact.h"}  # one loop for the whole network; nothing stands beside it
HEADERS = sorted(path.name for path in (FIRMWARE / "engine").glob("*.h") if path.name not in ALONE)
INCLUDES = ("-ffreestanding", f"-I{FIRMWARE}", f"-I{FIRMWARE / 'include'}")
ARM = pytest.mark.needs("arm-none-eabi-gcc")
SOURCE = "\n".join(
    ["#define TS_ENGINE_REFERENCE TS_REFERENCE_LITERT", *(f'#include "engine/{name}"' for name in HEADERS)]
)


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        pytest.param("gcc", (), marks=pytest.mark.needs("gcc")),
        pytest.param("arm-none-eabi-gcc", ("-mcpu=cortex-m4", "-mthumb"), marks=ARM),
        pytest.param("arm-none-eabi-gcc", ("-mcpu=cortex-m0", "-mthumb"), marks=ARM),
    ],
    ids=["this computer", "with dual multiply-accumulates", "without"],
)
def test_all_headers_stand_in_one_file(compiler: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    """A graph may have every kernel: no two headers define the same name."""
    source = tmp_path / "all.c"
    source.write_text(SOURCE)
    ended = subprocess.run(
        [compiler, "-std=gnu11", *flags, *INCLUDES, "-fsyntax-only", str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.needs("arm-none-eabi-gcc")
def test_structures_are_as_large_as_the_generator_counts(tmp_path: Path) -> None:
    """The generator's sizes of structures, from which it computes flash, equal the compiler's."""
    source = tmp_path / "sizes.c"
    asserts = (
        f'_Static_assert(sizeof(struct {name}) == {size}, "{name}");' for name, size in STRUCT_BYTES.items()
    )
    source.write_text("\n".join([SOURCE, *asserts]))
    command = ["arm-none-eabi-gcc", "-std=gnu11", "-mcpu=cortex-m4", "-mthumb", *INCLUDES, "-fsyntax-only"]
    ended = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
