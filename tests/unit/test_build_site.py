"""The site that `build.py` makes: what is in it, its compressed files, and what the core tells the page."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import brotli
import pytest
from tests.wheels import write_wheel

from irenic.cli.flow_wheels import FlowWheels
from irenic.model.errors import FlowError
from tooling import compression, page_python
from tooling.assembly import bring_up_to_date, manifest
from tooling.console import Console
from tooling.errors import BuildError
from tooling.exports import export_flows
from tooling.licences import licence_files
from tooling.page_python import MICROPYTHON, check_versions, compiled, packed
from tooling.paths import NODE_MODULES, SITE, WEB
from tooling.pyodide_script import bound_late, for_module_worker, read_once
from tooling.scripts import ENTRIES, collect_sources, pack_scripts
from tooling.stamps import write_atomically

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class TestSite:
    """What is written into the site."""

    def test_it_holds_exactly_what_is_planned(self, tmp_path: Path) -> None:
        """What is no longer planned goes, with its compressed siblings and its folder."""
        bring_up_to_date(tmp_path, {"a.txt": b"1", "old/b.txt": b"2"})
        (tmp_path / "old" / "b.txt.br").write_bytes(b"packed")
        bring_up_to_date(tmp_path, {"a.txt": b"1"})
        assert [path.name for path in tmp_path.rglob("*")] == ["a.txt"]

    def test_a_file_that_is_right_is_left_alone(self, tmp_path: Path) -> None:
        """Its time stays, so a browser's copy stays good."""
        bring_up_to_date(tmp_path, {"a.txt": b"1"})
        os.utime(tmp_path / "a.txt", (1, 1))
        bring_up_to_date(tmp_path, {"a.txt": b"1"})
        assert (tmp_path / "a.txt").stat().st_mtime == 1

    def test_a_changed_file_loses_its_compressed_siblings(self, tmp_path: Path) -> None:
        """They were made from what it was."""
        bring_up_to_date(tmp_path, {"a.txt": b"1"})
        (tmp_path / "a.txt.gz").write_bytes(b"packed")
        bring_up_to_date(tmp_path, {"a.txt": b"2"})
        assert not (tmp_path / "a.txt.gz").exists()

    def test_a_site_that_was_damaged_is_repaired(self, tmp_path: Path) -> None:
        """The content is compared, not a memory of it."""
        bring_up_to_date(tmp_path, {"a.txt": b"1"})
        (tmp_path / "a.txt").write_bytes(b"?")
        bring_up_to_date(tmp_path, {"a.txt": b"1"})
        assert (tmp_path / "a.txt").read_bytes() == b"1"

    def test_the_build_id_follows_the_content(self) -> None:
        """The same files, the same id."""
        assert manifest({"a": "1"})["build"] == manifest({"a": "1"})["build"]
        assert manifest({"a": "1"})["build"] != manifest({"a": "2"})["build"]

    def test_every_third_party_package_has_its_licence(self) -> None:
        """And the list names each."""
        files = licence_files()
        listed = {entry["package"] for entry in json.loads(files["index.json"])}
        assert {"pyodide", "@pyscript/core", "cpython", "pydantic-core", "micropip", "irenic"} <= {
            name.replace("_", "-") for name in listed
        }
        assert min(len(text) for text in files.values()) > 100


class TestScripts:
    """The scripts that a start waits for."""

    def test_those_of_the_site_are_what_the_modules_make_now(self, tmp_path: Path) -> None:
        """Byte for byte, so that a browser's copy stays good."""
        collect_sources(tmp_path / "sources")
        pack_scripts(Console(), tmp_path / "sources", tmp_path / "packed")
        for entry in ENTRIES:
            assert (SITE / entry).read_bytes() == (tmp_path / "packed" / entry).read_bytes()

    def test_they_wait_for_no_other(self) -> None:
        """Nothing is imported but what Pyodide wants of Node.js."""
        for entry in ENTRIES:
            imported = re.findall(
                r"""\bimport\s*(?:\(|[^()"']*?\bfrom\b)\s*["']([^"']+)""", (SITE / entry).read_text("utf-8")
            )
            assert [name for name in imported if not name.startswith("node:") and name != "ws"] == []

    def test_pyodides_own_is_read_once(self) -> None:
        """As a function in parentheses, otherwise unchanged; and another Pyodide stops the build."""
        script = (NODE_MODULES / "pyodide" / "pyodide.asm.mjs").read_text("utf-8")
        changed = read_once(script)
        assert changed.startswith("const _createPyodideModule=(async function(moduleArg={}){")
        assert changed.rstrip().endswith("});export default _createPyodideModule;")
        assert changed[60:-60] in script
        with pytest.raises(BuildError, match="does not look as it did"):
            read_once(changed)

    def test_pyodides_own_binds_what_it_uses_and_nothing_else(self) -> None:
        """Whatever is named anywhere in it is still bound; and another Pyodide stops the build."""
        script = (NODE_MODULES / "pyodide" / "pyodide.asm.mjs").read_text("utf-8")
        changed = bound_late(script)
        assert len(changed) < 0.65 * len(script)
        bound = r'(_[\w$]+)=Module\["\1"\]=wasmExports'
        left_out = set(re.findall(bound, script)) - set(re.findall(bound, changed))
        named = set(re.findall(r"[\w$]+", re.sub(r"[.][\w$]+|\"[^\"]*\"", "", changed)))
        assert len(left_out) > 4500
        assert left_out & named == set()
        with pytest.raises(BuildError, match="does not look as it did"):
            bound_late(changed)

    def test_pyodides_own_tries_nothing_that_throws(self) -> None:
        """Whether its worker is a classic one is known; and another Pyodide stops the build."""
        changed = for_module_worker((NODE_MODULES / "pyodide" / "pyodide.mjs").read_text("utf-8"))
        assert "importScripts(" not in changed
        with pytest.raises(BuildError, match="does not look as it did"):
            for_module_worker(changed)


IMPORTED = """
import { readFileSync } from "node:fs";
const [module, packed, ...names] = process.argv.slice(2);
const { loadMicroPython } = await import(module);
const python = await loadMicroPython({ stdout: console.log });
python.registerJsModule("pyscript", {});
globalThis.document = { baseURI: "http://localhost/" };
globalThis.addEventListener = () => {};
python.FS.writeFile("packed.mpy", readFileSync(packed));
python.runPython(`import packed\n${names.map((name) => `import ${name}\n`).join("")}print(ui.units.size(1500000))`);
try {
  python.runPython("ui.units.epoch('no time')");
} catch ({ message }) {
  console.log(message);
}
"""
"""Has MicroPython import modules out of the page's packed ones, and one of them fail."""


class TestPagePython:
    """The page's modules, compiled and packed."""

    def test_micropython_imports_every_one_of_them(self, tmp_path: Path) -> None:
        """The one that the page runs; and an error names the file and the line of its source."""
        sources = sorted((WEB / "ui").glob("*.py"))
        names = [f"ui.{path.stem}" for path in sources if path.stem not in ("__init__", "main")]
        (tmp_path / "imported.mjs").write_text(IMPORTED)
        command = ["node", tmp_path / "imported.mjs", MICROPYTHON / "micropython.mjs", SITE / "ui" / "packed.mpy"]
        command += ["__future__", "typing", *names]
        process = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)
        written = process.stdout
        (line,) = (
            number
            for number, text in enumerate((WEB / "ui" / "units.py").read_text().splitlines(), 1)
            if text.lstrip().startswith("year, month, day =")
        )
        assert (written.partition("\n")[0], process.stderr) == ("1.5 MB", "")
        assert f'File "ui/units.py", line {line}, in epoch\nValueError' in written

    def test_those_of_the_site_are_what_the_sources_make_now(self) -> None:
        """Byte for byte, so that a browser's copy stays good."""
        assert (SITE / "ui" / "packed.mpy").read_bytes() == packed()

    def test_what_micropython_cannot_compile_stops_the_build(self) -> None:
        """And the error names the file."""
        with pytest.raises(BuildError, match=r"cannot compile ui/broken\.py") as raised:
            compiled("match 1:\n  case 1: pass\n", "ui/broken.py")
        assert "SyntaxError" in raised.value.log

    def test_the_compiler_is_of_the_version_that_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another one stops the build."""
        check_versions()
        monkeypatch.setattr(page_python, "version", lambda name: "1.99.0.post1")
        with pytest.raises(BuildError, match="compiles for another MicroPython"):
            check_versions()


@pytest.fixture
def packed_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with a text, an incompressible file and a small file, and an empty cache."""
    monkeypatch.setattr(compression, "COMPRESSED", tmp_path / "cache")
    site = tmp_path / "site"
    plan = {"text.js": b"let a = 1;\n" * 500, "noise.bin": os.urandom(50_000), "small.js": b"1"}
    write_atomically(site / "manifest.json", json.dumps({"files": bring_up_to_date(site, plan)}))
    return site


class TestCompression:
    """The compressed siblings of the site's files."""

    def test_what_gets_smaller_has_all_siblings_and_nothing_else_has_any(self, packed_site: Path) -> None:
        """All unpack to the file."""
        compression.compress_site(packed_site, quality=5)
        text = (packed_site / "text.js").read_bytes()
        siblings = {path.name for path in packed_site.iterdir() if path.suffix in {".br", ".zst", ".gz"}}
        assert siblings == {"text.js.br", "text.js.zst", "text.js.gz"}
        assert brotli.decompress((packed_site / "text.js.br").read_bytes()) == text
        assert zstd.decompress((packed_site / "text.js.zst").read_bytes()) == text
        assert gzip.decompress((packed_site / "text.js.gz").read_bytes()) == text

    def test_nothing_is_compressed_twice(self, packed_site: Path) -> None:
        """Not even for a site made anew."""
        assert compression.compress_site(packed_site, quality=5) == 3
        (packed_site / "text.js.br").unlink()
        assert compression.compress_site(packed_site, quality=5) == 0
        assert (packed_site / "text.js.br").exists()

    def test_a_sibling_is_never_older_than_its_file(self, packed_site: Path) -> None:
        """The server sends the plain file otherwise. Its time stays as long as its content does: the ETag has it."""
        compression.compress_site(packed_site, quality=5)
        plan = {name: (packed_site / name).read_bytes() for name in ("text.js", "noise.bin", "small.js")}
        (packed_site / "text.js").unlink()
        bring_up_to_date(packed_site, plan)
        compression.compress_site(packed_site, quality=5)
        changed = [(packed_site / name).stat().st_mtime_ns for name in ("text.js", "text.js.br", "text.js.gz")]
        assert changed[0] <= min(changed[1:])
        compression.compress_site(packed_site, quality=5)
        assert [(packed_site / name).stat().st_mtime_ns for name in ("text.js", "text.js.br", "text.js.gz")] == changed

    def test_the_best_result_there_is_gets_used(self, packed_site: Path) -> None:
        """What was once compressed slowly is not replaced by something larger."""
        compression.compress_site(packed_site, quality=11)
        assert compression.compress_site(packed_site, quality=5) == 0


class TestExports:
    """What the page is told about its flows."""

    FLOW = "from irenic import Flow\nflow = Flow('tea', summary='Makes tea.')\n"

    def test_a_flow_becomes_a_picture_and_a_line_in_the_list(self, tmp_path: Path) -> None:
        """By the name of its file; what is no longer there goes."""
        sources, target = tmp_path / "flows", tmp_path / "exported"
        write_atomically(sources / "afternoon.py", self.FLOW)
        write_atomically(target / "gone.json", "{}")
        export_flows(sources, target, FlowWheels(tmp_path / "wheels"))
        assert sorted(path.name for path in target.iterdir()) == ["afternoon.json", "index.json"]
        assert json.loads((target / "index.json").read_text()) == {
            "flows": [{"name": "afternoon", "id": "tea", "summary": "Makes tea.", "wheels": []}]
        }
        assert json.loads((target / "afternoon.json").read_text())["id"] == "tea"

    def test_a_file_without_a_flow_stops_the_build(self, tmp_path: Path) -> None:
        """With the core's own words."""
        write_atomically(tmp_path / "flows" / "nothing.py", "")
        with pytest.raises(FlowError, match=r"nothing\.py"):
            export_flows(tmp_path / "flows", tmp_path / "exported", FlowWheels(tmp_path / "wheels"))

    def test_what_a_flow_needs_beyond_the_core_is_named_beside_it(self, tmp_path: Path) -> None:
        """As on a site that `irenic serve` makes; and a flow that no tab can run stops the build."""
        wheel = write_wheel(tmp_path / "flows", "kettle", modules={"kettle.py": "WORD = 'hiss'"})
        header = f'# /// script\n# dependencies = ["irenic", "kettle @ {wheel.name}"]\n# ///\nimport kettle\n'
        write_atomically(tmp_path / "flows" / "tea.py", header + self.FLOW)
        wheels = FlowWheels(tmp_path / "wheels")
        export_flows(tmp_path / "flows", tmp_path / "exported", wheels)
        listed = json.loads((tmp_path / "exported" / "index.json").read_text())["flows"]
        assert [flow["wheels"] for flow in listed] == [[f"vendor/wheels/{wheel.name}"]]
        assert [path.name for folder in wheels.used for path in folder.iterdir()] == [wheel.name]
        write_atomically(tmp_path / "flows" / "tea.py", header.replace("import kettle", "") + self.FLOW)
        wheel.unlink()
        with pytest.raises(FlowError, match="there is no file"):
            export_flows(tmp_path / "flows", tmp_path / "exported", wheels)
