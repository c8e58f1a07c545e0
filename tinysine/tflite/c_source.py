"""Reading a model back from C source: what `xxd -i` prints, and what people make of it by hand.

Arrays of bytes are found whatever stands around them: alignment, attributes, const, comments, several arrays.
Everything here takes time and memory in proportion to the text, hostile text included.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tinysine.errors import ModelError
from tinysine.tflite.c_directives import without_directives
from tinysine.tflite.file_kind import is_tflite
from tinysine.tflite.refusal import listed

ENDINGS = (".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".ino", ".inc")
_LOOK_BACK = 400
_PIECE = 1 << 16
_MOST_NAMES = 5
_PREPROCESS = "name what the preprocessor makes of it: cc -E -P FILE > model.c"
_MOST_ARRAYS = 10_000

# An unterminated comment goes on to the end, so that it is looked for only once.
_COMMENT_OR_TEXT = re.compile(r'/\*(?:.*?\*/|.*)|//[^\n]*|"(?:\\.|[^"\\\n])*"?', re.DOTALL)
_DECLARATION = re.compile(r"([A-Za-z_]\w*)\s*\[([^\[\]]*)\]([^;={}\[\]]*)\Z")
_ENDS = re.compile(r"[{};]")
_NUMBER = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)[uUlL]*")
# The words of a declaration whose elements are wider than a byte; what stands in brackets is no part of its type.
_WIDER = re.compile(
    r"\*|\b(?:short|int|long|float|double|bool|_Bool|wchar_t|char16_t|char32_t|size_t|struct|union|half|word|dword"
    r"|u?int(?:_fast|_least)?(?:16|32|64)(?:_t)?)\b"
)
_BYTE_TYPE = re.compile(r"\b(?:char|u?int8_t|byte)\b")
_BRACKETED = re.compile(r"\([^()]*\)")
_BARE_LIST = re.compile(r"\s*0[xX][0-9a-fA-F]{1,2}\s*,")


class _NoBytes(Exception):
    """Text between the braces that is no list of bytes; carries that part."""


@dataclass(frozen=True)
class _Array:
    name: str
    declared: str
    content: bytes
    fault: str


def is_c_source(text: str, *, file: str) -> bool:
    """Tell whether a text is C source, or a bare list of bytes such as `xxd -i` prints of its standard input."""
    return (
        file.lower().endswith(ENDINGS)
        or bool(_BARE_LIST.match(text))
        or any(_arrays(without_directives(_plain(text))))
    )


def model_in_c(text: str, *, file: str) -> bytes:
    """Return the bytes of the one TensorFlow Lite model in C source.

    Args:
        text: of the file.
        file: its name, for messages.
    Raises:
        ModelError: no model is in it, several are, or its array is cut short.
    """
    plain = _plain(text)
    arrays = list(_arrays(without_directives(plain)))
    if not arrays and _BARE_LIST.match(plain):
        arrays = [_array("", "", plain, ended=True)]
    models = [array for array in arrays if is_tflite(array.content)]
    if not models:
        raise _no_model(plain, arrays, file)
    if len({array.content for array in models}) > 1:
        names = [array.name for array in models]
        raise ModelError(
            f"{file} holds {len(models)} models: {listed(names, most=_MOST_NAMES)}",
            hint="keep one array in the file, the others in files of their own",
            file=file,
        )
    if fault := models[0].fault or _wrong_length(plain, models[0]):
        raise ModelError(
            f"{file}: the array {models[0].name or 'of bytes'} {fault}",
            hint=_PREPROCESS
            if "#" in fault
            else "copy the file again, whole, or print it anew with `xxd -i`",
            file=file,
        )
    return models[0].content


def decoded(data: bytes) -> str:
    """Return the text of a file; UTF-16 with its mark is what PowerShell writes."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8", errors="replace").removeprefix("\ufeff")


def _plain(text: str) -> str:
    """The text without comments and string literals."""
    return _COMMENT_OR_TEXT.sub(" ", text)


def _arrays(plain: str) -> Iterator[_Array]:
    """Every array with an initialiser in braces whose first element is a byte."""
    for opening in itertools.islice(re.finditer(r"=\s*\{", plain), _MOST_ARRAYS):
        before = plain[max(0, opening.start() - _LOOK_BACK) : opening.start()]
        declaration = _DECLARATION.search(before)
        if declaration is None:
            continue
        # No list of bytes goes on behind these, so that no part of the text is in two of them.
        end = _ENDS.search(plain, opening.end())
        body = plain[opening.end() : end.start() if end else None]
        array = _array(declaration[1], declaration[2].strip(), body, ended=end is not None and end[0] == "}")
        if wider := _wider_type(before[: declaration.start()]):
            array = replace(array, fault=f"has elements of type {wider}, which are no bytes")
        if array.content or "#" in array.fault:
            yield array


def _wider_type(before: str) -> str:
    """The word of a declaration that says that its elements are no bytes; "" where none does."""
    written = re.split(r"[;{}]|#\w*", before)[-1]
    written = _BRACKETED.sub(" ", _BRACKETED.sub(" ", written))
    wider = _WIDER.search(written)
    if wider is None and re.search(r"\b(?:unsigned|signed)\b", written) and not _BYTE_TYPE.search(written):
        return "int"
    return "" if wider is None else "pointer" if wider[0] == "*" else wider[0]


def _array(name: str, declared: str, body: str, *, ended: bool) -> _Array:
    content, fault = bytearray(), "" if ended else "has no closing brace: the file is cut short"
    try:
        for piece in _pieces(body):
            for word in map(str.strip, piece.split(",")):
                if word:
                    content.append(_byte(word))
    except _NoBytes as problem:
        fault = f"holds {str(problem)!r}, which is not a byte"
    return _Array(name, declared, bytes(content), fault)


def _pieces(body: str) -> Iterator[str]:
    """The body in pieces that end at commas: millions of elements are never in one list."""
    start = 0
    while start < len(body):
        end = body.find(",", start + _PIECE)
        end = len(body) if end < 0 else end
        yield body[start:end]
        start = end + 1


@functools.lru_cache(maxsize=1024)
def _byte(word: str) -> int:
    match = _NUMBER.fullmatch(word)
    if match is None or len(word) > 16:
        raise _NoBytes(word[:20])
    digits = match[2]
    octal = digits.isdigit() and digits.startswith("0") and len(digits) > 1
    try:
        value = int(digits, 8 if octal else 0) * (-1 if match[1] == "-" else 1)
    except ValueError:  # 08 is no octal number
        raise _NoBytes(word) from None
    if not -128 <= value <= 255:
        raise _NoBytes(word)
    return value & 0xFF


def _wrong_length(plain: str, array: _Array) -> str:
    """Return the source's contradiction about the array's length; "" if there is none."""
    count = len(array.content)
    if re.fullmatch(r"[0-9]{1,12}", array.declared) and int(array.declared) != count:
        return f"is declared with {int(array.declared):,} elements and has {count:,}"
    if not array.name:
        return ""
    variable = re.search(
        rf"\b({re.escape(array.name)}_(?:len|length|size))\b\s*(?:=|\{{|\s)\s*(\d{{1,12}})", plain
    )
    if variable and int(variable[2]) != count:
        return f"has {count:,} bytes, and {variable[1]} says {int(variable[2]):,}"
    return ""


def _no_model(plain: str, arrays: list[_Array], file: str) -> ModelError:
    if faults := [f"{array.name} {array.fault}" for array in arrays if "#" in array.fault]:
        return ModelError(f"{file}: the array {faults[0]}", hint=_PREPROCESS, file=file)
    if arrays:
        names = listed((array.name or "a bare list" for array in arrays), most=_MOST_NAMES)
        return ModelError(
            f"{file} is C source, and none of its arrays is a TensorFlow Lite model: {names}",
            hint="name the file whose array holds the .tflite file's bytes",
            file=file,
        )
    declared = re.search(r"\bextern\b[^;{}]{0,200}?\b([A-Za-z_]\w{0,80})\s*\[", plain)
    if declared:
        what, hint = f"only declares {declared[1]}", "name the .c or .cc file that holds its bytes"
    else:
        what, hint = "holds no array of bytes", "name a .tflite file, or C source as `xxd -i` prints it"
    return ModelError(f"{file} is C source and {what}", hint=hint, file=file)
