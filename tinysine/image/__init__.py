"""Compile and link: a model and a board in, an image and what is in it out."""

from tinysine.image.build import build_image
from tinysine.image.files import load_image, save_image
from tinysine.image.lines import SourceLines, read_lines
from tinysine.image.toolchain import Toolchain, find_toolchain
from tinysine.image.values import Image, ImageSizes

__all__ = [
    "Image",
    "ImageSizes",
    "SourceLines",
    "Toolchain",
    "build_image",
    "find_toolchain",
    "load_image",
    "read_lines",
    "save_image",
]
