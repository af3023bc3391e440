"""What users and other packages rely on: a change here is a change for them, and belongs into the changelog."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest_complexity
from pytest_complexity.calls import CALL_POLICIES
from pytest_complexity.labels.rules import RULES
from pytest_complexity.learning.classifiers import CLASSIFIERS
from pytest_complexity.models import registry
from pytest_complexity.policies.registry import POLICIES
from pytest_complexity.suites import SUITES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_package_exports_these_names() -> None:
    assert sorted(pytest_complexity.__all__) == ["Cascade", "Outcome", "Task", "Trial", "Verdict"]
    assert all(hasattr(pytest_complexity, name) for name in pytest_complexity.__all__)


def test_other_packages_register_under_these_groups() -> None:
    assert {
        registry.ADAPTERS.group: registry.ADAPTERS.kind,
        CALL_POLICIES.group: CALL_POLICIES.kind,
        CLASSIFIERS.group: CLASSIFIERS.kind,
        SUITES.group: SUITES.kind,
        RULES.group: RULES.kind,
        POLICIES.group: POLICIES.kind,
    } == {
        "pytest_complexity.models": "adapter",
        "pytest_complexity.calls": "call policy",
        "pytest_complexity.classifiers": "classifier",
        "pytest_complexity.suites": "suite",
        "pytest_complexity.rules": "label rule",
        "pytest_complexity.policies": "policy",
    }


def test_these_names_are_built_in() -> None:
    assert list(CALL_POLICIES.built_in) == ["all", "lazy", "budget", "switching", "cascade"]
    assert list(CLASSIFIERS.built_in) == ["majority", "length", "knn", "tfidf", "embedding", "lm", "openai"]
    assert list(RULES.built_in) == ["complexitynet", "tier"]
    assert list(POLICIES.built_in) == ["routers", "assignment", "always", "oracle", "random"]
    assert list(SUITES.built_in) == ["mbpp", "humaneval", "mbpp+", "humaneval+"]
    assert list(registry.BUILT_IN) == ["codellama", "gpt35", "gpt4", "scripted"]
    assert list(registry.ADAPTERS.built_in) == ["openai", "ctransformers", "llamacpp", "scripted"]


def test_whatever_is_built_in_can_be_imported() -> None:
    for things in (CALL_POLICIES, CLASSIFIERS, SUITES, RULES, POLICIES, registry.ADAPTERS):
        for name in things.built_in:
            assert callable(things.load(name))


def test_the_distribution_offers_one_plugin_and_one_command() -> None:
    project = tomllib.loads(PROJECT.read_text())["project"]
    assert project["entry-points"] == {"pytest11": {"complexity": "pytest_complexity.plugin"}}
    assert project["scripts"] == {"pytest-complexity": "pytest_complexity.cli:main"}
