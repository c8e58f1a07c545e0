"""engine.toml: read strictly; what is wrong with it is one line that names the file and the key."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tinysine.boards import load_board
from tinysine.errors import BuildError, ConfigError, ModelError
from tinysine.image import BuildOptions, build_image, choose_engine, read_engine
from tinysine.image.engine_build import PreparedEngine, not_compiled, prepare_engine
from tinysine.image.sources import firmware_root
from tinysine.image.toolchain import Toolchain, find_toolchain
from tinysine.image.unlisted_files import flags_may_name_files
from tinysine.model import REFERENCE_MODEL, read_model
from tinysine.quantization import Rounding

ENGINES = Path(__file__).parents[1] / "cases" / "engines"
WHOLE = """
name = "mine"
sources = ["a.c", "b.cpp"]
include = ["include"]
flags = ["-O3"]
libraries = ["lib.a"]
link = ["m"]
generate = ["{python}", "x.py", "{model}", "{out}"]
arena_bytes = 64
stack_bytes = 512

[defines]
A = 1
B = "two"
C = true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all the files that WHOLE names."""
    for name in ("a.c", "b.cpp", "lib.a"):
        (tmp_path / name).touch()
    (tmp_path / "include").mkdir()
    (tmp_path / "engine.toml").write_text(WHOLE)
    return tmp_path


def write(folder: Path, *pairs: tuple[str, str]) -> Path:
    """Write WHOLE with some of it replaced."""
    text = WHOLE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (folder / "engine.toml").write_text(text)
    return folder


def test_generated_is_no_engine_of_the_users() -> None:
    """It is the default, and needs no folder."""
    assert choose_engine("generated") is None


def test_every_key_is_read(folder: Path) -> None:
    """Paths are relative to the folder, and every define is a text."""
    engine = read_engine(folder)
    assert engine.name == "mine"
    assert engine.sources == (folder / "a.c", folder / "b.cpp")
    assert engine.include == (folder / "include",)
    assert engine.defines == (("A", "1"), ("B", "two"), ("C", "1"))
    assert engine.libraries == (folder / "lib.a",)
    assert (engine.link, engine.flags) == (("m",), ("-O3",))
    assert engine.generate == ("{python}", "x.py", "{model}", "{out}")
    assert (engine.arena_bytes, engine.stack_bytes) == (64, 512)


@pytest.mark.parametrize(
    ("pair", "key", "said"),
    [
        (('name = "mine"', 'name = "a much too long name"'), "name", "1 to 15 printable characters"),
        (('name = "mine"', "name = 7"), "name", "1 to 15 printable characters"),
        (('name = "mine"\n', ""), "name", "name is missing"),
        (
            ('flags = ["-O3"]', 'flags = "-O3"'),
            "flags",
            "flags is '-O3', which is not a list of a compiler's options",
        ),
        (('flags = ["-O3"]', "flags = [3]"), "flags", "flags is [3], which is not a list"),
        (("flags", "flag"), "flag", "unknown key 'flag'"),
        (
            ("arena_bytes = 64", "arena_bytes = 0"),
            "arena_bytes",
            "out of range: a whole number from 1 to 1073741824",
        ),
        (("arena_bytes = 64", "arena_bytes = 64.5"), "arena_bytes", "which is not a number of bytes"),
        (
            ("arena_bytes = 64", 'arena_bytes = "find"'),
            "arena_bytes",
            'which is not a number of bytes, or "search"',
        ),
        (("arena_bytes = 64", "arena_bytes = true"), "arena_bytes", "which is not a number of bytes"),
        (("B = ", "B = 1.5 # "), "defines", "which is not a table of names and values"),
        (('"a.c"', '"gone.c"'), "sources", "there is no file"),
        (('"a.c"', '"$TINYSINE_TEST_UNSET/a.c"'), "TINYSINE_TEST_UNSET", "is not set"),
        (('"a.c"', '"lib.a"'), "sources", "is neither C (.c) nor C++"),
        (('["include"]', '["a.c"]'), "include", "there is no folder"),
        (('["lib.a"]', '["libgone.a"]'), "libraries", "there is no file"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, pair: tuple[str, str], key: str, said: str) -> None:
    """One line, with the file and the key."""
    with pytest.raises(ConfigError) as caught:
        read_engine(write(folder, pair))
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.facts["file"] == str(folder / "engine.toml")
    assert caught.value.facts.get("key") == key
    assert caught.value.exit_code == 2


def test_a_folder_without_engine_toml_is_refused(tmp_path: Path) -> None:
    """So is what is no folder, and an engine of no source."""
    with pytest.raises(ConfigError, match=r"has no engine\.toml"):
        read_engine(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        read_engine(tmp_path / "gone")
    (tmp_path / "engine.toml").write_text('name = "none"\n')
    with pytest.raises(ConfigError, match="names no source"):
        read_engine(tmp_path)
    (tmp_path / "engine.toml").write_text("name = \n")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_engine(tmp_path)


def test_paths_may_name_variables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that everybody keeps elsewhere."""
    monkeypatch.setenv("MY_LIBRARIES", str(folder))
    engine = read_engine(write(folder, ('"lib.a"', '"$MY_LIBRARIES/lib.a"')))
    assert engine.libraries == (folder / "lib.a",)


@pytest.mark.parametrize("changed", ["a.c", "b.cpp", "lib.a"])
def test_every_file_decides_what_is_built(folder: Path, changed: str) -> None:
    """Sources and libraries."""
    before = list(read_engine(folder).parts())
    (folder / changed).write_text("/* other */")
    assert list(read_engine(folder).parts()) != before


INCLUDED = {
    "a source": ('#include "kernel.c"', "", "engine/kernel.c"),
    "beside the folder": ('#include "../shared/k.h"', "", "shared/k.h"),
    "behind a link": ('#include "linked/k.h"', "", "shared/k.h"),
    "in a folder of a flag": ("#include <k.h>", 'flags = ["-I{root}/shared"]', "shared/k.h"),
    "without an ending": ("#include <values>", 'include = ["include"]', "engine/include/values"),
    "with a space in its name": ('#include "a file.h"', "", "engine/a file.h"),
}


@pytest.mark.parametrize(("line", "setting", "changed"), INCLUDED.values(), ids=INCLUDED)
def test_every_file_that_is_included_decides_what_is_built(
    tmp_path: Path, line: str, setting: str, changed: str
) -> None:
    """Wherever it is: an image of yesterday's file must not be judged in its place."""
    folder = tmp_path / "engine"
    for each in (folder / "include", tmp_path / "shared"):
        each.mkdir(parents=True)
    (folder / "linked").symlink_to(tmp_path / "shared")
    setting = setting.replace("{root}", str(tmp_path))
    (folder / "engine.toml").write_text(f'name = "mine"\nsources = ["a.c"]\n{setting}\n')
    (folder / "a.c").write_text(f"{line}\n")
    (tmp_path / changed).write_text("int x;\n")
    before = _parts(folder)
    assert _parts(folder) == before
    (tmp_path / changed).write_text("int y;\n")
    assert _parts(folder) != before


UNLISTED = {
    "incbin": ('__asm__(".incbin \\"weights.bin\\"");', ""),
    "INCBIN": ('__asm__(".INCBIN \\"weights.bin\\"");', ""),
    "include of the assembler": ('__asm__(".include \\"weights.s\\"");', ""),
    "include in a macro": ('#define DOT "."\n__asm__(DOT "include \\"weights.s\\"");', ""),
    "options in a file": ("", 'flags = ["@{folder}/options"]'),
    "of the linker": ("", 'flags = ["-Wl,@options"]'),
    "of the assembler": ("", 'flags = ["-Wa,-I{folder}"]'),
    "programs": ("", 'flags = ["-B{folder}"]'),
    "a thin archive": ("", 'libraries = ["thin.a"]'),
    "a linker's script": ("", 'libraries = ["script.a"]'),
    "a shared library": ("", 'libraries = ["shared.so"]'),
    "a library somewhere": ("", 'link = [":lib.a"]'),
}


@pytest.mark.parametrize(("line", "setting"), UNLISTED.values(), ids=UNLISTED)
def test_an_engine_with_a_file_that_no_compiler_lists_is_built_each_time(
    tmp_path: Path, line: str, setting: str
) -> None:
    """An image of yesterday must not be judged in place of what changed there."""
    setting = setting.replace("{folder}", str(tmp_path))
    (tmp_path / "engine.toml").write_text(f'name = "mine"\nsources = ["a.c"]\n{setting}\n')
    (tmp_path / "a.c").write_text(f"{line}\nint x;\n")
    (tmp_path / "options").write_text("-DOFF=1\n")
    (tmp_path / "thin.a").write_bytes(b"!<thin>\n")
    (tmp_path / "script.a").write_text("INPUT(other.a)\n")
    (tmp_path / "shared.so").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\0" + bytes(14))
    assert _parts(tmp_path) != _parts(tmp_path)


def test_an_engine_whose_files_are_all_listed_is_built_once(tmp_path: Path) -> None:
    """Usual options, an archive, the compiler's own libraries, and assembler text that reads nothing."""
    (tmp_path / "engine.toml").write_text(
        'name = "mine"\nsources = ["a.c"]\nlibraries = ["lib.a"]\nlink = ["m"]\n'
        'flags = ["-O3", "-Wall", "-ffast-math", "-D", "A=1", "-include", "k.h", "-fno-inline", "-std=gnu11"]\n'
    )
    (tmp_path / "a.c").write_text(
        '#include <stdio.h>\n/* .include */\nint x;\nvoid f(void) { __asm__("nop"); }\n'
    )
    (tmp_path / "k.h").write_text("int y;\n")
    (tmp_path / "lib.a").write_bytes(b"!<arch>\n")
    before = _parts(tmp_path)
    assert _parts(tmp_path) == before
    (tmp_path / "k.h").write_text("int z;\n")
    assert _parts(tmp_path) != before


def test_a_file_that_comes_into_being_decides_what_is_built(tmp_path: Path) -> None:
    """`__has_include` asks for one, and includes nothing."""
    (tmp_path / "engine.toml").write_text('name = "mine"\nsources = ["a.c"]\n')
    (tmp_path / "a.c").write_text('#if __has_include("k.h")\nint x;\n#endif\nint y;\n')
    before = _parts(tmp_path)
    (tmp_path / "k.h").touch()
    assert _parts(tmp_path) != before


def test_a_file_that_does_not_compile_is_the_engines_fault(tmp_path: Path) -> None:
    """It is bad input, as an engine without a function is; the compiler's own line is told."""
    (tmp_path / "engine.toml").write_text('name = "mine"\nsources = ["a.c"]\n')
    model, host = read_model(REFERENCE_MODEL), load_board("host")
    for text, said in (('#include "gone.h"\n', r"gone\.h"), ("int x = ;\n", r"a\.c:1:\d+: error: ")):
        (tmp_path / "a.c").write_text(text)
        with pytest.raises(ConfigError, match=f"the engine mine .* does not compile: .*{said}"):
            build_image(model, host, BuildOptions(engine=read_engine(tmp_path)))


@pytest.mark.parametrize("said", ["cstddef: No such file or directory", "'cstddef' file not found"])
def test_a_missing_cpp_library_is_to_be_installed(tmp_path: Path, said: str) -> None:
    """Debian's GCC for Arm comes without one; nothing is wrong with the engine."""
    (tmp_path / "engine.toml").write_text('name = "mine"\nsources = ["a.cc"]\n')
    (tmp_path / "a.cc").touch()
    error = BuildError("", tool="", command="", output=f"a.cc:1:10: fatal error: {said}", exit_code=1)
    told = not_compiled(read_engine(tmp_path), error)
    assert told is not None
    assert "libstdc++-arm-none-eabi-newlib" in (told.hint or "")


def _parts(folder: Path) -> list[str | bytes]:
    """Return what goes into the build id, as for the host."""
    prepared = prepare_engine(read_engine(folder), read_model(REFERENCE_MODEL), Rounding.LITERT, core="host")
    return list(
        prepared.parts(
            find_toolchain("auto", "host"), load_board("host"), root=firmware_root(), level=("-O2",)
        )
    )


@pytest.mark.parametrize(
    "pair",
    [
        ('"-O3"', '"-O1"'),
        ("A = 1", "A = 2"),
        ('["m"]', "[]"),
        ("arena_bytes = 64", "arena_bytes = 65"),
        ("stack_bytes = 512", "stack_bytes = 513"),
        ('"x.py"', '"y.py"'),
    ],
)
def test_every_setting_decides_what_is_built(folder: Path, pair: tuple[str, str]) -> None:
    """Flags, defines, system libraries, arena, stack and command."""
    before = list(read_engine(folder).parts())
    assert list(read_engine(write(folder, pair)).parts()) != before


@pytest.mark.parametrize(
    ("command", "error", "said"),
    [
        ('["{python}", "-c", "pass"]', ConfigError, "wrote no C"),
        ('["no-such-program-here", "{out}"]', ConfigError, "no-such-program-here, which is not installed"),
        (
            '["{python}", "-c", "raise SystemExit(\'error: no such operator\')"]',
            BuildError,
            "no such operator",
        ),
        (
            '["{python}", "-c", "import sys; sys.stderr.write(\'error: no such operator\'); sys.exit(65)"]',
            ModelError,
            "no such operator",
        ),
    ],
)
def test_a_command_that_generates_nothing_is_said(
    folder: Path, command: str, error: type[Exception], said: str
) -> None:
    """In its own words, where it has any."""
    engine = read_engine(write(folder, ('["{python}", "x.py", "{model}", "{out}"]', command)))
    with pytest.raises(error, match=said):
        prepare_engine(engine, read_model(REFERENCE_MODEL), Rounding.LITERT, core="cortex-m4")


def test_a_board_that_is_a_sketch_takes_the_generated_engine_only() -> None:
    """An exported sketch has one engine, which the Arduino IDE compiles."""
    with pytest.raises(ConfigError, match="takes the generated engine only"):
        build_image(
            read_model(REFERENCE_MODEL),
            load_board("arduino-uno"),
            options=BuildOptions(engine=read_engine(ENGINES / "dense")),
        )


def test_pruning_is_of_the_generated_engine() -> None:
    """Nothing else could be pruned."""
    with pytest.raises(ConfigError, match="prune"):
        build_image(
            read_model(REFERENCE_MODEL),
            load_board("host"),
            options=BuildOptions(engine=read_engine(ENGINES / "dense"), prune=True),
        )


@pytest.mark.skipif(sys.platform == "darwin", reason="its linker looks back by itself")
def test_libraries_may_need_one_another(folder: Path) -> None:
    """GNU's linker looks at each once, unless told; libm needs libc, which was named before it."""
    engine = read_engine(write(folder, ('link = ["m"]', 'link = ["c", "m"]')))
    prepared = PreparedEngine(engine=engine, generated=(), header="", source="")
    library = str(folder / "lib.a")
    assert prepared.link_arguments(Toolchain("gcc", "", "gcc")) == [
        *("-Wl,--start-group", library, "-lc", "-lm", "-Wl,--end-group")
    ]
    assert prepared.link_arguments(Toolchain("zig", "", "zig")) == [library, "-lc", "-lm"]


def test_system_libraries_need_a_compiler_that_has_them(folder: Path) -> None:
    """Zig brings no C library for a board without an operating system."""
    engine = read_engine(write(folder, ('generate = ["{python}", "x.py", "{model}", "{out}"]\n', "")))
    with pytest.raises(ConfigError, match="Zig has no C library"):
        build_image(
            read_model(REFERENCE_MODEL),
            load_board("nano33ble-sense"),
            options=BuildOptions(engine=engine, toolchain="zig"),
        )


@pytest.mark.parametrize(
    "flag",
    [
        "@opts",
        "-specs=a",
        "-T",
        "-Xlinker",
        "-fplugin=a.so",
        "-fprofile-use",
        "-include-pch",
        "-mllvm",
        "a.o",
    ],
)
def test_a_flag_that_is_not_known_may_name_a_file(flag: str) -> None:
    """The options that are known to be harmless are few; the rest is not guessed at."""
    assert flags_may_name_files(["-O3", flag])
