"""The recipe: its defaults are the article's, and nonsense is refused with the key that carries it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.errors import ConfigError
from tinysine.training import TrainingSettings
from tinysine.training.settings import hidden_widths


def test_defaults_are_the_articles() -> None:
    """1,000 samples, noise 0.1, 60/20/20, 600 epochs of batches of 16, the second network."""
    settings = TrainingSettings()
    assert (settings.samples, settings.noise, settings.epochs, settings.batch_size) == (1000, 0.1, 600, 16)
    assert settings.split_counts == (600, 200, 200)
    assert settings.layer_sizes == (1, 16, 16, 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("samples", 2),
        ("samples", 1000.0),
        ("samples", True),
        ("noise", -0.1),
        ("noise", float("nan")),
        ("noise", float("inf")),
        ("split", (0.6, 0.2)),
        ("split", (0.6, 0.2, 0.3)),
        ("split", (1.0, 0.0, 0.0)),
        ("split", (0.9999, 0.00005, 0.00005)),
        ("seed", -1),
        ("epochs", 0),
        ("batch_size", 0),
        ("network", "model_3"),
        ("network", ""),
        ("network", "16-0"),
        ("network", "16-"),
        ("network", "²"),
        ("learning_rate", 0.0),
        ("averaged", 1.5),
    ],
)
def test_nonsense_is_refused_by_key(key: str, value: object) -> None:
    """A value that makes no sense is a ConfigError that names its key."""
    with pytest.raises(ConfigError) as caught:
        TrainingSettings(**{key: value})  # type: ignore[arg-type]
    assert caught.value.facts["key"] == key
    assert caught.value.hint


def test_network_with_a_typing_error_gets_its_nearest_name() -> None:
    """Somebody who types model2 is asked whether they meant model_2."""
    with pytest.raises(ConfigError, match="did you mean 'model_2'"):
        hidden_widths("model2")


def test_network_by_widths() -> None:
    """Widths joined by dashes make a network of one's own."""
    assert TrainingSettings(network="32-8").layer_sizes == (1, 32, 8, 1)


@given(samples=st.integers(200, 5000), train=st.integers(10, 80), validation=st.integers(10, 80))
def test_split_loses_no_sample(samples: int, train: int, validation: int) -> None:
    """Whatever the fractions, the three parts add up to all samples and each is within one of its share."""
    total = train + validation + 10
    split = (train / total, validation / total, 10 / total)
    counts = TrainingSettings(samples=samples, split=split).split_counts
    assert sum(counts) == samples
    assert all(abs(count - part * samples) <= 1.0 for count, part in zip(counts, split, strict=True))


def test_command_line_has_the_same_defaults() -> None:
    """`tinysine train` and `run`, which cannot afford to import this room at start, agree with it."""
    import inspect

    from tinysine import training_defaults
    from tinysine.commands import make, run

    settings = TrainingSettings()
    for command in (make.train, run.run):
        options = inspect.signature(command).parameters
        shared = options.keys() & vars(settings).keys()
        assert {"samples", "noise", "split", "seed", "epochs", "batch_size", "network"} <= shared
        for key in shared:
            # `run` trains other examples, too, each with its own number of epochs.
            default = training_defaults.EPOCHS if options[key].default is None else options[key].default
            assert default == getattr(settings, key), f"{command.__name__} --{key}"
