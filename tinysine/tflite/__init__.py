"""Reader of .tflite files: bytes -> tensors and operators, as they are stored; also out of C source."""

from tinysine.tflite.c_array import CArray, c_array
from tinysine.tflite.file_kind import FileKind, is_elf, is_tflite, kind_of_path

__all__ = ["CArray", "FileKind", "c_array", "is_elf", "is_tflite", "kind_of_path"]
