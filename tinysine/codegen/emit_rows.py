"""C for layers whose inputs fit in registers: firmware/engine/rows.h says what the macros do."""

from __future__ import annotations

import numpy as np

from tinysine.codegen.plan import LayerPlan
from tinysine.codegen.recipe import Recipe


def row_words(
    plan: LayerPlan, channel: int, pair_order: list[tuple[int, int]], folded_weight: int | None
) -> list[int]:
    """The constants of one row, in the order in which rows.h reads them: int32 words."""
    recipe = plan.recipes[channel]
    factor = 2 if recipe.doubled else 1
    weights = np.append(plan.layer.weights[channel].astype(np.int64) * factor, 0)
    words = [int(plan.bias[channel]) * factor]
    words += [_pack(int(weights[low]), int(weights[high])) for low, high in pair_order]
    words += [recipe.multiplier, recipe.term]
    if folded_weight is not None:
        words.append(folded_weight)
    return words


def pair_order(inputs: int, *, from_bytes: bool) -> list[tuple[int, int]]:
    """Return the pairs of inputs that share a word.

    They are neighbours; from bytes: bytes 0 and 2, then 1 and 3 of each four loaded at once.

    An index equal to `inputs` stands for a weight of zero.
    """
    if from_bytes:
        order = [(base + odd, base + odd + 2) for base in range(0, inputs, 4) for odd in (0, 1)]
    else:
        order = [(low, low + 1) for low in range(0, inputs, 2)]
    return [(min(low, inputs), min(high, inputs)) for low, high in order if low < inputs]


def _pack(low: int, high: int) -> int:
    word = (low & 0xFFFF) | (high & 0xFFFF) << 16
    return word - (1 << 32) if word >= 1 << 31 else word


def emit_rows(
    plan: LayerPlan, following: LayerPlan | None, *, source: str, target: str, from_registers: bool
) -> tuple[list[str], list[int]]:
    """One layer of rows.

    Args:
        plan: the layer; its kernel is ROWS.
        following: the next layer, None after the last.
        source: C expression of the input bytes; unused when `from_registers`.
        target: C expression of the output bytes; unused when folded or kept in registers.
        from_registers: whether a0, a1, ... hold the inputs already.
    Returns:
        (lines of C, words of the stream that they read).
    """
    layer = plan.layer
    lines: list[str] = []
    if plan.in_registers:
        lines.append(f"x = {'a0' if from_registers else _single_input(source)};")
    elif not from_registers:
        lines += _load_inputs(layer.inputs, source)
    order = pair_order(layer.inputs, from_bytes=not from_registers and layer.inputs > 1)
    pairs = len(order)
    words: list[int] = []
    if plan.folded and following is not None:
        return lines + _fold(plan, following, order, words), words
    if plan.in_registers:
        return lines + _keep_in_registers(plan, order, words), words
    for channel, recipe in enumerate(plan.recipes):
        words += row_words(plan, channel, order, None)
        lines.append(f"{target}[{channel}] = (uint8_t){_limited(recipe, _row(pairs, recipe))};")
    return lines, words


def _load_inputs(inputs: int, source: str) -> list[str]:
    if inputs == 1:
        return [f"a0 = {_single_input(source)};"]
    even, odd = (
        ("ts_even_signed", "ts_odd_signed") if source == "input" else ("ts_even_bytes", "ts_odd_bytes")
    )
    lines = []
    for base in range(0, inputs, 4):
        register = base // 2
        lines.append(f"word = ts_load_bytes({source} + {base}, {min(4, inputs - base)}U);")
        lines.append(f"a{register} = {even}(word);")
        if inputs - base > 1:
            lines.append(f"a{register + 1} = {odd}(word);")
    return lines


def _single_input(source: str) -> str:
    return "(int8_t)input[0]" if source == "input" else f"{source}[0]"


def _row(pairs: int, recipe: Recipe) -> str:
    return f"TS_ROW({pairs}, {recipe.scale}, {recipe.clamp}, {recipe.shift})"


def _limited(recipe: Recipe, code: str) -> str:
    if recipe.limit_high is not None:
        code = f"ts_least({code}, {recipe.limit_high})"
    if recipe.limit_low is not None:
        code = f"ts_greatest({code}, {recipe.limit_low})"
    return code


def _plain_clamp(recipe: Recipe) -> bool:
    return recipe.limit_low is None and recipe.limit_high is None


def _fold(plan: LayerPlan, following: LayerPlan, order: list[tuple[int, int]], words: list[int]) -> list[str]:
    last = following.recipes[0]
    factor = 2 if last.doubled else 1
    words.append(int(following.bias[0]) * factor)
    lines = ["sum = *p++;"]
    for channel, recipe in enumerate(plan.recipes):
        weight = int(following.layer.weights[0, channel]) * factor
        words += row_words(plan, channel, order, weight)
        if _plain_clamp(recipe):
            lines.append(f"TS_ROW_FOLD({len(order)}, {recipe.scale}, {recipe.clamp}, {recipe.shift});")
        else:
            lines.append(f"code = {_limited(recipe, _row(len(order), recipe))};")
            lines.append("sum += code * *p++;")
    words += [last.multiplier, last.term]
    finish = f"TS_ROW_FINISH({last.scale}, {last.clamp}, {last.shift})"
    lines.append(f"output[0] = (uint8_t){_limited(last, finish)};")
    return lines


def _keep_in_registers(plan: LayerPlan, order: list[tuple[int, int]], words: list[int]) -> list[str]:
    lines = []
    count = plan.layer.outputs
    for low in range(0, count, 2):
        register = f"a{low // 2}"
        first = plan.recipes[low]
        words += row_words(plan, low, order, None)
        if low + 1 == count:
            lines.append(f"{register} = {_limited(first, _row_x(first))};")
            continue
        second = plan.recipes[low + 1]
        words += row_words(plan, low + 1, order, None)
        if _plain_clamp(first) and _plain_clamp(second) and first.scale == second.scale:
            lines.append(
                f"TS_ROW_PAIR({register}, {first.scale}, {first.clamp}, {first.shift}, {second.shift});"
            )
        else:
            lines.append(f"code = {_limited(first, _row_x(first))};")
            lines.append(f"{register} = code | {_limited(second, _row_x(second))} << 16;")
    return lines


def _row_x(recipe: Recipe) -> str:
    return f"TS_ROW_X({recipe.scale}, {recipe.clamp}, {recipe.shift})"
