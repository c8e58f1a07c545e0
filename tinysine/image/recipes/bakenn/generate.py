"""Have bakenn write the C of a model. Usage: generate.py MODEL OUT [CORE].

With a core, such as cortex-m4, it may call CMSIS-NN's kernels, whose sources it brings along.

It takes no free batch and no RESHAPE without options: it is handed a copy without shape signatures, and with the
options that the static shapes imply. The numbers of the model are untouched.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tempfile
from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

NAME = "model"


def normalised(data: bytes) -> bytes:
    """The same model with static shapes only, said in full."""
    file = schema.ModelT.InitFromPackedBuf(data, 0)
    for graph in file.subgraphs:
        for tensor in graph.tensors:
            tensor.shapeSignature = None
        for operator in graph.operators:
            code = file.operatorCodes[operator.opcodeIndex]
            is_reshape = max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.RESHAPE
            if is_reshape and operator.builtinOptions is None:
                operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
                operator.builtinOptions = schema.ReshapeOptionsT()
                operator.builtinOptions.newShape = list(graph.tensors[operator.outputs[0]].shape)
    builder = flatbuffers.Builder(len(data))
    builder.Finish(file.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def with_names(said: str) -> str:
    """Return what bakenn said, with an operator's name behind its code."""
    names = {str(value): name for name, value in vars(schema.BuiltinOperator).items()}
    return re.sub(
        r"(?<=operator code )\d+", lambda code: f"{code[0]} ({names.get(code[0], 'unknown')})", said
    )


def main(model: Path, out: Path, core: str = "") -> None:
    """Write the C files into `out`."""
    try:
        import bakenn  # noqa: PLC0415 - optional
    except ImportError:
        sys.exit('error: bakenn is not installed; pip install "tinysine[engines]"')
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{NAME}.tflite"
        copy.write_bytes(normalised(model.read_bytes()))
        try:
            options = bakenn.CBackendOptions()
            if core:
                # CMSIS-NN has two kinds of kernels: for cores with the DSP extension, and for those without.
                target = "cortex-m4" if core in ("cortex-m4", "cortex-m7") else "cortex-m0plus"
                options = bakenn.CBackendOptions(
                    kernel_policy=bakenn.KernelPolicy.AUTO,
                    enable_cmsis_nn=True,
                    target=bakenn.resolve_target(target),
                )
            bakenn.compile_tflite(copy, out, name=NAME, backend_options=options)
        except bakenn.BakeNNError as error:
            version = importlib.metadata.version("bakenn")
            sys.stderr.write(f"error: bakenn {version} refuses the model: {with_names(str(error))}\n")
            sys.exit(65)  # the model is at fault


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
