"""Models in C source: as xxd prints them, as books do, and as they are cut, pasted and broken."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine.errors import ModelError
from tinysine.graph import parse_network, read_network
from tinysine.model import read_tflite
from tinysine.tflite import c_array


def hexes(data: bytes, form: str = "0x{:02x}", per_line: int = 12) -> str:
    """Bytes as a list, some in each line."""
    words = [form.format(byte) for byte in data]
    lines = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    return ",\n  ".join(lines)


def xxd(data: bytes) -> str:
    """Return the text that `xxd -i sine.tflite` prints."""
    return f"unsigned char sine_tflite[] = {{\n  {hexes(data)}\n}};\nunsigned int sine_tflite_len = {len(data)};\n"


BOOK = """/* Copyright 2019. "Quoted", and a brace: { */
#include "model.h"  // const unsigned char g_other[] = { 0x00 };
// We need to keep the data array aligned on some architectures.
#ifdef __has_attribute
#define DATA_ALIGN_ATTRIBUTE __attribute__((aligned(4)))
#endif
const int table[] = {{1000, 2000}};
const float ratio[2] = {{0.5f, 1.5f}};
const unsigned char g_model[] DATA_ALIGN_ATTRIBUTE = {{
  {body}}};
const int g_model_len = {length};
"""

FORMS: dict[str, Callable[[bytes], str]] = {
    "xxd": xxd,
    "as in the book": lambda data: (
        BOOK.replace("{ */", "{{ */")
        .replace("{ 0x00 }", "{{ 0x00 }}")
        .format(body=hexes(data), length=len(data))
    ),
    "tinysine's own": lambda data: c_array(data, name="net.tflite").source,
    "alignas and namespace": lambda data: (
        f"namespace tflite {{ namespace models {{\nalignas(16) constexpr uint8_t kModel[{len(data)}] = {{"
        f"{hexes(data)},}};\n}} }}\n"
    ),
    "decimal": lambda data: f"static const uint8_t m[] PROGMEM = {{ {hexes(data, '{}')} }};",
    "octal, and suffixes": lambda data: f"const uint8_t m[]={{ {hexes(data, '0{:o}u')} }};",
    "upper case": lambda data: f"const uint8_t m[]\n=\n{{ {hexes(data, '0X{:02X}')} }};",
    "signed": lambda data: (
        "const signed char m[] = {" + ",".join(str(b - 256 * (b > 127)) for b in data) + "};"
    ),
    "comments inside": lambda data: re.sub(r"\n", " // 0x00,\n /* 1, */", xxd(data)),
    "one line": lambda data: xxd(data).replace("\n", " "),
    "two arrays": lambda data: "const unsigned char pixels[] = { 1, 2, 3 };\n" + xxd(data),
    "the same array twice": lambda data: (
        f"#ifdef A\n{xxd(data)}#else\n{xxd(data).replace('sine', 'other')}#endif\n"
    ),
    "another one behind #if 0": lambda data: (
        f"#if 0 // old\n{xxd(data[:-4] + data[:4])}#else\n{xxd(data)}#endif\n"
    ),
    "another one behind #if 1": lambda data: (
        f"#if 1\n#ifdef A\n{xxd(data)}#endif\n#elif B\n{xxd(data[:-4] + data[:4])}#else\n;\n#endif\n"
    ),
    "a part behind #if 0": lambda data: (
        f"const uint8_t m[] = {{\n#if (0)\n1, 2,\n# if X\n3,\n# endif\n#endif\n{hexes(data)}\n}};\n"
    ),
    "a macro of another": lambda data: (
        f"#define OLD \\\n const char m[] = {{ {hexes(data[:-4] + data[:4])} }};\n{xxd(data)}"
    ),
    "bytes of a wide size": lambda data: (
        f"alignas(sizeof(int)) const unsigned char m[] = {{{hexes(data)}}};\n"
    ),
    "xxd of standard input": lambda data: "  " + hexes(data) + "\n",
    "windows": lambda data: "\ufeff" + xxd(data).replace("\n", "\r\n"),
    "length as a macro": lambda data: (
        f"#define m_len {len(data)}\nconst uint8_t m[m_len] = {{{hexes(data)}}};"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_model_in_c_source_is_the_model(good: bytes, tmp_path: Path, form: str) -> None:
    """Whatever stands around the bytes: the same bytes, network and SHA-256 as of the .tflite file."""
    path = tmp_path / "model.cc"
    path.write_text(FORMS[form](good), encoding="utf-8", newline="")
    model = read_network(path)
    assert model.source == good
    assert model.sha256 == hashlib.sha256(good).hexdigest()
    assert read_tflite(path) == good


def test_utf16_is_read(good: bytes, tmp_path: Path) -> None:
    """PowerShell's `>` writes it."""
    path = tmp_path / "model.h"
    path.write_text(xxd(good), encoding="utf-16")
    assert read_network(path).source == good


BROKEN: dict[str, tuple[Callable[[bytes], str], str]] = {
    "cut": (lambda data: xxd(data)[: len(xxd(data)) // 2], "cut short"),
    "length variable": (
        lambda data: xxd(data[:-4] + data[:4]).replace(f"= {len(data)}", "= 9999"),
        "says 9,999",
    ),
    "elements missing": (
        lambda data: f"const uint8_t m[{len(data) + 8}] = {{{hexes(data)}}};",
        "elements and has",
    ),
    "not a byte": (lambda data: xxd(data).replace("};", ", 0x1234};"), "'0x1234', which is not a byte"),
    "a word": (lambda data: xxd(data).replace("};", ", kEnd};"), "'kEnd', which is not a byte"),
    "two models": (
        lambda data: xxd(data) + xxd(data + bytes(4)).replace("sine_tflite", "second"),
        "holds 2 models: sine_tflite, second",
    ),
    "all behind #if 0": (lambda data: f"#if 0\n{xxd(data)}#endif\n", "no array of bytes"),
    "included bytes": (lambda _data: 'const char m[] = {\n#include "m.inc"\n};', "m holds '#include'"),
    "branches inside": (
        lambda data: f"const char m[] = {{ {hexes(data)},\n#ifdef A\n1\n#else\n2\n#endif\n}};",
        "#ifdef",
    ),
    "elements of int": (lambda data: xxd(data).replace("unsigned char", "const int"), "elements of type int"),
    "elements of unsigned": (lambda data: xxd(data).replace("unsigned char", "unsigned"), "of type int"),
    "elements of float": (lambda data: xxd(data).replace("unsigned char", "float"), "elements of type float"),
    "elements of 16 bits": (lambda data: xxd(data).replace("unsigned char", "uint16_t"), "type uint16_t"),
    "pointers": (lambda data: xxd(data).replace("unsigned char ", "const char *"), "type pointer"),
    "another array": (lambda _data: "const uint8_t pixels[] = {1, 2, 3};", "none of its arrays"),
    "only declared": (
        lambda _data: "extern const unsigned char g_model[];\nextern const int g_model_len;",
        "g_model",
    ),
    "no array": (lambda _data: "int main(void) { return 0; }", "no array of bytes"),
    "empty array": (lambda _data: "const uint8_t m[] = {};", "no array of bytes"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_c_source_is_one_clear_line(good: bytes, case: str) -> None:
    """The error names the fault of the array, and its place."""
    spoil, words = BROKEN[case]
    with pytest.raises(ModelError, match=r"^[^\n]+$") as refusal:
        parse_network(spoil(good).encode(), file="model.cc")
    assert refusal.value.message.startswith("model.cc")
    assert words in refusal.value.message
    assert refusal.value.hint


HOSTILE = (
    "#if 0\n",
    "#if 1\n#else\n",
    "\n#",
    "\\\n#define (",
    "(",
    "a",
    "/*",
    '"',
    "m[",
    "={",
    "= ",
    "\\",
    "m[]={",
    "0x00,{",
    "m[] = {0x00,",
)


@pytest.mark.parametrize("text", [part * (400_000 // len(part)) for part in HOSTILE], ids=HOSTILE)
def test_hostile_text_takes_no_longer_than_its_length(text: str) -> None:
    """No pattern goes over the text again and again."""
    began = time.process_time()
    with pytest.raises(ModelError):
        parse_network(text.encode(), file="model.cc")
    assert time.process_time() - began < 2
