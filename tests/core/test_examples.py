"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import portalcal.core
import portalcal.views

MODULES = [
    each.name
    for package in (portalcal.core, portalcal.views)
    for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
] + ["portalcal.sanitize"]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
