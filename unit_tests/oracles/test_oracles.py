"""Each oracle as a value: names, versions, batches, bad inputs, and the table of who disagrees."""

from __future__ import annotations

import builtins
import io
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinysine.model
from tinysine.errors import ConfigError, ModelError
from tinysine.graph import Network, parse_network, read_network
from tinysine.model import REFERENCE_MODEL, Model, parse_model, read_model
from tinysine.oracles import (
    Oracle,
    available_oracles,
    comparison,
    disagreements,
    integer_oracle,
    integer_oracle_name,
    litert_oracle,
    matching_oracle_name,
    tflm_oracle,
    trial,
    xnnpack_oracle,
)
from tinysine.oracles.native_output import native_stderr
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.stimuli import Inputs, all_inputs, sample_inputs
from tinysine.tasks import sine
from tinysine.tensor_values import arrays_of, values_of
from tinysine.tflite import graph_writer
from tinysine.tflite.cut import cut_behind, cut_points
from tinysine.tflite.flatbuffer import Table
from tinysine.tflite.tflite_file import TfliteFile
from trust.operators.dense_chain import random_network

CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(scope="module")
def reference() -> Network:
    """The committed sine model."""
    return read_network(REFERENCE_MODEL)


@pytest.fixture(scope="module")
def oracles(reference: Network) -> dict[str, Oracle]:
    """All of them."""
    return {oracle.name: oracle for oracle in available_oracles(reference)}


def _network(**options: Any) -> Network:
    return parse_network(random_network(np.random.default_rng(3), **options), file="x")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_sine_is_math_sin(x: float) -> None:
    """Element for element the C library's sine, in float64."""
    assert sine(np.array([[x]])).tolist() == [[math.sin(x)]]


def test_names_versions_and_details(oracles: dict[str, Oracle]) -> None:
    """A report can say who answered: name, version, resolver."""
    assert {"litert", "integer-single", "integer-double"} <= set(oracles)
    assert all(oracle.version for oracle in oracles.values())
    assert oracles["litert"].detail == {"resolver": "BUILTIN_REF"}
    assert [matching_oracle_name(rounding) for rounding in Rounding] == ["litert", "tflm", "tflm-float32"]


@pytest.mark.needs("tflite_micro")
def test_tflm_tells_its_arena(reference: Network) -> None:
    """TensorFlow Lite Micro's own figures, taken from what it prints: head and tail make the total."""
    detail = tflm_oracle(reference).detail
    assert detail["arena_used_bytes"] == detail["arena_head_bytes"] + detail["arena_tail_bytes"]  # type: ignore[operator]
    assert detail["arena_head_bytes"] >= 2 * 16  # type: ignore[operator]


def test_the_references_agree_on_the_reference_model(reference: Network, oracles: dict[str, Oracle]) -> None:
    """On all 256 inputs integers equal their references, and the two roundings differ somewhere."""
    codes = all_inputs(reference).codes
    np.testing.assert_array_equal(oracles["integer-single"].run(codes), oracles["litert"].run(codes))
    if "tflm" in oracles:
        np.testing.assert_array_equal(oracles["integer-double"].run(codes), oracles["tflm"].run(codes))


def test_reference_model_is_a_sine(reference: Network, oracles: dict[str, Oracle]) -> None:
    """LiteRT's answers are the sine within a few hundredths."""
    codes = all_inputs(reference).codes
    q_in, q_out = reference.input.quantization, reference.output.quantization
    assert q_in is not None
    assert q_out is not None
    x = q_in.scale * (codes.astype(float) - q_in.zero_point)
    y = q_out.scale * (oracles["litert"].run(codes).astype(float) - q_out.zero_point)
    assert np.abs(y - sine(x)).mean() < 0.1


@pytest.mark.parametrize(
    "make",
    [litert_oracle, xnnpack_oracle, pytest.param(tflm_oracle, marks=pytest.mark.needs("tflite_micro"))],
)
def test_batches_are_rows(make: Any) -> None:
    """Any batch gives each row its own answer, in any order of batches, none included."""
    model = _network(widths=(5, 7, 3))
    codes = sample_inputs(model, seed=1, count=9000).codes
    oracle = make(model)
    whole = oracle.run(codes)
    assert whole.shape == (9000, 3)
    np.testing.assert_array_equal(oracle.run(codes[17:18]), whole[17:18])
    np.testing.assert_array_equal(oracle.run(codes[::3]), whole[::3])
    assert oracle.run(codes[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    "name", ["litert", pytest.param("tflm", marks=pytest.mark.needs("tflite_micro")), "integer-single"]
)
@pytest.mark.parametrize(
    "inputs",
    [
        np.zeros((1, 2), np.int8),
        np.zeros(1, np.int8),
        np.zeros((1, 1), np.uint8),
        np.zeros((1, 1), np.float64),
        np.zeros((2, 1, 1), np.int8),
    ],
)
def test_wrong_inputs_are_refused(name: str, inputs: Any, oracles: dict[str, Oracle]) -> None:
    """Another shape or dtype is an error, never a guess."""
    with pytest.raises(ConfigError, match=r"int8 \[n, 1\]"):
        oracles[name].run(inputs)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_floats_that_are_not_finite_are_refused(bad: float) -> None:
    """A NaN has no code; its place is named."""
    model = _network(widths=(2, 3), input_type="float32")
    with pytest.raises(ConfigError, match="input 1, element 0"):
        litert_oracle(model).run(np.array([[0, 0], [bad, 0]], np.float32))


def test_several_inputs_and_outputs_are_answered_in_the_models_order() -> None:
    """Each output by each interpreter: the network cut off behind it answers the same from the same inputs."""
    whole = read_model(CASES / "two_ends.tflite")
    asked = sample_inputs(whole, seed=0, count=64).codes
    assert [
        (tensor.name, array.dtype, array.shape) for tensor, array in zip(whole.inputs, asked, strict=True)
    ] == [
        ("motion", np.float32, (64, 2)),
        ("sound", np.int8, (64, 4)),
    ]
    points = {point.name: point for point in cut_points(whole.source, file="")}
    for oracle in available_oracles(whole):
        answers = oracle.run(asked)
        assert [array.dtype for array in answers] == [np.float32, np.int8]
        for tensor, answer in zip(whole.outputs, answers, strict=True):
            cut = parse_model(cut_behind(whole.source, points[tensor.name], file=""), file="")
            same = next(other for other in available_oracles(cut) if other.name == oracle.name)
            np.testing.assert_array_equal(same.run(asked), answer)


def test_disagreements_are_counted_of_each_output_and_of_all() -> None:
    """LiteRT and TFLM round this network differently in one output only."""
    model = read_model(CASES / "two_ends.tflite")
    found = disagreements(available_oracles(model), sample_inputs(model, seed=0, count=200).codes)
    assert found.names == ("litert", "tflm")
    each = [int(one.mismatches[0, 1]) for one in found.outputs]
    assert each[0] > 0
    assert each[1] == 0
    assert found.mismatches[0, 1] == each[0]
    assert found.max_abs_diff[0, 1] == found.outputs[0].max_abs_diff[0, 1] > 0


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (np.zeros((3, 2), np.float32), "takes 2 inputs, not 1"),
        ((np.zeros((3, 2), np.float32), np.zeros((2, 4), np.int8)), r"of \[3, 2\] inferences"),
        ((np.zeros((3, 4), np.int8), np.zeros((3, 2), np.float32)), r"takes float32 \[n, 2\], not int8"),
        ((np.full((1, 2), np.nan, np.float32), np.zeros((1, 4), np.int8)), "is nan, not a finite number"),
    ],
)
def test_wrong_values_for_several_inputs_are_refused(inputs: Any, said: str) -> None:
    """Their number, their order, how many inferences."""
    for oracle in available_oracles(read_model(CASES / "two_ends.tflite")):
        with pytest.raises(ConfigError, match=said):
            oracle.run(inputs)


def test_all_inputs_are_all(reference: Network) -> None:
    """256 different codes, said to be exhaustive."""
    inputs = all_inputs(reference)
    assert inputs.exhaustive
    assert sorted(inputs.codes[:, 0].tolist()) == list(range(-128, 128))
    assert inputs.codes.dtype == np.int8


def test_too_many_inputs_cannot_be_enumerated() -> None:
    """Three inputs, or floats, are sampled instead."""
    for model in (_network(widths=(3, 1)), _network(widths=(1, 1), input_type="float32")):
        with pytest.raises(ConfigError, match="enumerated"):
            all_inputs(model)
        assert not sample_inputs(model, seed=0, count=10).exhaustive


def test_two_codes_are_enumerated_where_so_many_are_asked_for() -> None:
    """All 65,536, each once, at 65,536 or more; a sample below."""
    model = _network(widths=(2, 1))
    assert not sample_inputs(model, seed=0, count=65_535).exhaustive
    every = sample_inputs(model, seed=0, count=65_536)
    assert every.exhaustive
    assert every.codes.shape == (65_536, 2)
    assert len(np.unique(every.codes, axis=0)) == 65_536


def test_samples_are_seeded() -> None:
    """Same seed, same inputs; another seed, others; at least one."""
    model = _network(widths=(4, 2))
    sample = sample_inputs(model, seed=1, count=50)
    np.testing.assert_array_equal(sample.codes, sample_inputs(model, seed=1, count=50).codes)
    assert not np.array_equal(sample.codes, sample_inputs(model, seed=2, count=50).codes)
    assert len(sample_inputs(model, seed=1, count=1).codes) == 1
    with pytest.raises(ConfigError):
        sample_inputs(model, seed=1, count=0)


@pytest.mark.parametrize("input_type", ["int8", "uint8", "float32"])
@pytest.mark.parametrize("width", [1, 2, 3, 40])
def test_samples_hold_the_corners(input_type: Any, width: int) -> None:
    """All lowest, all highest and all zero are always asked; for few inputs every mixture of them."""
    model = _network(widths=(width, 2), input_type=input_type)
    sample: Inputs = sample_inputs(model, seed=0, count=100)
    assert sample.codes.dtype == model.input.dtype
    rows = {tuple(row) for row in sample.codes.tolist()}
    q = model.layers[0].input
    lowest, zero, highest = -128, q.zero_point, 127
    if input_type == "float32":
        corners = [float(np.float32((v - q.zero_point) * q.scale)) for v in (lowest, zero, highest)]
    else:
        corners = [v + (128 if input_type == "uint8" else 0) for v in (lowest, zero, highest)]
    for corner in corners:
        assert (corner,) * width in rows
    if width == 2:
        assert (corners[0], corners[2]) in rows


def test_sample_of_one_code_is_exhaustive(reference: Network) -> None:
    """If all inputs can be asked, all are asked."""
    assert sample_inputs(reference, seed=0, count=5).exhaustive


class _Fixed:
    """An oracle that answers what it was given."""

    version, detail = "1", dict[str, object]()

    def __init__(self, name: str, answers: Any) -> None:
        self.name, self._answers = name, answers

    def run(self, inputs: Any) -> Any:
        """Answer."""
        return self._answers[: len(inputs)]


def test_disagreements_count_inferences() -> None:
    """Symmetric, zero on the diagonal, and exactly the differences of two made-up oracles."""

    a = _Fixed("a", np.array([[0, 0], [1, 1], [-128, 5]], np.int8))
    b = _Fixed("b", np.array([[0, 0], [1, 2], [127, 9]], np.int8))
    table = disagreements([a, b], np.zeros((3, 1), np.int8))
    assert (table.names, table.checked) == (("a", "b"), 3)
    assert table.mismatches.tolist() == [[0, 2], [2, 0]]
    assert table.max_abs_diff.tolist() == [[0, 255], [255, 0]]


def test_floats_are_compared_by_their_bits() -> None:
    """As `verify` does: two zeros of different signs differ, and the same NaN twice does not."""
    one = np.array([[0.0], [np.nan], [1.0]], np.float32)
    other = np.array([[-0.0], [np.nan], [1.0]], np.float32)
    found = disagreements([_Fixed("a", one), _Fixed("b", other)], np.zeros((3, 1), np.int8))
    assert found.mismatches.tolist() == [[0, 1], [1, 0]]
    assert found.max_abs_diff[0, 0] == 0
    assert np.isnan(found.max_abs_diff[0, 1])


def test_litert_loops_where_it_cannot_resize() -> None:
    """A model whose batch cannot be resized is asked one by one, with the same answers."""
    model = _network(widths=(3, 4))
    codes = sample_inputs(model, seed=0, count=20).codes
    expected = litert_oracle(model).run(codes)
    oracle: Any = litert_oracle(model)

    class Stubborn:
        """The interpreter, refusing to be resized to anything but one."""

        def __init__(self, interpreter: Any) -> None:
            self._interpreter = interpreter

        def __getattr__(self, name: str) -> Any:
            return getattr(self._interpreter, name)

        def resize_tensor_input(self, index: int, shape: tuple[int, ...]) -> None:
            if shape[0] != 1:
                raise RuntimeError("cannot resize")
            self._interpreter.resize_tensor_input(index, shape)

    oracle._interpreter = Stubborn(oracle._interpreter)
    np.testing.assert_array_equal(oracle.run(codes), expected)


def test_missing_wheel_is_a_hint(reference: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tflite-micro wheel the oracle is absent, not broken."""
    real_import = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("tflite_micro"):
            raise ImportError(name)
        return real_import(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match="pip install") as missing:
        tflm_oracle(reference)
    assert missing.value.exit_code == 2
    assert "tflm" not in {oracle.name for oracle in available_oracles(reference)}


def test_integer_oracle_is_left_out_where_integers_cannot_be_equal() -> None:
    """A model that overflows int32 still has its references, but no integer oracle."""
    from tinysine.quantization import Quantization
    from tinysine.tflite.writer import LayerSpec, write_model

    spec = LayerSpec(
        np.full((1, 1), 127, np.int8),
        np.array([2**31 - 10], np.int32),
        np.array([2.0**-30], np.float32),
        Quantization(1.0, 0),
    )
    model = parse_network(write_model([spec], input=Quantization(1.0, 0)), file="x")
    names = {oracle.name for oracle in available_oracles(model)}
    assert "litert" in names
    assert not {"integer-single", "integer-double"} & names


def refused_by(name: str, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network that the generated engine can run, and the interpreter of that name cannot."""
    if name == "litert":  # it minds an operator's version, which TensorFlow Lite Micro does not
        monkeypatch.setitem(graph_writer.VERSIONS, "FULLY_CONNECTED", 99)
        return _network()

    def refuse(_model: Model) -> Oracle:
        raise ModelError("TensorFlow Lite Micro 1 refuses the model: no")

    monkeypatch.setattr(comparison, "tflm_oracle", refuse)
    return _network()


@pytest.mark.parametrize("rounding", INTERPRETED)
def test_integers_stand_in_for_no_interpreter_that_refuses(
    rounding: Rounding, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing equals a reference that has no answer: the refusal is told, and the other reference still judges."""
    other = next(one for one in Rounding if one != rounding)
    network = refused_by(matching_oracle_name(rounding), monkeypatch)
    names = [oracle.name for oracle in available_oracles(network, needed=other)]
    assert names == [matching_oracle_name(other), integer_oracle_name(other)]
    with pytest.raises(ModelError, match="refuses the model") as refusal:
        available_oracles(network, needed=rounding)
    assert refusal.value.hint == f"{other} takes it: --reference {other}"


def test_native_noise_goes_to_the_log(logged: io.StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    """Output of a library to file descriptor 2 is caught and logged, and the descriptor is restored."""
    with native_stderr("library") as lines:
        os.write(2, b"chatter\nmore\n")
    os.write(2, b"afterwards\n")
    assert lines == ["chatter", "more"]
    assert "library: chatter" in logged.getvalue()
    assert capfd.readouterr().err == "afterwards\n"


def test_oracles_are_quiet(reference: Network, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing reaches the terminal, neither from LiteRT nor from TensorFlow Lite Micro."""
    for oracle in (*available_oracles(reference), xnnpack_oracle(reference)):
        oracle.run(all_inputs(reference).codes)
    assert capfd.readouterr() == ("", "")


def test_integer_oracle_is_fast_on_a_batch(reference: Network) -> None:
    """Vectorised: ten thousand inferences at once equal one at a time."""
    oracle = integer_oracle(reference, Rounding.LITERT)
    codes = np.tile(all_inputs(reference).codes, (40, 1))
    answers = oracle.run(codes)
    np.testing.assert_array_equal(answers[:256], answers[-256:])
    np.testing.assert_array_equal(answers[5:6], oracle.run(codes[5:6]))


def test_a_name_that_is_no_text_is_refused() -> None:
    """A damaged name of a tensor is a damaged model: a ModelError, whoever of us finds it."""
    data = REFERENCE_MODEL.read_bytes().replace(b"serving_default_x", b"servi\xeeg_default_x")
    with pytest.raises(ModelError, match="refuses the model"):
        litert_oracle(parse_network(data, file="damaged.tflite"))


CASES = Path(__file__).parents[1] / "cases"


def changed(name: str, *changes: tuple[int, int, int]) -> Model:
    """A case of the repository with bytes changed: (offset, old, new) each."""
    data = bytearray((CASES / f"{name}.tflite").read_bytes())
    for at, old, new in changes:
        assert data[at] == old
        data[at] = new
    return parse_model(bytes(data), file="damaged.tflite")


def test_shapes_that_contradict_the_operators_never_reach_tflm() -> None:
    """LiteRT computes shapes itself, and TensorFlow Lite Micro would read 8,195 outputs of three rows of weights."""
    refusals: list[str] = []
    oracles = available_oracles(
        changed("two_ends", (1285, 0, 32)), on_refusal=lambda _name, refusal: refusals.append(refusal.message)
    )
    assert [oracle.name for oracle in oracles] == ["litert"]
    assert "tensor 'right' is [1, 8195] in the file, and [1, 3] by its operators" in refusals[0]


def test_an_answer_of_another_shape_than_the_files_is_no_answer() -> None:
    """Three numbers are not spread over the two million that the file promises."""
    model = changed("flatten_first", (1090, 0, 32))
    with pytest.raises(ModelError, match=r"LiteRT .* fails on the model: cannot reshape"):
        litert_oracle(model).run(sample_inputs(model, seed=0, count=2).codes)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os; os.abort()", "crashes on the model"),
        ("pass", "crashes on the model"),
        ("import time; time.sleep(600)", "does not end within 0.2 s on the model"),
    ],
)
def test_a_crash_takes_nothing_with_it(code: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that LiteRT refuses is run by TensorFlow Lite Micro in a process of its own."""
    monkeypatch.setattr(trial, "_CODE", code)
    monkeypatch.setattr(trial, "LONGEST_EACH_S", 0)
    with pytest.raises(ModelError, match=says):
        trial.tflm_oracle_apart(changed("two_ends"), longest_s=0.2 if "sleep" in code else 20)


def test_a_crash_on_what_is_really_asked_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that answers zeros, and whose kernels write elsewhere for other inputs, ends in one line, too."""
    crashes = "if any(array.any() for array in np.load(Path(sys.argv[1]).with_name('inputs.npz')).values()): os.abort()"
    imports = "import os, sys; from pathlib import Path; import numpy as np"
    monkeypatch.setattr(trial, "_CODE", f"{imports}\n{crashes}\n{trial._CODE}")
    model = changed("two_ends")
    oracle = trial.tflm_oracle_apart(model)
    zeros = [np.zeros((2, tensor.count), tensor.dtype) for tensor in model.inputs]
    np.testing.assert_array_equal(
        arrays_of(oracle.run(values_of(zeros)))[0], arrays_of(tflm_oracle(model).run(values_of(zeros)))[0]
    )
    with pytest.raises(ModelError, match="crashes on the model"):
        oracle.run(sample_inputs(model, seed=0, count=2).codes)


def test_apart_it_answers_the_same() -> None:
    """Answers and arena use cross the border as they are, at several ends."""
    model = changed("two_ends")
    inputs = sample_inputs(model, seed=0, count=3).codes
    apart, here = trial.tflm_oracle_apart(model), tflm_oracle(model)
    for one, other in zip(arrays_of(apart.run(inputs)), arrays_of(here.run(inputs)), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert (apart.name, apart.version, apart.detail) == (here.name, here.version, here.detail)


def test_a_tensor_in_the_middle_that_is_damaged_is_refused() -> None:
    """Our own reading of it ends in one line, too: only the ends were looked at before."""
    data = bytearray((CASES / "two_ends.tflite").read_bytes())
    graph = TfliteFile(bytes(data)).subgraphs[0]
    tensors = graph.vector(0, 4)
    assert tensors is not None
    at = tensors.start + 4 * 5  # of left/w
    data[at : at + 4] = b"\xff\xff\x0f\x00"
    with pytest.raises(ModelError, match=r"TensorFlow Lite Micro .* refuses the model: an offset leads to"):
        tflm_oracle(parse_model(bytes(data), file="damaged.tflite"))


def test_what_an_interpreter_raises_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage that only its Python classes meet is one line, and of two refusals the first is told."""
    seen: list[Model] = []

    def apart(model: Model) -> Oracle:
        seen.append(model)
        return trial.tflm_oracle_apart(model)

    monkeypatch.setattr(comparison, "tflm_oracle_apart", apart)
    data = bytearray(REFERENCE_MODEL.read_bytes())
    metadata = Table.root(bytes(data)).vector(6, 4)
    assert metadata is not None
    data[metadata.start : metadata.start + 4] = b"\xff\xff\x0f\x00"  # a table that is outside the file
    damaged = parse_model(bytes(data), file="damaged.tflite")
    with pytest.raises(ModelError, match=r"TensorFlow Lite Micro .* refuses the model"):
        tflm_oracle(damaged)
    with pytest.raises(ModelError, match=r"TensorFlow Lite Micro .* refuses the model: (?!TensorFlow)"):
        trial.tflm_oracle_apart(damaged)
    with pytest.raises(ModelError, match=r"LiteRT .* refuses the model"):
        available_oracles(damaged)
    assert seen == [damaged]


def test_integers_that_are_left_out_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of the evidence that is missing has its reason, by its name."""
    real = comparison.integer_oracle

    def refuse(model: Network, rounding: Rounding) -> Oracle:
        if rounding is Rounding.TFLM:
            raise ModelError("no integers for this")
        return real(model, rounding)

    monkeypatch.setattr(comparison, "integer_oracle", refuse)
    told: dict[str, str] = {}
    oracles = available_oracles(
        read_network(tinysine.model.REFERENCE_MODEL),
        on_refusal=lambda name, refusal: told.update({name: refusal.message}),
    )
    assert "integer-double" not in {oracle.name for oracle in oracles}
    assert told == {"integer-double": "no integers for this"}
