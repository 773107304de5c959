"""Mechanics of the store: found by content, written whole, read or absent."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radiomics.pipelines.store import Store, digest_file, key, write_whole


def test_a_store_takes_what_it_cannot_read_as_absent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    name = key(["a"])
    store.put(name, {"x": 1})
    (file,) = tmp_path.rglob("*.json")
    for content in ('{"x": ', "[1]", "\xff"):
        file.write_text(content, encoding="latin-1")
        assert store.get(name) is None


def test_threads_may_write_one_key_together(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.put(key(["a"]), {"x": 1}), range(300)))
    assert store.get(key(["a"])) == {"x": 1}
    assert not list(tmp_path.rglob("*.part"))


def test_a_store_finds_by_key_and_writes_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    name = key(["a", {"b": 1}])
    assert store.get(name) is None
    store.put(name, {"x": 1.5, "y": float("nan")})
    found = store.get(name)
    assert found is not None
    assert found["x"] == 1.5
    assert found["y"] != found["y"]
    assert key(["a", {"b": 2}]) != name
    assert not list(tmp_path.rglob("*.part"))


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@given(arrays(np.uint8, st.integers(1, 50)))
def test_digests_follow_bytes_not_names(content: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("a", "b"):
            (folder / part).mkdir()
            (folder / part / f"{part}.bin").write_bytes(content.tobytes())
        assert digest_file(folder / "a") == digest_file(folder / "b")
        (folder / "b" / "b.bin").write_bytes(content.tobytes() + b"x")
        assert digest_file(folder / "a") != digest_file(folder / "b")


def test_digests_follow_links_as_readers_do(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a").write_text("one")
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "ct").symlink_to(tmp_path / "raw")
    (tmp_path / "case" / "loop").symlink_to(tmp_path / "case")
    before = digest_file(tmp_path / "case")
    (tmp_path / "raw" / "a").write_text("two")
    assert digest_file(tmp_path / "case") != before
