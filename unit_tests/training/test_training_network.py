"""The Keras network of the article, and what its optimizer is."""

from __future__ import annotations

import pytest

from tinysine.training import TrainingSettings, build_network, new_optimizer

pytestmark = pytest.mark.long  # TensorFlow takes ten seconds of processor time to be imported


@pytest.mark.parametrize(
    ("network", "widths", "parameters"), [("model_1", [16, 1], 49), ("model_2", [16, 16, 1], 321)]
)
def test_network_is_the_articles(network: str, widths: list[int], parameters: int) -> None:
    """Dense layers of the right widths, relu on all but the last."""
    model = build_network(TrainingSettings(network=network))
    assert [layer.units for layer in model.layers] == widths
    assert [layer.activation.__name__ for layer in model.layers] == ["relu"] * (len(widths) - 1) + ["linear"]
    assert model.count_params() == parameters


def test_initial_weights_depend_on_the_seed_alone() -> None:
    """The same seed draws the same weights, whatever was drawn before; another seed draws others."""
    first, again, other = (build_network(TrainingSettings(seed=seed)).get_weights() for seed in (1, 1, 2))
    assert all((mine == same).all() for mine, same in zip(first, again, strict=True))
    assert not (first[0] == other[0]).all()


@pytest.mark.parametrize(
    ("averaged", "epochs", "momentum"), [(0.1, 600, 1 - 1 / 2280), (0.0, 600, None), (0.01, 1, None)]
)
def test_the_memory_of_the_average_is_a_share_of_all_steps(
    averaged: float, epochs: int, momentum: float | None
) -> None:
    """600 epochs of 38 steps, a tenth of them remembered; nothing is averaged where that is no step."""
    optimizer = new_optimizer(TrainingSettings(averaged=averaged, epochs=epochs), samples=600)
    assert type(optimizer).__name__ == "RMSprop"
    assert optimizer.use_ema is (momentum is not None)
    if momentum is not None:
        assert optimizer.ema_momentum == pytest.approx(momentum)
