"""Options, markers and fixtures for tests that need a board, real or emulated.

Loaded in every pytest run of an environment that has tinysine, so nothing heavy is imported before a fixture
asks for it. pytest finds here what the modules beside this define.
"""

from tinysine.pytest_plugin.between_tests import (
    pytest_fixture_setup,
    pytest_report_teststatus,
    pytest_runtest_makereport,
    pytest_runtest_setup,
    pytest_runtest_teardown,
)
from tinysine.pytest_plugin.fixtures import (
    tinysine_assert_equal,
    tinysine_board,
    tinysine_device,
    tinysine_entry,
    tinysine_firmware,
    tinysine_image,
    tinysine_inputs,
    tinysine_layers,
    tinysine_model,
    tinysine_oracles,
    tinysine_reference,
    tinysine_rig,
    tinysine_soak,
    tinysine_station,
)
from tinysine.pytest_plugin.gates import tinysine_assert_gates
from tinysine.pytest_plugin.options import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_generate_tests,
    pytest_report_header,
    pytest_xdist_auto_num_workers,
)

__all__ = [
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_fixture_setup",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_report_teststatus",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_runtest_teardown",
    "pytest_xdist_auto_num_workers",
    "tinysine_assert_equal",
    "tinysine_assert_gates",
    "tinysine_board",
    "tinysine_device",
    "tinysine_entry",
    "tinysine_firmware",
    "tinysine_image",
    "tinysine_inputs",
    "tinysine_layers",
    "tinysine_model",
    "tinysine_oracles",
    "tinysine_reference",
    "tinysine_rig",
    "tinysine_soak",
    "tinysine_station",
]
