"""Checks run concurrently: which one waits for which, and the result of one that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portalcal.core.health import Check, CheckResult, CheckStatus, ConnectionState
from portalcal.errors import NotConnected, WaysOut
from portalcal.ports import ConnectionAdmin
from portalcal.usecases.status.runner import CheckContext, CheckSpec, Dependency, SkipCheck, run_checks


@pytest.fixture
def forever() -> Iterator[Callable[[CheckContext], CheckResult]]:
    """A check that hangs until the test is over."""
    over = threading.Event()

    def hang(check_context: CheckContext) -> CheckResult:
        over.wait()
        return CheckResult("late")

    yield hang
    over.set()


def well(check_context: CheckContext) -> CheckResult:
    return CheckResult("well")


def badly(check_context: CheckContext) -> CheckResult:
    raise NotConnected("default")


def not_at_all(check_context: CheckContext) -> CheckResult:
    raise SkipCheck("why not")


def run_by_name(*specs: CheckSpec, limit: float = 120.0) -> dict[str, Check]:
    """Run the checks; their results by name, in the order of `specs`."""
    context = cast(
        "ConnectionAdmin",
        SimpleNamespace(clock=SimpleNamespace(monotonic=time.monotonic), ways_out=WaysOut()),
    )
    checks = run_checks(specs, CheckContext(context, "default"), limit=limit)
    assert [each.name for each in checks] == [each.name for each in specs]
    return {each.name: each for each in checks}


def test_a_failed_check_skips_those_that_rest_on_it_and_only_those() -> None:
    checks = run_by_name(
        CheckSpec("a", badly),
        CheckSpec("b", well, needs=("a",)),
        CheckSpec("c", well, after=("a",)),
        CheckSpec("d", well, needs=("c", "b")),
    )

    assert (checks["a"].status, checks["a"].means) == (CheckStatus.FAIL, ConnectionState.DISCONNECTED)
    assert (checks["b"].status, checks["b"].detail) == (CheckStatus.SKIPPED, "rests on a")
    assert checks["c"].status is CheckStatus.OK
    assert (checks["d"].status, checks["d"].detail) == (CheckStatus.SKIPPED, "rests on a")


def test_a_skipped_check_does_not_skip_those_that_need_it() -> None:
    checks = run_by_name(CheckSpec("a", not_at_all), CheckSpec("b", well, needs=("a",)))

    assert (checks["a"].status, checks["a"].detail) == (CheckStatus.SKIPPED, "why not")
    assert checks["b"].status is CheckStatus.OK


def test_independent_checks_run_concurrently() -> None:
    both = threading.Barrier(2)

    def meets(check_context: CheckContext) -> CheckResult:
        both.wait(60)
        return CheckResult("met")

    checks = run_by_name(CheckSpec("a", meets), CheckSpec("b", meets))

    assert {each.detail for each in checks.values()} == {"met"}


@pytest.mark.parametrize(
    ("dependency", "means"),
    [
        (Dependency.VAULT, ConnectionState.VAULT_UNAVAILABLE),
        (Dependency.GOOGLE, ConnectionState.UNREACHABLE),
        (Dependency.LEDGER, ConnectionState.UNREACHABLE),
        (Dependency.MACHINE, ConnectionState.UNREACHABLE),
    ],
)
def test_a_check_past_its_deadline_fails_with_the_error_of_its_dependency(
    forever: Callable[[CheckContext], CheckResult], dependency: Dependency, means: ConnectionState
) -> None:
    checks = run_by_name(
        CheckSpec("silent", forever, dependency=dependency),
        CheckSpec("rests", well, needs=("silent",)),
        CheckSpec("other", well),
        limit=0.1,
    )

    assert (checks["silent"].status, checks["silent"].means) == (CheckStatus.FAIL, means)
    assert checks["silent"].hint
    assert checks["rests"].detail == "rests on silent"
    assert checks["other"].status is CheckStatus.OK


def test_the_limit_bounds_the_whole_of_a_chain(forever: Callable[[CheckContext], CheckResult]) -> None:
    checks = run_by_name(
        CheckSpec("a", forever), CheckSpec("b", forever, after=("a",)), CheckSpec("c", forever, after=("b",)),
        limit=0.1,
    )  # fmt: skip

    assert {each.status for each in checks.values()} == {CheckStatus.FAIL}


def test_a_bug_in_a_check_is_raised_and_not_reported_as_a_failed_check() -> None:
    def buggy(check_context: CheckContext) -> CheckResult:
        return cast("Any", None).detail  # type: ignore[no-any-return]

    with pytest.raises(AttributeError):
        run_by_name(CheckSpec("a", buggy), CheckSpec("b", well))


def test_the_duration_of_a_check_is_reported() -> None:
    def slow(check_context: CheckContext) -> CheckResult:
        threading.Event().wait(0.02)
        return CheckResult("slow")

    assert run_by_name(CheckSpec("a", slow))["a"].millis >= 15


def test_an_error_that_several_checks_met_is_reported_by_the_one_that_others_need() -> None:
    checks = run_by_name(
        CheckSpec("a", badly),
        CheckSpec("b", badly),
        CheckSpec("c", well, needs=("b",)),
        CheckSpec("d", badly, after=("c",)),
    )

    assert [each.name for each in checks.values() if each.status is CheckStatus.FAIL] == ["b"]
    assert {each.detail for each in checks.values() if each.status is CheckStatus.SKIPPED} == {"rests on b"}
