"""The networks of known shapes are what the generated engine runs, and what they are called."""

from __future__ import annotations

import typing

import pytest

from tinysine.commands.zoo import Shape
from tinysine.errors import ConfigError
from tinysine.graph import parse_network
from tinysine.oracles import integer_oracle, litert_oracle
from tinysine.quantization import Rounding
from tinysine.stimuli import sample_inputs
from tinysine.zoo.shapes import SHAPES, make_shape

# Multiply-accumulates of one inference; those of MLPerf Tiny's are known from its own files.
MACS = {"ad": 264_192, "kws": 2_656_768, "resnet": 12_501_632, "vww": 7_489_664, "micro-speech": 336_000}


@pytest.mark.long
@pytest.mark.parametrize("name", ["kws", "magic-wand"])  # each takes a conversion of many seconds
def test_a_shape_is_run_by_the_engine(name: str) -> None:
    """Its work is that of the network it is called after; integers equal LiteRT, and its outputs differ."""
    pytest.importorskip("tensorflow")
    model = parse_network(make_shape(name, seed=1).int8_tflite, file=name)
    if name in MACS:
        assert model.multiply_accumulates == MACS[name]
    inputs = sample_inputs(model, seed=0, count=4).codes
    wanted = litert_oracle(model).run(inputs)
    assert (integer_oracle(model, Rounding.LITERT).run(inputs) == wanted).all()


def test_the_command_knows_every_shape() -> None:
    """The names that the command line takes are those that there are."""
    literal, _argument = typing.get_args(Shape)
    assert typing.get_args(literal) == tuple(SHAPES)


def test_another_shape_is_refused() -> None:
    """A name that is none is told, and which there are."""
    with pytest.raises(ConfigError, match="no shape bert") as refusal:
        make_shape("bert", seed=0)
    assert refusal.value.facts["allowed"] == tuple(SHAPES)
