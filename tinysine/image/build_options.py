"""Options of an image's build, beside model and board, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from tinysine.errors import ConfigError
from tinysine.image.engines import GENERATED, Engine
from tinysine.quantization import Rounding
from tinysine.settings import OPTIMIZE, PRUNE, REFERENCE, TOOLCHAIN, Optimize

_REFERENCE = Rounding(REFERENCE.start)
ENGINE_LEVEL: dict[Optimize, str] = {"speed": "-O2", "size": "-Os", "table": "-O2"}


@dataclass(frozen=True)
class BuildOptions:
    """Options of a build.

    Attributes:
        rounding: which reference the answers equal.
        optimize: "speed" or "size" of the engine, or "table", of the generated one only; the rest is always built for
            size.
        prune: fold neurons proved constant; of the generated engine only.
        toolchain: "gcc", "zig", or "auto": GCC where it is installed, else Zig.
        engine: of the user's; None for the generated one.
    Raises:
        ConfigError: choices that mean nothing, or that the engine does not have.
    """

    rounding: Rounding = _REFERENCE
    optimize: Optimize = OPTIMIZE.start
    prune: bool = PRUNE.start
    toolchain: str = TOOLCHAIN.start
    engine: Engine | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be built, whoever chose it."""
        if self.optimize not in ENGINE_LEVEL:
            allowed = tuple(ENGINE_LEVEL)
            raise ConfigError(
                f"optimize is {self.optimize!r}", hint=" or ".join(allowed), key="optimize", allowed=allowed
            )
        if self.engine is None:
            return
        if self.prune:
            raise ConfigError(
                f"the engine {self.engine.name} is compiled as it is; prune is of the generated engine",
                hint="leave --prune out",
                key="prune",
            )
        if self.optimize == "table":
            raise ConfigError(
                f"the engine {self.engine.name} is compiled as it is; a table is of the generated engine",
                hint="--optimize speed",
                key="optimize",
            )
        self.engine.require(self.rounding)

    @property
    def engine_name(self) -> str:
        """ "generated", or the name in its engine.toml."""
        return GENERATED if self.engine is None else self.engine.name

    @property
    def level(self) -> str:
        """The compiler's optimisation level for the engine."""
        return ENGINE_LEVEL[self.optimize]


DEFAULTS = BuildOptions()
