"""The converter: types, agreement, bytes that repeat, noise that goes to the log."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.training import (
    Converted,
    Trained,
    convert,
    convert_network,
    run_float_tflite,
    size_table,
    train,
)


@pytest.fixture(scope="module")
def converted(trained: Trained) -> Converted:
    """Its three TensorFlow Lite files."""
    return convert(trained)


def _run_int8(tflite: bytes, x: NDArray[np.float32]) -> NDArray[np.float64]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=tflite, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (first,), (last,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert first["dtype"] is np.int8
    assert last["dtype"] is np.int8
    scale, zero_point = first["quantization"]
    out = []
    for code in np.clip(np.round(x / scale) + zero_point, -128, 127).astype(np.int8):
        interpreter.set_tensor(first["index"], np.array([[code]], np.int8))
        interpreter.invoke()
        out.append(int(interpreter.get_tensor(last["index"])[0, 0]))
    scale, zero_point = last["quantization"]
    return (np.array(out) - zero_point) * scale


@pytest.mark.long
def test_float_model_computes_what_the_network_does(trained: Trained, converted: Converted) -> None:
    """The float file agrees with the network to float32 rounding, and so does the dynamic one, roughly."""
    x = np.linspace(0.0, 6.28, 101, dtype=np.float32)
    np.testing.assert_allclose(run_float_tflite(converted.float_tflite, x), trained.predict(x), atol=1e-5)
    np.testing.assert_allclose(run_float_tflite(converted.dynamic_tflite, x), trained.predict(x), atol=0.1)


@pytest.mark.long
def test_int8_model_is_integer_from_end_to_end(trained: Trained, converted: Converted) -> None:
    """Input and output are int8, no float tensor is left, and the output follows the network."""
    from ai_edge_litert.interpreter import Interpreter

    x = trained.dataset.train.x[:100]
    np.testing.assert_allclose(_run_int8(converted.int8_tflite, x), trained.predict(x), atol=0.06)
    details = Interpreter(model_content=converted.int8_tflite).get_tensor_details()
    assert {detail["dtype"] for detail in details} <= {np.int8, np.int32}


@pytest.mark.long
def test_representative_data_is_the_training_set(trained: Trained, converted: Converted) -> None:
    """The int8 ranges were measured on the training inputs and on nothing else."""
    np.testing.assert_array_equal(converted.representative[:, 0], trained.dataset.train.x)
    assert converted.representative.shape == (600, 1)


@pytest.mark.long
def test_converting_twice_gives_the_same_bytes(trained: Trained, converted: Converted) -> None:
    """Earlier work of the process leaves no trace in the file, such as a counter in a layer's name."""
    again = convert(train(trained.settings))
    assert again.int8_tflite == converted.int8_tflite
    assert trained.versions["tensorflow"]


@pytest.mark.long
def test_network_that_cannot_be_converted_is_a_model_error() -> None:
    """A refusal of the converter becomes one ModelError with the converter's own first line."""

    class NoNetwork:
        """Has nothing a converter could use."""

    with pytest.raises(ModelError, match="could not be converted"):
        convert_network(NoNetwork(), np.zeros((1, 1), np.float32))


@pytest.mark.long
def test_size_table_has_every_form(trained: Trained, converted: Converted) -> None:
    """Parameters, three files and the C array, each with the size it really has."""
    rows = {
        row.form: row.size_bytes
        for row in size_table(converted, parameters=trained.parameters, c_source="int x;")
    }
    assert rows["Keras parameters"] == 4 * 321
    assert rows["TensorFlow Lite, float"] == len(converted.float_tflite)
    assert rows["TensorFlow Lite, int8"] == rows["C array, int8"] == len(converted.int8_tflite)
    assert rows["C source of the array"] == 6
    assert "C array, int8" not in {row.form for row in size_table(converted, parameters=321)}


@pytest.mark.parametrize("data", [b"", b"no model", bytes(4000)])
def test_interpreter_refuses_what_is_no_model(data: bytes) -> None:
    """Bytes that are no model are a ModelError, not a crash."""
    with pytest.raises(ModelError):
        run_float_tflite(data, np.zeros(1, np.float32))


@pytest.mark.long
def test_interpreter_sends_int8_models_elsewhere(converted: Converted) -> None:
    """An int8 model has no float ends, and the error says where to go."""
    with pytest.raises(ModelError, match=r"tinysine\.oracles"):
        run_float_tflite(converted.int8_tflite, np.zeros(1, np.float32))
