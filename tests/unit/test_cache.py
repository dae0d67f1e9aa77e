"""The cache: whole files or none, and a run that does without where it cannot be had."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from convgen.system import cache

CONTENT = b"content" * 10_000


def test_what_was_stored_is_found_by_what_it_is_made_from(tmp_path: Path) -> None:
    with cache.kept_in(tmp_path):
        cache.store(cache.key("a", 1), CONTENT)
        assert cache.load(cache.key("a", 1)) == CONTENT
        assert cache.load(cache.key("a", 2)) is None


def test_files_are_made_once(tmp_path: Path) -> None:
    made = (("a.o", CONTENT), ("a.su", b""))
    with cache.kept_in(tmp_path):
        assert cache.kept_files("name") is None
        assert cache.files("name", lambda: made) == made
        assert cache.files("name", tuple) == made
        assert cache.kept_files("name") == made
        (stored,) = tmp_path.iterdir()
        stored.write_bytes(CONTENT)
        assert cache.kept_files("name") is None


def test_nothing_is_read_or_written_without_a_folder(tmp_path: Path) -> None:
    with cache.kept_in(tmp_path):
        cache.store("name", CONTENT)
        with cache.kept_in(None):
            cache.store("other", CONTENT)
            assert cache.load("name") is None
        assert cache.load("other") is None
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


@pytest.mark.parametrize("damaged", [b"", CONTENT, b"\0" * 32 + CONTENT])
def test_what_is_damaged_is_not_there(tmp_path: Path, damaged: bytes) -> None:
    with cache.kept_in(tmp_path):
        (tmp_path / "name").write_bytes(damaged)
        assert cache.load("name") is None
        cache.store("name", CONTENT)
        assert cache.load("name") == CONTENT


def test_a_folder_that_cannot_be_had_fails_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below", Path("/proc/nowhere")):
        with cache.kept_in(folder):
            cache.store("name", CONTENT)
            assert cache.load("name") is None


def test_a_reader_never_sees_part_of_a_file(tmp_path: Path) -> None:
    with cache.kept_in(tmp_path), ThreadPoolExecutor(8) as pool:
        for _ in range(40):
            pool.submit(cache.store, "name", CONTENT)
        found = {pool.submit(cache.load, "name").result() for _ in range(200)}
    assert found <= {None, CONTENT}
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


@pytest.mark.parametrize(("limit", "most"), [("MOST_FILES", 10), ("MOST_BYTES", 10 * 33)])
def test_what_was_not_used_for_long_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(cache, limit, most)
    monkeypatch.setattr(cache, "STORED", 1)
    with cache.kept_in(tmp_path):
        for number in range(50):
            cache.store(str(number), b"a")
            assert cache.load("0") == b"a"
        assert cache.load("49") == b"a"
    assert len(list(tmp_path.iterdir())) <= 10


def test_a_value_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> dict[str, list[int | None]]:
        made.append(1)
        return {"a": [1, None]}

    with cache.kept_in(tmp_path):
        assert [cache.value("name", make) for _ in range(3)] == [{"a": [1, None]}] * 3
        assert len(made) == 1
    assert cache.value("name", make) == {"a": [1, None]}
    assert len(made) == 2


def test_files_are_those_that_were_made(tmp_path: Path) -> None:
    files = (("folder/a.o", bytes(range(256))), ("b", b""))
    with cache.kept_in(tmp_path):
        assert cache.files("name", lambda: files) == files
        assert cache.files("name", lambda: ()) == files
    assert cache.files("name", lambda: ()) == ()


def test_the_folder_is_where_the_platform_has_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert cache.usual_folder() == tmp_path / "own" / "convgen"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.usual_folder() == tmp_path / ".cache" / "convgen"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache.usual_folder() == tmp_path / "Library" / "Caches" / "convgen"
    monkeypatch.setattr("sys.platform", "win32")
    assert cache.usual_folder() == tmp_path / "local" / "convgen"
