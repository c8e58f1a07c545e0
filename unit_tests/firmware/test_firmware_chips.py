"""The firmware for Cortex-M: both compilers, the memory layout, and machine models that nobody here wrote."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FIRMWARE = Path(__file__).parent.parent.parent / "firmware"
HERE = Path(__file__).parent
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror"]
IDENTIFY, INFER, INFER_F32, TIME, MEMORY, FAULT, RESET, DEMO, COUNTERS = range(1, 10)
TIMER = 3
UNSUPPORTED = 5

CORES = {
    "m0": ("cortex-m0", ["-mfloat-abi=soft"]),
    "m3": ("cortex-m3", ["-mfloat-abi=soft"]),
    "m4": ("cortex-m4", ["-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]),
    "m7": ("cortex-m7", ["-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"]),
}
NANO = {
    "TS_BOARD_NAME": '"nano33ble-sense"',
    "TS_CLOCK_HZ": "64000000u",
    "TS_UART_TX": "35",
    "TS_UART_RX": "42",
    "TS_LED_PIN": "13",
    "TS_LED_ACTIVE_HIGH": "1",
}
MICROBIT = {
    "TS_BOARD_NAME": '"qemu:microbit"',
    "TS_CLOCK_HZ": "16000000u",
    "TS_UART_TX": "24",
    "TS_UART_RX": "25",
}
MPS2 = {
    "TS_BOARD_NAME": '"mps2"',
    "TS_CLOCK_HZ": "25000000u",
    "TS_UART_BASE": "0x40004000u",
    "TS_UART_CLOCK_HZ": "25000000u",
}
NRF5X = ["app/*.c", "link/*.c", "ports/cortex_m/*.c", "ports/nrf5x/*.c", "ports/blocks/nrf_uart.c"]
CMSDK = ["app/*.c", "link/*.c", "ports/cortex_m/*.c", "ports/mps2/*.c", "ports/blocks/cmsdk_uart.c"]


def write_config(folder, settings, stack_bytes=1024):
    """config.h as the image room would write it."""
    common = {
        "TS_PAYLOAD_BYTES": "256",
        "TS_BUILD_ID": "{" + ", ".join(map(str, range(16))) + "}",
        "TS_UART_BASE": "0x40002000u",
        "TS_UART_BAUD": "115200u",
        "TS_STACK_BYTES": str(stack_bytes),
    }
    lines = [f"#define {name} {value}" for name, value in {**common, **settings}.items()]
    (folder / "config.h").write_text("\n".join(lines) + "\n")


def sources(patterns):
    """Files of the firmware, in an order that never changes."""
    return sorted(path for pattern in patterns for path in FIRMWARE.glob(pattern))


def write_unity(folder, files):
    """One translation unit that includes them all."""
    unity = folder / "unity.c"
    unity.write_text("".join(f'#include "{path}"\n' for path in files))
    return unity


def includes(folder):
    """Return the compiler's options for the folders of headers."""
    return [f"-I{folder}", f"-I{FIRMWARE}", f"-I{FIRMWARE / 'include'}"]


def link(compiler, core, folder, files, memory, *flags):
    """An ELF, file by file, with the firmware's linker script."""
    cpu, floats = CORES[core]
    symbols = ["flash_origin", "flash_length", "ram_origin", "ram_length"]
    defines = [f"-Wl,--defsym=ts_{name}={value:#x}" for name, value in zip(symbols, memory, strict=True)]
    elf = folder / "firmware.elf"
    subprocess.run(
        [
            *(compiler, f"-mcpu={cpu}", "-mthumb", *floats, *WARNINGS, "-Os", "-ffreestanding", "-nostdlib"),
            *("-ffunction-sections", "-fdata-sections", "-fno-unwind-tables", *flags, *includes(folder)),
            *map(str, files),
            *("-Wl,--gc-sections", "-Wl,--fatal-warnings", *defines),
            *("-Wl,--defsym=ts_stack_bytes=1024", "-Wl,--defsym=ts_tcm_length=0"),
            *("-T", str(FIRMWARE / "ports/cortex_m/link.ld"), "-lgcc", "-o", str(elf)),
        ],
        check=True,
        timeout=120,
    )
    return elf


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("compiler", [pytest.param("gcc", marks=pytest.mark.long), "zig"])
def test_every_core_compiles_without_a_warning(compiler, core, tmp_path, request):
    """One translation unit of all sources, for each core: nothing to warn of, and no clashing name."""
    cpu, floats = CORES[core]
    write_config(tmp_path, MICROBIT if core == "m0" else NANO)
    unity = write_unity(tmp_path, [*sources(NRF5X), HERE / "engine_add_one.c"])
    if compiler == "gcc":
        command = [request.getfixturevalue("arm_gcc"), f"-mcpu={cpu}", "-mthumb", *floats]
    else:
        hard = "hf" if "hard" in floats[0] else ""
        target = ["-target", f"thumb-freestanding-eabi{hard}", f"-mcpu={cpu.replace('-', '_')}"]
        command = [sys.executable, "-m", "ziglang", "cc", *target]
    arguments = [*WARNINGS, "-Os", "-ffreestanding", "-c", *includes(tmp_path), str(unity)]
    subprocess.run([*command, *arguments, "-o", str(tmp_path / "out.o")], check=True, timeout=120)


def test_the_nano_image_lies_where_the_board_wants_it(arm_gcc, tmp_path):
    """Vectors behind the loader, stack at the bottom of RAM, fault record out of the loader's way."""
    write_config(tmp_path, NANO)
    files = [*sources(NRF5X), HERE / "engine_add_one.c"]
    elf = link(arm_gcc, "m4", tmp_path, files, (0x10000, 0xF0000, 0x20000000, 0x40000))
    nm = subprocess.run(
        ["arm-none-eabi-nm", str(elf)], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    at = {line.split()[2]: int(line.split()[0], 16) for line in nm.splitlines() if len(line.split()) == 3}
    binary = tmp_path / "firmware.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(binary)], check=True, timeout=60)
    stack, reset = struct.unpack_from("<II", binary.read_bytes())
    assert at["ts_vectors"] == 0x10000
    assert (stack, reset) == (at["__ts_stack_top"], at["ts_reset_handler"] | 1)
    assert stack >> 24 == 0x20
    assert (at["__ts_stack_bottom"], at["__ts_stack_top"]) == (0x20000000, 0x20000400)
    assert at["ts_noinit"] == at["__ts_noinit_start"] >= 0x2000A000
    assert at["__ts_noinit_end"] - at["__ts_noinit_start"] == 56
    assert at["__ts_data_start"] == at["__ts_stack_top"]
    assert len(binary.read_bytes()) <= 6600, "flash beside the engine"
    assert at["__ts_bss_end"] - at["__ts_data_start"] <= 700, "RAM beside the stack"


@pytest.fixture(scope="module")
def qemu(require):
    """The emulator of Debian's package qemu-system-arm."""
    return require("qemu-system-arm")


MACHINES = {
    "microbit": ("m0", MICROBIT, (0, 0x40000, 0x20000000, 0x4000), TIMER, (1, 0)),
    "mps2-an386": ("m4", MPS2, (0, 0x400000, 0x20000000, 0x400000), TIMER, (3, 1 << 16)),
    "mps2-an500": ("m7", MPS2, (0, 0x400000, 0x20000000, 0x400000), TIMER, (3, 1 << 16)),
}


@pytest.fixture(
    scope="module",
    params=["microbit", *(pytest.param(m, marks=pytest.mark.long) for m in list(MACHINES)[1:])],
)
def machine(request, qemu, arm_gcc, tmp_path_factory, start_process):
    """The firmware with the trapped engine on one of QEMU's machines: its line, and what is known of it."""
    name = request.param
    core, settings, memory, *_ = MACHINES[name]
    folder = tmp_path_factory.mktemp(name)
    write_config(folder, settings)
    port = sources(NRF5X if name == "microbit" else CMSDK)
    elf = link(arm_gcc, core, folder, [*port, HERE / "engine_add_one.c"], memory, "-DTEST_TRAPS")
    display = ["-display", "none", "-monitor", "none", "-serial", "stdio"]
    line = start_process(qemu, "-M", name, *display, "-kernel", elf)
    line.wake()
    yield name, line
    line.process.kill()  # at once: QEMU keeps a core busy even when its guest only waits
    line.process.wait()


@pytest.mark.long
def test_qemu_boards_answer(machine):
    """The identity names the counter that the machine really has; batches and floats are inferred."""
    name, line = machine
    identity = line.ask(IDENTIFY).payload
    assert struct.unpack_from("<H", identity, 10) == (MACHINES[name][3],)
    codes = np.arange(-125, 125, dtype=np.int8)
    assert line.ask(INFER, codes.tobytes()).payload == (codes + 1).astype(np.int8).tobytes()
    reply = line.ask(INFER_F32, struct.pack("<3f", 0.0, 1.57, 0.015625))
    assert np.frombuffer(reply.payload, np.int8).tolist() == [-27, 23, -26]
    assert line.text(b"1.5708\r") == b"1.5708 -> 0.1563 (code 23)\r\n"
    counts = struct.unpack("<64I", line.ask(TIME, b"\x3f\0\5").payload)
    assert 0 < sum(counts[1:]) < 2**32, "the counter must count, and up"


@pytest.mark.long
def test_a_board_without_a_led_refuses_the_demo(machine):
    """None of these was given one."""
    _, line = machine
    assert line.ask(DEMO, b"\1").status == UNSUPPORTED


def test_qemu_boards_measure_their_stack(machine):
    """Little of the stack is used, by `invoke` next to nothing, and static RAM is under a kilobyte."""
    _, line = machine
    planned, used, reserved, stack, static, invoke = struct.unpack("<6I", line.ask(MEMORY).payload)
    assert (planned, used, reserved) == (8, 5, 1024)
    assert invoke < 32 <= stack < 512
    assert 512 < static < 1024


@pytest.mark.long
def test_qemu_boards_survive_faults(machine):
    """A fault resets the board and leaves kind, stage, place and registers; a second reset keeps them."""
    name, line = machine
    before = line.ask(FAULT).payload
    count = struct.unpack("<10I", before)[9] if before else 0
    line.write(line.frame(INFER, b"\x80"))
    line.wake()
    kind, stage, pc, lr, xpsr, cfsr, *_, faults = struct.unpack("<10I", line.ask(FAULT).payload)
    assert (kind, cfsr) == MACHINES[name][4]
    assert (stage, faults) == (7, count + 1)
    assert 0 < pc < 0x10000
    assert 0 < lr < 0x10000
    assert xpsr & 1 << 24, "Thumb"
    for _ in range(25):
        answered = struct.unpack("<4I", line.ask(COUNTERS).payload)[0]
    line.ask(RESET)
    line.wake()
    assert answered > 20 >= struct.unpack("<4I", line.ask(COUNTERS).payload)[0], "RAM is cleared by a reset"
    assert struct.unpack("<10I", line.ask(FAULT).payload)[9] == count + 1


# Not on the others: there QEMU takes writes to addresses where the machine has nothing.
@pytest.mark.parametrize("machine", ["microbit"], indirect=True)
def test_an_overflowing_stack_is_survived(machine):
    """Below the stack is no memory, so the core cannot save its registers: the record says what it can."""
    _, line = machine
    line.write(line.frame(INFER, b"\x82"))
    line.wake()
    record = struct.unpack("<10I", line.ask(FAULT).payload)
    assert record[:4] == (1, 7, 0, 0)
