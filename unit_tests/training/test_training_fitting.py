"""Keras' fit: repeatable, watched, stopped where it diverges, and its average of the weights is the result."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.errors import ConfigError
from tinysine.training import Samples, Trained, TrainingSettings, make_dataset, train

Watched = tuple[Trained, list[tuple[int, int, float, float]]]


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_training_is_repeatable_and_depends_on_the_seed(watched: Watched, seed: int) -> None:
    """Same settings, same weights to the last bit; another seed, other weights."""
    again = train(TrainingSettings(seed=seed, epochs=4))
    pairs = zip(watched[0].model.get_weights(), again.model.get_weights(), strict=True)
    assert all((mine == theirs).all() for mine, theirs in pairs) is (seed == 1)


@pytest.mark.long
def test_every_epoch_is_reported_once_and_in_order(watched: Watched) -> None:
    """The callback counts epochs from 1 and carries the history's own loss and MAE."""
    trained, seen = watched
    assert [told[:2] for told in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [told[2] for told in seen] == list(trained.history["loss"])
    assert [told[3] for told in seen] == list(trained.history["mae"])
    assert {len(values) for values in trained.history.values()} == {4}
    assert trained.parameters == 321
    assert "train_step" not in vars(trained.model), "a later fit of its own would be ours"


@pytest.mark.long
def test_history_is_of_the_data(watched: Watched) -> None:
    """The loss falls, and validation is judged on the validation set by the weights at an epoch's end."""
    history = watched[0].history
    assert history["loss"][-1] < history["loss"][0]
    alone = train(TrainingSettings(seed=1, epochs=1, averaged=0.0))
    held_out = alone.dataset.validation
    error = np.abs(alone.predict(held_out.x) - held_out.y).mean()
    assert alone.history["val_mae"][0] == pytest.approx(error, rel=1e-4)


@pytest.mark.long
def test_own_data_are_used_and_weights_are_averaged() -> None:
    """A constant is learned as a constant; without the average the last weights are the result."""
    x = np.linspace(0.0, 1.0, 64, dtype=np.float32)
    flat = Samples(x, np.full_like(x, 0.5))
    mine = make_dataset(TrainingSettings())
    mine = type(mine)(clean=flat, noisy=flat, train=flat, validation=flat, test=flat)
    averaged, last = (
        train(TrainingSettings(epochs=100, learning_rate=0.01, averaged=share), dataset=mine)
        for share in (0.2, 0.0)
    )
    np.testing.assert_allclose(averaged.predict(x), 0.5, atol=0.1)
    assert last.history["val_loss"][-1] == pytest.approx(np.mean((last.predict(x) - 0.5) ** 2), rel=1e-3)
    assert not (averaged.model.get_weights()[0] == last.model.get_weights()[0]).all()


@pytest.mark.long
def test_divergence_is_reported_and_not_returned() -> None:
    """A learning rate that blows the loss up is a ConfigError about it."""
    with pytest.raises(ConfigError, match="diverged") as caught:
        train(TrainingSettings(epochs=2, learning_rate=1e6, network="16-16"))
    assert caught.value.facts["key"] == "learning_rate"


@pytest.mark.long
def test_the_recipe_finds_the_sine() -> None:
    """A fifth of the epochs brings the prediction near the sine already."""
    trained = train(TrainingSettings(epochs=120))
    x = np.linspace(0.0, 6.28, 50, dtype=np.float32)
    assert np.mean(np.abs(trained.predict(x) - np.sin(x))) < 0.1
