"""Print a model.h for a model of one 8-bit input: an engine that is a table of all its answers.

python make_model.py sine_int8.tflite > model.h
"""

import sys

from tinysine.model import read_model
from tinysine.oracles import litert_oracle
from tinysine.stimuli import all_inputs

CODES = {"uint8": 3, "int8": 9}


def rows(values: bytes) -> str:
    """Bytes as C writes them, sixteen in a line."""
    lines = (values[start : start + 16] for start in range(0, len(values), 16))
    return "\n".join("    " + " ".join(f"0x{byte:02x}," for byte in line) for line in lines)


model = read_model(sys.argv[1])
inputs = all_inputs(model).codes
answers = litert_oracle(model).run(inputs)
# The input's byte is the place in the table.
table = answers[inputs[:, 0].astype("u1").argsort()]
print("/* Made by make_model.py. */")
print("#define MODEL_REFERENCE 0 /* litert */")
print(f"static const uint8_t MODEL_SHA256[32] = {{\n{rows(bytes.fromhex(model.sha256))}\n}};")
for name, tensor in (("INPUT", model.input), ("OUTPUT", model.output)):
    assert tensor.quantization is not None
    print(f"#define MODEL_{name}S {tensor.count}")
    print(f"#define MODEL_{name}_DTYPE {CODES[tensor.dtype.name]} /* {tensor.dtype.name} */")
    print(f"#define MODEL_{name}_SCALE {float(tensor.quantization.scale).hex()}f")
    print(f"#define MODEL_{name}_ZERO_POINT ({tensor.quantization.zero_point})")
print(f"static const uint8_t model_table[256 * MODEL_OUTPUTS] = {{\n{rows(table.tobytes())}\n}};")
print("static void model_infer(const uint8_t *input, uint8_t *output) {")
print("    memcpy(output, model_table + *input * MODEL_OUTPUTS, MODEL_OUTPUTS);\n}")
