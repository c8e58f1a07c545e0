"""Tolerances of answers: none, but for engines and firmware of others, and only on request."""

from __future__ import annotations

import math
from numbers import Integral, Real

from tinysine.errors import ConfigError
from tinysine.model import Model
from tinysine.verdicts import Tolerance

MOST_CODES = 127  # half of what eight bits can say


def checked_tolerance(model: Model, *, foreign: bool, codes: int, absolute: float) -> Tolerance:
    """Return the tolerance that outputs are judged with.

    Args:
        model: whose outputs: codes are for those in integers, absolute is for those in float32.
        foreign: the engine is not the generated one.
        codes, absolute: as they were asked for; 0 where not.
    Raises:
        ConfigError: our own firmware, which must be equal; one that no output has the dtype for; one that
            means nothing; or an output that is computed in floats, and no tolerance.
    """
    _refuse_no_number(codes, Integral, "tolerance", f"a whole number, 1 to {MOST_CODES} codes")
    _refuse_no_number(absolute, Real, "tolerance_abs", "a positive number such as 1e-5")
    floats = [tensor for tensor in model.outputs if tensor.dtype.kind == "f"]
    if (codes or absolute) and not foreign:
        raise ConfigError(
            "a tolerance is for engines and firmware of others; those of tinysine must be equal",
            hint="leave it out, or --engine DIR, or --firmware foreign",
            key="tolerance",
        )
    if codes and len(floats) == len(model.outputs):
        raise ConfigError(
            f"--tolerance counts codes, and the output {model.output.name!r} is float32",
            hint="--tolerance-abs X",
            key="tolerance",
        )
    if absolute and not floats:
        raise ConfigError(
            f"--tolerance-abs is for float32 outputs, and {model.output.name!r} is {model.output.dtype}",
            hint="--tolerance N, in codes",
            key="tolerance_abs",
        )
    if not math.isfinite(absolute) or absolute < 0 or codes < 0 or (codes and codes > MOST_CODES):
        raise ConfigError(
            f"a tolerance of {codes or absolute} would let any answer pass, or means nothing",
            hint=f"1 to {MOST_CODES} codes, or a positive number such as 1e-5",
            key="tolerance",
        )
    computed = next((tensor for tensor in floats if tensor.coded_as is None), None)
    if foreign and computed is not None and not absolute:
        raise ConfigError(
            f"the output {computed.name!r} is computed in float32, where two engines are rarely equal bit for bit",
            hint="--tolerance-abs X says how far it may be off, such as 1e-5",
            key="tolerance_abs",
        )
    return Tolerance(codes, absolute)


def _refuse_no_number(value: object, kind: type, key: str, hint: str) -> None:
    """Refuse what a test may hand over by mistake: text, True, or 7.9 for codes."""
    if isinstance(value, bool) or not isinstance(value, kind):
        raise ConfigError(f"{key} is {value!r}, which is none", hint=hint, key=key)
