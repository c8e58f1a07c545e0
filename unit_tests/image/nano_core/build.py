"""Builds an exported sketch for an emulated Nano, as arduino-cli would with Arduino's core.

`python build.py FOLDER BUILD` leaves in BUILD what arduino-cli leaves there: the objects, and NAME.ino.elf.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tinysine.boards import load_board
from tinysine.image.sources import config_header, firmware_root, linker_symbols

HERE = Path(__file__).parent
NANO = load_board("nano33ble-sense")  # the core's link is on its pins
DRIVERS = (
    *("ports/blocks/nrf_uart.c", "ports/nrf5x/nrf52.c"),
    *("ports/cortex_m/startup.c", "ports/cortex_m/systick.c", "ports/cortex_m/memory.c"),
)
BOTH = (
    *(
        "-mcpu=cortex-m4",
        "-mthumb",
        "-mfpu=fpv4-sp-d16",
        "-mfloat-abi=hard",
        "-Os",
        "-Wall",
        "-Wextra",
        "-Werror",
    ),
    *(
        "-ffunction-sections",
        "-fdata-sections",
        "-DARDUINO=10819",
        "-DARDUINO_ARDUINO_NANO33BLE",
        "-DF_CPU=64000000",
    ),
)
OWN = ("engine_plain.c", "engine_dsp.c", "build_id.c")  # what differs from sketch to sketch
_compiled: dict[tuple[str, str, str], bytes] = {}
LANGUAGES = {
    ".c": ("arm-none-eabi-gcc", "-std=gnu11"),
    ".cpp": ("arm-none-eabi-g++", "-std=gnu++14", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"),
}


def build_core(build: Path) -> list[Path]:
    """The objects of the core, which are the same for every sketch."""
    root = firmware_root()
    build.mkdir(parents=True, exist_ok=True)
    # The core's own idea of the board; the sketch names its config.h by a path of its own.
    (build / "config.h").write_text(config_header(NANO, build_id=bytes(16)), encoding="utf-8")
    ours = ("-Dts_app_run=core_main", f"-I{build}", f"-I{root}", f"-I{root / 'include'}", f"-I{HERE}")
    sources = (HERE / "core.cpp", *(root / driver for driver in DRIVERS))
    return [_compile(source, build / f"{source.stem}.o", *ours) for source in sources]


def build_sketch(folder: Path, build: Path, core: list[Path] | None = None) -> Path:
    """The linked file of a sketch, with the objects of a core that was built before, or of one that is built now."""
    root = firmware_root()
    build.mkdir(parents=True, exist_ok=True)
    main = build / f"{folder.name}.ino.cpp"
    main.write_text("#include <Arduino.h>\n" + (folder / f"{folder.name}.ino").read_text(), encoding="utf-8")
    sources = {
        source: build / "sketch" / source.relative_to(folder) for source in sorted(folder.rglob("*.c*"))
    }
    common = _common_text(folder)
    objects = [
        _compile_once(source, Path(f"{output}.o"), "" if source.name in OWN else common)
        for source, output in sources.items()
    ]
    objects.append(_compile(main, build / "main.o", f"-I{HERE}", f"-I{folder}"))
    objects += build_core(build / "core") if core is None else core
    elf = build / f"{folder.name}.ino.elf"
    symbols = linker_symbols(NANO)
    defines = [f"-Wl,--defsym={name}={value:#x}" for name, value in symbols.items()]
    options = ["-nostdlib", "-Wl,--gc-sections", "-Wl,--nmagic", *defines]
    script = root / "ports" / "cortex_m" / "link.ld"
    run("arm-none-eabi-g++", *BOTH, *options, "-T", script, *objects, "-lgcc", "-o", elf)
    return elf


def _common_text(folder: Path) -> str:
    """Everything that a file of the sketch may include, the build id left out."""
    headers = sorted((folder / "src").rglob("*.h"))
    text = "".join(f"{path.relative_to(folder)}\n{path.read_text(encoding='utf-8')}" for path in headers)
    return re.sub(r"^#define TS_BUILD_ID .*$", "", text, flags=re.MULTILINE)


def _compile_once(source: Path, output: Path, common: str) -> Path:
    """An object of a sketch; one that another sketch of this process has in common with it is taken from there."""
    key = (source.name, source.read_text(encoding="utf-8"), common)
    if not common or key not in _compiled:
        _compiled[key] = _compile(source, output, f"-I{HERE}").read_bytes()
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(_compiled[key])
    return output


def _compile(source: Path, output: Path, *options: str) -> Path:
    output.parent.mkdir(parents=True, exist_ok=True)
    run(*LANGUAGES[source.suffix], *BOTH, *options, "-c", source, "-o", output)
    return output


def run(*command: str | Path) -> None:
    """Run a tool, and show what it says if it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    build_sketch(Path(sys.argv[1]), Path(sys.argv[2]))
