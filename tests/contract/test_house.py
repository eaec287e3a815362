"""How the house is built: who may import whom, where Snakemake is named, and what every rule and script has.

Each check is a function from text to a list of faults; tests apply it to the repository and to examples that must fail.
"""

import ast
import graphlib
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.conftest import SLOWEST

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
PACKAGE = SCRIPTS / "slopewise"

# The table of folders: each may import only from those above it, and modules of one folder each other without a circle.
# Imports inside functions and under TYPE_CHECKING count like all others.
FOLDERS = (
    "run",
    "simulate",  # studies whose truth is known
    "study",
    "tables",
    "sources",
    "folds",
    "design",
    "kernels",
    "growth",
    "cohort",
    "slopes",
    "effects",  # of a treatment or an interruption, and how much they differ between patients
    "metrics",
    "outcome",
    "validate",
    "shipped",  # model.json, made of what the folders above learnt, and new patients' risks from it
    "landmarks",  # the runs of one study side by side, and one model for all
    "figures",
    "report",
    "cli",
)
RANK = {name: rank for rank, name in enumerate(FOLDERS)}
MOST_AT_THE_ROOT = 4
MOST_LINES = 400


def modules() -> dict[str, str]:
    """Dotted name (without `slopewise.`) and source of every module of the package."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = file.read_text(encoding="utf-8")
    return found


def rank_of(module: str) -> int | None:
    """The rank of a module's folder in the table; the package itself stands above all."""
    top = module.split(".")[0]
    return -1 if not top else RANK.get(top)


def imports(module: str, source: str, known: set[str]) -> Iterator[str]:
    """The modules of the package that a module imports, anywhere in it."""
    package = (
        module if any(name.startswith(f"{module}.") for name in known) or not module else module.rpartition(".")[0]
    )
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = ["slopewise", *filter(None, package.split("."))]
                base = ".".join([*here[: len(here) - node.level + 1], *filter(None, [base])])
            # `from slopewise.run import seeds` names a module, `from slopewise.run.seeds import generator` does not
            names = [full if full[10:] in known else base for full in (f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            if name == "slopewise" or name.startswith("slopewise."):
                yield name[10:]


def import_faults(sources: dict[str, str]) -> list[str]:
    """Imports against the table, modules in no folder of it, and circles."""
    known = set(sources)
    found = [f"{name} is in no folder of the table: add it to FOLDERS" for name in known if rank_of(name) is None]
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        for target in imports(module, source, known):
            mine, theirs = rank_of(module), rank_of(target)
            if mine is not None and theirs is not None and theirs > mine:
                found.append(f"{module or 'slopewise'} imports {target}, which stands below it")
            if target not in ("", module):
                graph.setdefault(module, set()).add(target)
    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        found.append(f"circle of imports: {' -> '.join(error.args[1])}")
    return sorted(found)


def names_of_snakemake(source: str) -> list[int]:
    """Lines on which `snakemake` is a name (an identifier, an import, an attribute), not a word of a text."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.start[0] for token in tokens if token.type == tokenize.NAME and token.string == "snakemake"]


def script_faults(source: str) -> list[str]:
    """A rule's script: functions, then one guard at the end, and `snakemake` nowhere but in it."""
    tree = ast.parse(source)
    last = tree.body[-1]
    guards = ("__name__ == '__main__'", "'snakemake' in globals()")
    if not isinstance(last, ast.If) or ast.unparse(last.test) not in guards or last.orelse:
        return ["does not end with a guard"]
    found = [
        f"line {line} names snakemake outside the guard" for line in names_of_snakemake(source) if line <= last.lineno
    ]
    if "from __future__" in source:
        found.append("imports from __future__, which cannot follow the lines that Snakemake puts before a script")
    if not any(isinstance(node, ast.FunctionDef) for node in tree.body):
        found.append("has no function that could be imported")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            if node.returns is None or any(argument.annotation is None for argument in arguments):
                found.append(f"{node.name} is not fully typed")
    return found


def rules_of(source: str) -> dict[str, dict[str, str]]:
    """Name of each rule and its directives with their text; `use rule` inherits and is left out."""
    rules: dict[str, dict[str, str]] = {}
    rule: dict[str, str] | None = None
    directive = ""
    for line in source.splitlines():
        if re.match(r"\S", line) and not line.startswith("#"):
            head = re.match(r"(?:rule|checkpoint)\s+(\w+)\s*:", line)
            rule = rules.setdefault(head[1], {}) if head else None
        elif rule is not None:
            head = re.match(r"    (\w+):(.*)", line)
            if head:
                directive = head[1]
                rule[directive] = head[2]
            elif directive:
                rule[directive] += "\n" + line
    return rules


def rule_faults(source: str) -> list[str]:
    """A file of rules: a contract at its head, and for each rule what a cluster and a reader need."""
    found = []
    head = "".join(line for line in source.splitlines(keepends=True)[:12] if line.startswith("#"))
    found += [f"its head does not say what it {word}" for word in ("needs", "makes") if word not in head]
    for name, rule in rules_of(source).items():
        wanted = ("log", "benchmark", "threads", "resources", "script")
        found += [f"{name} has no {part}" for part in wanted if part not in rule]
        resources = re.findall(r"\b(\w+)\s*=", rule.get("resources", ""))
        found += [f"{name} has no {part}" for part in ("mem_mb", "runtime") if part not in resources]
        for part, folder in (("log", "logs"), ("benchmark", "timings")):
            if part in rule and f"results/{{study}}/{folder}/" not in rule[part]:
                found.append(f"{name} has its {part} outside results/{{study}}/{folder}/")
    return found


def rule_files() -> dict[str, str]:
    files = {file.name: file.read_text(encoding="utf-8") for file in sorted((ROOT / "workflow/rules").glob("*.smk"))}
    assert len(files) >= 2, "no rules found"
    return files


def profile(name: str) -> dict:
    return yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text(encoding="utf-8"))


def test_imports_follow_the_table():
    sources = modules()
    assert {"run.seeds", "study.model", "folds", "slopes.crossfit"} <= set(sources)
    assert import_faults(sources) == []


def test_the_root_of_the_package_holds_few_modules():
    at_root = [file.name for file in PACKAGE.glob("*.py")]
    assert len(at_root) <= MOST_AT_THE_ROOT, at_root


def test_an_import_against_the_table_is_found():
    good = {
        "": "",
        "run": "",
        "study": "from slopewise import run",
        "growth": "from .kernel import fit",
        "growth.kernel": "",
    }
    assert import_faults(good) == []
    assert import_faults({"": "", "slopes": "def f():\n    from slopewise.study.model import Study", "study": ""}) == []
    for bad in (
        {"run": "from slopewise.study.model import Study", "study": ""},
        {"run": "def f():\n    import slopewise.study.model", "study": ""},
        {"": "", "run": "from slopewise import study", "study": ""},
        {"": "", "run": "from . import study", "study": ""},
        {"": "from slopewise import run", "run": ""},
        {"": "", "growth": "", "growth.model": "from ..slopes import score", "slopes": ""},
        {
            "": "",
            "growth": "from . import model",
            "growth.model": "from slopewise.outcome.cox import fit",
            "outcome": "",
        },
        {"metrics": "if TYPE_CHECKING:\n    from slopewise.outcome import CoxFit", "outcome": ""},
        {"study": "import slopewise.study.keys", "study_keys": "import slopewise.study.model"},
        {"helpers": ""},
    ):
        assert import_faults(bad), bad


def test_modules_are_short():
    lengths = {name or "__init__": source.count("\n") for name, source in modules().items()}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_the_package_does_not_name_snakemake():
    assert {name: lines for name, source in modules().items() if (lines := names_of_snakemake(source))} == {}
    assert names_of_snakemake('"""Snakemake or snakemake in a text."""  # snakemake\nversions(("snakemake",))\n') == []
    assert names_of_snakemake("import os\nfrom snakemake.script import snakemake\n") == [2, 2]
    assert names_of_snakemake("path = snakemake.input[0]\n") == [1]


def test_scripts_name_snakemake_in_their_guard_alone():
    scripts = {file.name: file.read_text(encoding="utf-8") for file in sorted(SCRIPTS.glob("*.py"))}
    assert len(scripts) >= 5
    assert {name: faults for name, source in scripts.items() if (faults := script_faults(source))} == {}


def test_scripts_import_no_numpy_before_its_threads_are_limited():
    """BLAS takes its number of threads when NumPy is imported, and a sum on two threads is rounded otherwise."""
    names = ", ".join(sorted(file.stem for file in SCRIPTS.glob("*.py")))
    code = f"import sys, {names}; assert 'numpy' not in sys.modules"
    ended = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_script_that_breaks_the_rule_is_found():
    function = "def make(path: str) -> None:\n    print(path)\n\n"
    guard = 'if __name__ == "__main__":\n    make(snakemake.input[0])\n'
    assert script_faults(function + guard) == []
    assert script_faults(function + guard.replace('__name__ == "__main__"', '"snakemake" in globals()')) == []
    for bad in (
        function,
        guard,
        "from snakemake.script import snakemake\n" + function + guard,
        function.replace("print(path)", "print(snakemake.input)") + guard,
        function.replace("path: str", "path") + guard,
        function + guard + "print(1)\n",
        function + "if True:\n    make(snakemake.input[0])\n",
    ):
        assert script_faults(bad), bad


def test_every_rule_says_what_it_needs():
    files = rule_files()
    assert {name: faults for name, source in files.items() if (faults := rule_faults(source))} == {}
    assert len({rule for source in files.values() for rule in rules_of(source)}) >= 8


def test_a_rule_that_lacks_something_is_found():
    good = """# Cohort.
# needs  a file
# makes  another


rule alpha:
    input:
        "a",
    output:
        "b",
    log:
        "results/{study}/logs/alpha.log",
    benchmark:
        "results/{study}/timings/alpha.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    script:
        "../scripts/alpha.py"
"""
    assert rule_faults(good) == []
    assert list(rules_of(good)) == ["alpha"]
    for gone in (
        "# needs  a file\n",
        '    log:\n        "results/{study}/logs/alpha.log",\n',
        "    threads: 1\n",
        "        runtime=5,\n",
        "        mem_mb=500,\n",
        '    benchmark:\n        "results/{study}/timings/alpha.tsv"\n',
        '    script:\n        "../scripts/alpha.py"\n',
        "/logs",
        "/timings",
    ):
        assert gone in good
        assert rule_faults(good.replace(gone, "")), gone


def test_the_snakefiles_are_tables_of_contents():
    main = (ROOT / "workflow/Snakefile").read_text(encoding="utf-8")
    assert main.count("\n") < 50
    assert 'include: "workflow/Snakefile"' in (ROOT / "Snakefile").read_text(encoding="utf-8")
    assert {f'include: "rules/{name}"' for name in rule_files()} <= set(main.splitlines())


def test_the_slurm_profile_groups_rules_that_exist():
    rules = {rule for source in rule_files().values() for rule in rules_of(source)}
    groups = profile("slurm")["groups"]
    assert set(groups) <= rules
    assert all(list(groups.values()).count(group) > 1 for group in groups.values())


def test_snakemake_accepts_the_profiles(tmp_path: Path):
    (tmp_path / "Snakefile").write_text('rule all:\n    output: "made"\n    shell: "touch {output}"\n')
    for name in ("default", "slurm"):
        command = [sys.executable, "-m", "snakemake", "--dry-run", "--workflow-profile", str(ROOT / "profiles" / name)]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert f"Using workflow specific profile {ROOT / 'profiles' / name}" in ended.stderr


def test_quiet_profiles_still_show_failed_jobs():
    for name in ("default", "slurm"):
        assert not {"rules", "all"} & set(profile(name)["quiet"]), name


def test_starting_a_run_imports_no_scientific_library():
    """Snakemake imports these each time that it starts: NumPy and its kin would cost seconds."""
    modules = "slopewise.run.provenance, slopewise.study.reading, slopewise.study.runs, slopewise.tables.catalogue"
    code = f"import sys, {modules}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    heavy = {
        "numpy",
        "pandas",
        "scipy",
        "numba",
        "matplotlib",
        "sklearn",
        "statsmodels",
        "formulaic",
        "pandera",
        "pyarrow",
    }
    loaded = set(ended.stdout.split())
    assert "slopewise" in loaded and not loaded & heavy


SLOW_TO_IMPORT = ("scipy.stats", "sklearn", "lifelines", "statsmodels", "matplotlib")
"""Each takes a second or so to import, which every job of a study would pay; `scipy.special` has the distributions."""


def slow_imports(source: str) -> list[str]:
    """What a module imports of `SLOW_TO_IMPORT` when it is imported itself, and not when a function is called."""
    body = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in body if isinstance(node, ast.ImportFrom)]
    return [name for name in names for slow in SLOW_TO_IMPORT if f"{name}.".startswith(f"{slow}.")]


def test_no_module_but_figures_imports_what_is_slow_to_import():
    files = [file for file in PACKAGE.rglob("*.py") if file.relative_to(PACKAGE).parts[0] != "figures"]
    assert {str(file): found for file in files if (found := slow_imports(file.read_text(encoding="utf-8")))} == {}
    assert slow_imports("import lifelines.utils\nfrom scipy.stats import f") == ["lifelines.utils", "scipy.stats"]
    assert slow_imports("from scipy.special import ndtri\ndef f():\n    from scipy.stats import f") == []


def test_only_figures_draw_and_what_a_notebook_asks_a_fit_for():
    drawing = {name for name, source in modules().items() if re.search(r"^\s*(?:import|from) matplotlib", source, re.M)}
    assert {name for name in drawing if rank_of(name) != RANK["figures"]} == {"growth.plot"}


def test_version_and_licence_are_told_alike():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert f'__version__ = "{project["version"]}"' in modules()[""]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


def test_the_command_is_installed_when_there_is_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    expected = {"slopewise": "slopewise.cli.app:app"} if "cli" in {name.split(".")[0] for name in modules()} else {}
    assert project.get("scripts", {}) == expected


def test_the_test_files_that_start_first_are_there():
    assert [name for name in SLOWEST if not (ROOT / "tests" / name).is_file()] == []


def test_no_file_names_a_place_on_one_machine_or_the_address_of_a_registry():
    """Whoever installs chooses where packages come from: a name and a version are enough."""
    machine = r"(?<![\w.}~])/(?:root|work|Users|home(?!/(?:you|some(?:body|one))\b))/"
    registry = r"\b(?:pypi|pythonhosted|npmjs|anaconda)\.(?:org|com)\b|\bdeb\.debian\.org\b"
    place = re.compile(f"{machine}|{registry}")
    assert place.search("see /home/anna/data") and not place.search("~/home/x, {study}/work/, /home/you/data")
    assert place.search("https://files.pythonhosted.org/x") and not place.search("a package of PyPI, pypi.example.org")
    passed_over = {"results", "build", "dist", "__pycache__"}
    texts = {".py", ".smk", ".yaml", ".yml", ".toml", ".md", ".rst", ".R", ".lock", ".cff", ".j2", ".txt", ""}
    found = []
    for file in sorted(ROOT.rglob("*")):
        parts = file.relative_to(ROOT).parts
        hidden = any(part in passed_over or (part.startswith(".") and part != ".ci") for part in parts[:-1])
        if hidden or file.suffix not in texts or not file.is_file() or file == Path(__file__):
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if place.search(line):
                found.append(f"{'/'.join(parts)}:{number}: {line.strip()[:100]}")
    assert found == []
