"""Compile and link: a model and a board in, an image and what is in it out.

A name is imported when it is first asked for: an emulated board needs a compiler, and nothing that reads models.
"""

from typing import TYPE_CHECKING, Any

from tinysine.late_names import late_name, modules_of

if TYPE_CHECKING:
    from tinysine.image.arduino import foreign_build, shortage
    from tinysine.image.build import build_image, prepare_build, require_compiler
    from tinysine.image.build_options import DEFAULTS, BuildOptions
    from tinysine.image.engines import Engine, choose_engine, read_engine, recipes
    from tinysine.image.files import load_image, save_image
    from tinysine.image.lines import SourceLines, read_lines
    from tinysine.image.room import engine_room
    from tinysine.image.sketch_folder import ExportedSketch, export_sketch
    from tinysine.image.tool_run import ended_by
    from tinysine.image.toolchain import Toolchain, find_toolchain
    from tinysine.image.values import ForeignBuild, Image, ImageSizes

__all__ = [
    "DEFAULTS",
    "BuildOptions",
    "Engine",
    "ExportedSketch",
    "ForeignBuild",
    "Image",
    "ImageSizes",
    "SourceLines",
    "Toolchain",
    "build_image",
    "choose_engine",
    "ended_by",
    "engine_room",
    "export_sketch",
    "find_toolchain",
    "foreign_build",
    "load_image",
    "prepare_build",
    "read_engine",
    "read_lines",
    "recipes",
    "require_compiler",
    "save_image",
    "shortage",
]

_MODULES = modules_of(
    {
        "arduino": "foreign_build shortage",
        "build": "build_image prepare_build require_compiler",
        "build_options": "DEFAULTS BuildOptions",
        "engines": "Engine choose_engine read_engine recipes",
        "files": "load_image save_image",
        "lines": "SourceLines read_lines",
        "room": "engine_room",
        "sketch_folder": "ExportedSketch export_sketch",
        "tool_run": "ended_by",
        "toolchain": "Toolchain find_toolchain",
        "values": "ForeignBuild Image ImageSizes",
    }
)


def __getattr__(name: str) -> Any:
    return late_name(__name__, _MODULES, name)
