"""The docs say what the program does: links lead somewhere, commands exist, code runs."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs.reference_pages import commands, stale
from typer.testing import CliRunner

from fivefold.cli.app import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])
WRITTEN = [page for page in PAGES if "reference" not in page.parts]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return what a page's headings are called in its address."""
    found = set()
    for title in re.findall(r"^#+\s+(.*)$", page.read_text(encoding="utf-8"), re.M):
        plain = re.sub(r"[^\w\s-]", "", title.lower()).strip()
        found.add(re.sub(r"[\s-]+", "-", plain))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = page if not path else (page.parent / path).resolve()
        if not there.exists() or (
            anchor and there.suffix == ".md" and anchor not in anchors(there)
        ):
            dead.append(target)
    assert dead == []


def test_a_dead_link_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One thing\n[a](other.md) [b](#one-thing) [c](#two)\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="other"):
        test_every_link_leads_somewhere(page)
    assert anchors(page) == {"one-thing"}


def commands_in(page: Path) -> Iterator[str]:
    """Yield every call of the program in a page's shell blocks."""
    for language, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language not in ("sh", "bash", "console", "shell"):
            continue
        for line in re.split(r"\n|;", re.sub(r"\\\n\s*", " ", block)):
            call = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
            if call.startswith("fivefold "):
                yield re.split(r"\s[|>&]|\s#", call)[0].strip()


def misspelt(call: str) -> str | None:
    """Return what is wrong with a call of the program; None where it would be taken."""
    words = shlex.split(call)[1:]
    known = commands()
    for length in (3, 2, 1):
        name = " ".join(["fivefold", *words[:length]])
        if name in known and len(words) >= length:
            break
    else:
        return None if words[:1] in (["--version"], ["--help"]) else f"no command: {call}"
    options = {
        option: each
        for each in known[name].params
        for option in (*each.opts, *each.secondary_opts)
        if each.param_type_name == "option"
    }
    options["--help"] = options["-h"] = None  # type: ignore[assignment]
    given = iter(words[length:])
    arguments = 0
    for word in given:
        if not word.startswith("-"):
            arguments += 1
            continue
        option, _, value = word.partition("=")
        if option not in options:
            return f"no option {option}: {call}"
        each = options[option]
        if each is not None and not getattr(each, "is_flag", False) and not value:
            next(given, None)
    needed = [p for p in known[name].params if p.param_type_name == "argument" and p.required]
    if arguments < len(needed) and "--help" not in words:
        return f"needs {[p.name for p in needed]}: {call}"
    return None


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_command_in_the_docs_is_one_the_program_takes(page: Path) -> None:
    assert [told for call in commands_in(page) if (told := misspelt(call))] == []


def test_a_command_that_is_not_there_would_be_seen() -> None:
    assert misspelt("fivefold plan --budget 5000") is None
    assert misspelt("fivefold fly --high") == "no command: fivefold fly --high"
    assert (
        misspelt("fivefold plan --colour red") == "no option --colour: fivefold plan --colour red"
    )
    assert "needs" in str(misspelt("fivefold import"))


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_examples_in_python_say_what_they_print(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = [block for language, block in _BLOCK.findall(text) if language in ("python", "pycon")]
    source = "\n".join(block for block in blocks if ">>>" in block)
    test = doctest.DocTestParser().get_doctest(source, {}, name_of(page), str(page), 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=report.append)
    assert report == []
    for block in blocks:
        if ">>>" not in block:
            compile(block, name_of(page), "exec")


@pytest.mark.slow
def test_the_reference_is_what_the_program_says_now() -> None:
    assert stale() == [], "`make reference` writes the pages again"


@pytest.mark.slow
def test_the_tutorial_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the tutorial in its order; names with … are those the last answer gave."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    order = ""
    demo = runner.invoke(app, ["demo", "--days", "14"])
    assert demo.exit_code == 0, demo.output
    for call in commands_in(DOCS / "tutorial" / "seller.md"):
        words = shlex.split(call)[1:]
        if "mine" in call or words[0] == "demo":
            continue
        words = [order if word == "SO-…" else word for word in words]
        if words[0] in ("why", "receive"):
            bought = runner.invoke(app, ["show", "purchase_orders", "--json"]).output
            placed = re.findall(r"PO-[A-Z0-9-]+-[A-Za-z0-9-]+", bought)
            words[1] = words[1] if words[1] in placed else placed[0]
        told = runner.invoke(app, words)
        assert told.exit_code in (0, 1), f"{words}: {told.output[-800:]}"
        found = re.search(r"SO-[0-9A-F]{4,}", told.output)
        order = found[0] if found else order
    assert order
