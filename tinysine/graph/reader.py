"""A model -> a network for the generated engine, or one ModelError that says what is in the way."""

from __future__ import annotations

import os

from tinysine.errors import ModelError
from tinysine.graph.chain import read_chain
from tinysine.graph.network import DenseChain, Network
from tinysine.model import Model, read_model
from tinysine.model.reader import damage_reported, read_bytes, tflite_bytes
from tinysine.tflite import tflite_file as raw


def read_network(path: str | os.PathLike[str]) -> Network:
    """Read a .tflite file, or C source with the bytes of one, that the generated engine can run.

    Args:
        path: of a regular file.
    Raises:
        ModelError: the file is missing, unreadable, damaged, of another kind, or not a network that is supported.
    """
    return parse_network(read_bytes(path), file=os.fspath(path))


def as_network(model: Model, *, file: str) -> Network | None:
    """Return the model as a network, None where the generated engine could not run it.

    Args:
        model: any.
        file: its name, for messages.
    """
    try:
        return parse_network(model.source, file=file)
    except ModelError:
        return None


def read_judged(path: str | os.PathLike[str], *, own: bool) -> Model:
    """Read a model as its firmware needs it.

    Args:
        path: of a regular file.
        own: the generated engine has to run it. Else any model will do; it is a Network where the engine could.
    Raises:
        ModelError: as `read_network` or `read_model`.
    """
    if own:
        return read_network(path)
    model = read_model(path)
    return as_network(model, file=os.fspath(path)) or model


def parse_network(data: bytes, *, file: str) -> Network:
    """Turn the bytes of a .tflite file, or of C source with one in it, into a network.

    Args:
        data: the whole file.
        file: its name, for messages.
    Returns:
        Its `sha256` is that of the .tflite file's bytes, also where they came out of C source.
    Raises:
        ModelError: damaged, or not a network that is supported; facts say where.
    """
    data = tflite_bytes(bytes(data), file=file)
    refusal: ModelError
    try:
        with damage_reported(file):
            try:
                return read_chain(data, file=file)
            except ModelError as not_a_chain:
                refusal = not_a_chain
            # Not of a chain: it brings every operator with it.
            from tinysine.graph.graph_reader import read_graph  # noqa: PLC0415

            try:
                return read_graph(data, file=file)
            except ModelError as not_a_graph:
                if not _is_dense(data):
                    refusal = not_a_graph
    except ModelError as damage:
        refusal = damage
    # The first thing that the reader could not take is seldom the reason why: the file is looked at as a whole.
    from tinysine.graph.diagnosis import diagnose  # noqa: PLC0415  # brings every operator with it

    raise diagnose(data, file=file) or refusal


def parse_chain(data: bytes, *, file: str) -> DenseChain:
    """Turn the bytes of a file, as `parse_network` takes them, into a chain of dense layers.

    Raises:
        ModelError: as `parse_network`, and for a network of another kind.
    """
    network = parse_network(data, file=file)
    if not isinstance(network, DenseChain):
        with damage_reported(file):
            read_chain(network.source, file=file)
        raise AssertionError("a network is a graph only where it is no chain")
    return network


def _is_dense(data: bytes) -> bool:
    """Tell whether a file has only operators of a dense chain.

    Raises:
        Damaged: the bytes contradict themselves.
    """
    tflite = raw.TfliteFile(data)
    if len(tflite.subgraphs) != 1:
        return True
    tflite.open_graph()
    count = min(tflite.operator_count, raw.MOST_OPERATORS)
    return all(tflite.operator(number).code in raw.DENSE_CHAIN for number in range(count))
