"""Fixtures and options shared by all tests."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import NoReturn

import jsonschema
import pytest

from cases import CASES
from command import write_spec
from convgen.bench.run import emulator
from convgen.report import report, schema

NOT_QUICK = ("emulator", "slow")
LONGEST_FIRST = ("slow", "emulator")
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
SHARED_LAYERS = Path(__file__).resolve().parents[2] / "shared" / "layers"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
    parser.addoption("--update-speed", action="store_true", help="rewrite tests/speed")
    parser.addoption("--fuzz-seconds", default=120.0, type=float, help="of tests/test_fuzz.py")
    parser.addoption("--fuzz-seed", default=0, type=int, help="of tests/test_fuzz.py")
    parser.addoption("--random-layers", type=int, default=40, help="of tests/test_every_target.py")


def pytest_configure() -> None:
    """Let what the tests start have the usual signals, where this run has been told to ignore some.

    Shells do so in the background, and nohup. What is caught here goes back to its default there.
    """
    os.environ.pop("COLUMNS", None)  # pytest-xdist sets it, and then text breaks where nobody reads
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN and number not in IGNORED_BY_PYTHON:
            signal.signal(number, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: [item.get_closest_marker(mark) is None for mark in LONGEST_FIRST])


@pytest.fixture(autouse=True)
def _emulators_run_only_where_marked(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `make quick` leaves out is what is marked, and nothing else takes an emulator."""
    if not any(map(request.node.get_closest_marker, NOT_QUICK)):
        monkeypatch.setattr(emulator, "run", _unmarked)


def _unmarked(*_: object, **__: object) -> NoReturn:
    pytest.fail("this test runs an emulator: mark it with @pytest.mark.emulator")


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the tests of a session have in common: two of them compile nothing twice."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache"


@pytest.fixture(autouse=True)
def _a_cache_for_each_session(session_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds what another session has left, or leaves anything with the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(session_cache))


@pytest.fixture(scope="session")
def report_schema() -> jsonschema.Draft202012Validator:
    """What ``--schema report`` prints."""
    printed = schema.json_schema()
    jsonschema.Draft202012Validator.check_schema(printed)
    return jsonschema.Draft202012Validator(printed)


@pytest.fixture(autouse=True)
def _every_report_is_of_the_schema(
    report_schema: jsonschema.Draft202012Validator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test makes a report that ``--schema report`` does not describe."""
    original = report.as_json

    def checked(made: report.Report) -> str:
        report_schema.validate(json.loads(json.dumps(made)))
        return original(made)

    monkeypatch.setattr(report, "as_json", checked)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that no other test uses."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.with_name(f"{tmp_path.name}-cache")))


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def update_speed(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-speed"))


@pytest.fixture
def random_layers(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--random-layers"))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A current folder that holds nothing but a small layer's spec, layer.json."""
    monkeypatch.chdir(tmp_path)
    write_spec(CASES["first"])


@pytest.fixture(scope="session")
def shared_layers() -> Path:
    """The real layers beside the checkout; not everyone has them."""
    if not SHARED_LAYERS.parent.is_dir():
        pytest.skip("no ../shared/layers beside this checkout")
    return SHARED_LAYERS
