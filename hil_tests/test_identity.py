"""The device proves what it runs, and the proof can fail."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from msgspec import structs

from tinysine.boards import Board
from tinysine.device import Device
from tinysine.errors import IdentityMismatch
from tinysine.graph import Network
from tinysine.image import Image
from tinysine.quantization import Rounding
from tinysine.rigs import Rig
from tinysine.tensor_values import values_of


def test_identity_is_that_of_the_image(
    tinysine_device: Device, tinysine_image: Image, tinysine_model: Network, tinysine_board: Board
) -> None:
    """Board, model, build and rounding are what was built; the tensors are the model's."""
    identity = tinysine_device.identity
    tinysine_device.require(tinysine_image)
    assert identity.protocol == (2, 0)
    assert identity.board == tinysine_board.name[:15]
    assert identity.model_sha256 == tinysine_model.sha256
    assert identity.build_id == tinysine_image.build_id
    assert identity.reference == tinysine_image.rounding.value
    assert identity.size_profile == (tinysine_image.optimize == "size")
    assert identity.payload_max == tinysine_image.board.limits.payload_bytes
    assert len(identity.inputs) == len(tinysine_model.inputs)
    for ours, told in zip(
        (*tinysine_model.inputs, *tinysine_model.outputs), (*identity.inputs, *identity.outputs), strict=True
    ):
        quantization = told.quantization
        assert (told.dtype, told.shape) == (ours.dtype, ours.shape)
        assert (quantization is None) == (ours.quantization is None)
        if quantization is not None and ours.quantization is not None:
            assert quantization.zero_point == ours.quantization.zero_point
            assert quantization.scale == pytest.approx(ours.quantization.scale, rel=1e-6)


def test_identity_of_another_image_is_refused(tinysine_device: Device, tinysine_image: Image) -> None:
    """A differing build, model, rounding or board is a mismatch, and the error names the field."""
    image = tinysine_image
    other_rounding = Rounding.TFLM if image.rounding is Rounding.LITERT else Rounding.LITERT
    for field, other in (
        ("build_id", dataclasses.replace(image, build_id=bytes(16))),
        ("model_sha256", dataclasses.replace(image, model_sha256="0" * 64)),
        ("rounding", dataclasses.replace(image, rounding=other_rounding)),
        ("board", dataclasses.replace(image, board=structs.replace(image.board, name="another"))),
    ):
        with pytest.raises(IdentityMismatch) as refusal:
            tinysine_device.require(other)
        assert refusal.value.field == field


def test_identity_says_whether_the_chip_is_made_of_software(
    tinysine_device: Device, tinysine_rig: Rig
) -> None:
    """A chip of ours says so by its unique id, from wherever it is reached; a real one never does."""
    identity = tinysine_device.identity
    if tinysine_rig.kind in ("emulated", "host") and identity.unique_id is not None:
        assert identity.is_twin
    assert not (identity.is_twin and tinysine_rig.kind in ("hardware", "unknown"))


def test_identity_survives_a_reset(tinysine_device: Device, tinysine_image: Image) -> None:
    """After a reset by request the same build answers, and its counters begin anew."""
    tensors = tinysine_device.identity.inputs
    tinysine_device.infer(values_of([np.zeros((1, tensor.count), tensor.dtype) for tensor in tensors]))
    before = tinysine_device.counters()
    tinysine_device.reset()
    tinysine_device.require(tinysine_image)
    assert tinysine_device.counters().answered < before.answered + 3
    assert tinysine_device.last_fault() is None
