"""The firmware's arithmetic, as a library of this computer: codes, decimals, CRC."""

import ctypes
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

FIRMWARE = Path(__file__).parent.parent.parent / "firmware"
HERE = Path(__file__).parent
INT8, INT16, UINT8 = 9, 7, 3
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


class Tensor(ctypes.Structure):
    """struct ts_tensor."""

    _fields_ = (
        ("scale", ctypes.c_float),
        ("zero_point", ctypes.c_int32),
        ("bytes", ctypes.c_uint32),
        ("dtype", ctypes.c_uint8),
        ("rank", ctypes.c_uint8),
        ("dims", ctypes.c_void_p),
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory, host_cc):
    """number.c, decimal.c and crc32.c; undefined behaviour ends the test run."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "config.h").write_text("#define TS_PAYLOAD_BYTES 256\n")
    (folder / "rest.c").write_text(
        '#include "tinysine/app.h"\n#include "tinysine/fault.h"\n#include "tinysine/quantize.h"\n'
        "int8_t ts_app_engine_status;\nvolatile struct ts_noinit ts_noinit;\n"
        "_Noreturn void ts_fault_assert(void) { __builtin_trap(); }\n"
        "int32_t quantize_in_engine(float, float, int32_t, int32_t, int32_t);\n"
        "int32_t quantize_in_engine(float x, float scale, int32_t zero_point, int32_t low, int32_t high) {\n"
        "    return ts_quantize_f32(x, scale, zero_point, low, high);\n"
        "}\n"
    )
    names = ("number", "decimal", "crc32")
    files = [*(FIRMWARE / "link" / f"{name}.c" for name in names), HERE / "engine_float.c", folder / "rest.c"]
    options = ["-std=c11", "-fPIC", "-shared", "-O1", *host_cc.UNDEFINED]
    output = folder / "numbers.so"
    include = [f"-I{folder}", f"-I{FIRMWARE / 'include'}"]
    host_cc(*options, *include, *files, "-o", output)
    loaded = ctypes.CDLL(str(output))
    loaded.ts_number_quantize.argtypes = [ctypes.POINTER(Tensor), ctypes.c_float, ctypes.c_char_p]
    loaded.ts_number_quantize.restype = None
    loaded.quantize_in_engine.argtypes = [ctypes.c_float] * 2 + [ctypes.c_int32] * 3
    loaded.quantize_in_engine.restype = ctypes.c_int32
    loaded.ts_number_dequantize.restype = ctypes.c_float
    loaded.ts_crc32.restype = ctypes.c_uint32
    loaded.ts_crc32.argtypes = [ctypes.c_uint32, ctypes.c_char_p, ctypes.c_uint32]
    loaded.ts_number_is_finite.argtypes = [ctypes.c_char_p]
    loaded.ts_number_is_finite.restype = ctypes.c_bool
    loaded.ts_decimal_format.argtypes = [ctypes.c_float, ctypes.c_char_p]
    loaded.ts_decimal_format.restype = None
    return loaded


def quantize(library, value, scale, zero_point, dtype):
    """The code that the firmware makes of a value."""
    element = ctypes.create_string_buffer(4)
    library.ts_number_quantize(ctypes.byref(Tensor(scale, zero_point, 1, dtype, 0, None)), value, element)
    return struct.unpack_from({INT8: "b", INT16: "<h", UINT8: "B"}[dtype], element)[0]


@pytest.mark.parametrize(
    ("value", "code"),
    [(0.0, 7), (0.5, 8), (-0.5, 6), (32760.4, 32767), (32761.0, 32767), (-32775.0, -32768), (-1e30, -32768)],
)
def test_int16_codes_have_their_own_limits(library, value, code):
    """Rounded and offset as the others, clamped to 16 bits, and read back from both bytes."""
    assert quantize(library, value, 1.0, 7, INT16) == code
    back = ctypes.c_int32()
    element = struct.pack("<h", code)
    real = library.ts_number_dequantize(
        ctypes.byref(Tensor(1.0, 7, 2, INT16, 0, None)), element, ctypes.byref(back)
    )
    assert (real, back.value) == (code - 7, code)


@example(value=0.49999997, scale=1.0, zero_point=0, dtype=INT8)
@example(value=-0.49999997, scale=1.0, zero_point=0, dtype=INT8)
@example(value=0.5, scale=1.0, zero_point=0, dtype=UINT8)
@example(value=-2.5, scale=1.0, zero_point=0, dtype=INT8)
@example(value=3e38, scale=1e-30, zero_point=0, dtype=INT8)
@given(
    value=finite | st.floats(-300, 300, width=32),
    scale=st.floats(2**-20, 2**10, width=32),
    zero_point=st.integers(0, 255),
    dtype=st.sampled_from([INT8, UINT8]),
)
def test_quantize_rounds_half_away_from_zero(library, value, scale, zero_point, dtype):
    """Codes are float32 quotients, rounded half away from zero, offset and clamped, for all finite values."""
    low = -128 if dtype == INT8 else 0
    zero_point += low
    with np.errstate(over="ignore"):
        steps = np.float32(value) / np.float32(scale)
    rounded = (
        math.copysign(math.floor(abs(float(steps)) + 0.5), steps) if abs(steps) < 2**30 else float(steps)
    )
    want = min(max(rounded + zero_point, low), low + 255)
    assert quantize(library, value, scale, zero_point, dtype) == want


@pytest.mark.parametrize("dtype", [INT8, UINT8])
@pytest.mark.parametrize("above_low", [0, 17, 128, 255])
def test_both_sides_of_every_step_have_their_code(library, dtype, above_low):
    """On each half, next to it, and far outside; between two steps a monotone function can only be constant."""
    low = -128 if dtype == INT8 else 0
    zero_point = low + above_low
    halves = np.arange(-300.5, 301, dtype=np.float32)
    sides = [np.nextafter(halves, np.float32(to)) for to in (-np.inf, np.inf)]
    far = np.float32([2**23, 2**31, 2**32, 3.4028235e38])
    steps = np.sort(np.concatenate([halves, *sides, far, -far, np.float32([0, 1e-45])]))
    want = np.clip(np.trunc(steps + np.copysign(0.5, steps.astype(float))) + zero_point, low, low + 255)
    assert [quantize(library, x, 1.0, zero_point, dtype) for x in steps] == want.tolist()
    assert [library.quantize_in_engine(x, 1.0, zero_point, low, low + 255) for x in steps] == want.tolist()


@pytest.mark.parametrize("dtype", [INT8, UINT8])
def test_codes_survive_the_round_trip(library, dtype):
    """Dequantised and quantised again, each of the 256 codes is itself."""
    tensor = Tensor(0.0246, 17 if dtype == UINT8 else -111, 1, dtype, 0, None)
    for byte in range(256):
        code = ctypes.c_int32()
        real = library.ts_number_dequantize(ctypes.byref(tensor), bytes([byte]), ctypes.byref(code))
        assert code.value == (byte - 256 if dtype == INT8 and byte > 127 else byte)
        assert quantize(library, real, tensor.scale, tensor.zero_point, dtype) == code.value


@given(bits=st.integers(0, 2**32 - 1) | st.sampled_from([0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x7FC00000, 1]))
def test_finiteness_is_that_of_ieee754(library, bits):
    """Only an exponent of all ones is not finite."""
    value = struct.unpack("<f", struct.pack("<I", bits))[0]
    assert library.ts_number_is_finite(struct.pack("<I", bits)) == math.isfinite(value)


@given(data=st.binary(max_size=400))
def test_crc_is_that_of_zlib(library, data):
    """Any bytes have zlib's CRC-32; followed by their own CRC, always the same one."""
    crc = library.ts_crc32(0, data, len(data))
    assert crc == zlib.crc32(data)
    assert library.ts_crc32(0, data + struct.pack("<I", crc), len(data) + 4) == 0x2144DF1C
    half = len(data) // 2
    assert library.ts_crc32(library.ts_crc32(0, data[:half], half), data[half:], len(data) - half) == crc


def parse(library, text):
    """The value of a typed number, or None."""
    value = ctypes.c_float()
    status = library.ts_decimal_parse(text, ctypes.c_uint8(len(text)), ctypes.byref(value))
    return value.value if status == 0 else None


@given(digits=st.integers(0, 9999999), decimals=st.integers(0, 7), sign=st.sampled_from(["", "-", "+"]))
def test_seven_digits_parse_to_the_nearest_float32(library, digits, decimals, sign):
    """A typed number is read as exactly as float32 allows."""
    text = f"{digits:08d}"
    text = sign + text[: 8 - decimals] + "." + text[8 - decimals :]
    assert parse(library, text.encode()) == float(np.float32(text))


@given(text=st.text("0123456789.+-e ", min_size=1, max_size=40))
def test_parsed_text_is_near_its_value_or_refused(library, text):
    """Plain decimals come out within float32's precision; everything else is refused."""
    got = parse(library, text.encode())
    bare = text[1:] if text[0] in "+-" else text
    digits = bare.replace(".", "", 1)
    if not digits.isdigit():
        assert got is None
    elif got is None:
        fraction = len(bare.partition(".")[2])
        assert float(digits) > 9e29 or fraction >= 30
    else:
        assert got == pytest.approx(float(text), rel=1e-5, abs=1e-30)


@example(value=4.999999873689376e-05)
@example(value=float(np.float32(0.00015)))
@example(value=float(np.float32(99998.99)))
@example(value=float(np.float32(1.5e10)))
@example(value=float(np.float32(2.5e21)))
@example(value=float(np.float32(3.5e32)))
@given(value=finite | st.floats(-2, 2, width=32) | st.floats(-1e6, 1e6, width=32))
def test_formatted_numbers_read_back(library, value):
    """Four decimals below 100000, four decimals and an exponent from there on, within float32's precision."""
    text = ctypes.create_string_buffer(b"\x55" * 16, 16)
    library.ts_decimal_format(value, text)
    shown = text.value.decode()
    assert len(shown) <= 12
    assert text.raw[13:] == b"\x55" * 3, "written past its end"
    if abs(value) < 99999:
        # Half of the last decimal, and what float32 arithmetic may add where a value lies next to a tie.
        assert abs(float(shown) - value) <= 0.5e-4 + 2e-7 * abs(value) + 1e-8
        assert "e" not in shown
    else:
        assert float(shown) == pytest.approx(value, rel=6e-5)
