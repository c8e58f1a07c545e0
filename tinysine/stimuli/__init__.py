"""Inputs for a model: every input there is, a seeded sample with the corners, or a user's own data."""

from tinysine.stimuli.data_file import DataSet, read_data
from tinysine.stimuli.sampled import Inputs, all_inputs, check_count, is_exhaustive, sample_inputs

__all__ = ["DataSet", "Inputs", "all_inputs", "check_count", "is_exhaustive", "read_data", "sample_inputs"]
