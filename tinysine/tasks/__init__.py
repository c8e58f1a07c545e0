"""Judges of a model's task, for models of that kind: the sine curve, a classifier's classes. All optional."""

from tinysine.tasks.classifier import ClassVerdict, check_labels, judge_classes
from tinysine.tasks.sine import SINE_CRITERION, SineVerdict, judge_sine, sine_likeness
from tinysine.tasks.sine_budget import ErrorBudget, budget_of, error_budget, real_network
from tinysine.tasks.sine_curve import sine

__all__ = [
    "SINE_CRITERION",
    "ClassVerdict",
    "ErrorBudget",
    "SineVerdict",
    "budget_of",
    "check_labels",
    "error_budget",
    "judge_classes",
    "judge_sine",
    "real_network",
    "sine",
    "sine_likeness",
]
