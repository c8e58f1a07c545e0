"""A file as C source: what `xxd -i` prints, but const and aligned, with a header."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinysine.errors import ModelError

_PER_LINE = 12


@dataclass(frozen=True)
class CArray:
    """Two files.

    Attributes:
        name: the array's C name; `name.cc` and `name.h` are what the files are meant to be called.
        source: text of the C++ file.
        header: text of the header, for C and C++.
    """

    name: str
    source: str
    header: str


def c_array(data: bytes, *, name: str) -> CArray:
    """Turn the bytes of a file into a C array.

    Args:
        data: at least one byte.
        name: of the file; characters that C does not allow become underscores, as `xxd -i` has it.
    Returns:
        `name[]`, const and 16-byte aligned, as TensorFlow Lite Micro needs it, and `name_len`.
    Raises:
        ModelError: no bytes, or no name.
    """
    if not data:
        raise ModelError(f"{name} is empty: C has no arrays without elements", file=name)
    if not name:
        raise ModelError("an array needs a name", file=name)
    c_name = re.sub(r"[^A-Za-z0-9]", "_", name)
    if c_name[0].isdigit():
        c_name = "__" + c_name
    lines = [
        "  " + ", ".join(f"0x{byte:02x}" for byte in data[start : start + _PER_LINE])
        for start in range(0, len(data), _PER_LINE)
    ]
    body = ",\n".join(lines)
    source = (
        f'#include "{c_name}.h"\n\n'
        f"alignas(16) const unsigned char {c_name}[] = {{\n{body}\n}};\n"
        f"const unsigned int {c_name}_len = {len(data)};\n"
    )
    guard = f"TINYSINE_{c_name.upper()}_H"
    header = (
        f"#ifndef {guard}\n#define {guard}\n\n"
        '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
        f"extern const unsigned char {c_name}[]; /* 16-byte aligned */\n"
        f"extern const unsigned int {c_name}_len;\n\n"
        "#ifdef __cplusplus\n}\n#endif\n\n#endif\n"
    )
    return CArray(name=c_name, source=source, header=header)
