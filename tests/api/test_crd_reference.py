"""The page on the CRD is the one that its schema gives, and the check of it can fail."""

from pathlib import Path

import pytest

from tests.api.crawljobs import crd_nodes, crd_rules
from tools import crd_reference, generate


def test_the_page_is_not_stale() -> None:
    assert generate.stale(crd_reference.generate()) == {}


def test_a_stale_file_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert generate.stale({page: "new\n"}) == {page: "new\n"}
    generate.write({page: "old\n"})
    assert generate.stale({page: "new\n"}) == {page: "new\n"}
    generate.write({page: "new\n"})
    assert generate.stale({page: "new\n"}) == {}


def test_check_writes_nothing_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr(generate, "GENERATORS", [lambda: {page: "new\n"}])
    assert generate.main(["--check"]) == 1
    assert "page.md" in capsys.readouterr().out
    assert not page.exists()
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_two_generators_of_one_file_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "GENERATORS", [lambda: {Path("a"): "1"}, lambda: {Path("a"): "2"}])
    with pytest.raises(ValueError, match="two generators write a"):
        generate.generated()


def test_the_page_has_every_field_and_every_rule() -> None:
    (page,) = crd_reference.generate().values()
    assert [rule.message for rule in crd_rules() if rule.message not in page] == []
    described = [
        node["description"]
        for path, node in crd_nodes()
        if path.startswith(("spec.", "status.")) and "description" in node and not path.endswith("[]")
    ]
    assert [words for words in described if words.replace("|", "\\|") not in page] == []
