"""Write answers.h: what LiteRT's reference answers to each code of a model of one int8. Usage: answers.py MODEL OUT."""

import sys
from pathlib import Path

import numpy as np
from ai_edge_litert import interpreter as litert

interpreter = litert.Interpreter(sys.argv[1], experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF)
interpreter.allocate_tensors()
(into,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
answers = []
for code in range(-128, 128):
    interpreter.set_tensor(into["index"], np.full(into["shape"], code, np.int8))
    interpreter.invoke()
    answers.append(str(int(interpreter.get_tensor(result["index"]).ravel()[0])))
text = f"static const int8_t answers[] = {{{', '.join(answers)}}};\n"
(Path(sys.argv[2]) / "answers.h").write_text(text)
