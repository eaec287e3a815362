"""pyproject.toml is the one source of names and bounds; environment.yml and the lock files agree with it.

`python tests/contract/test_environment.py --fix` writes environment.yml anew (`make lock` does so, too).
"""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {"requirements.lock": ("build",), "requirements-test.lock": ("build", "test")}
PYTHONS = ("3.11", "3.12", "3.13")

# Packages that conda calls otherwise, or splits. conda's `snakemake` contains the extra `reports`.
CONDA_NAMES = {"matplotlib": "matplotlib-base"}

REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^]]*\])?\s*(?P<bounds>[^;]*)")


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def conda_requirement(requirement: str) -> str:
    parts = REQUIREMENT.fullmatch(requirement)
    if parts is None:
        raise ValueError(f"cannot be told to conda: {requirement}")
    return f"{CONDA_NAMES.get(parts['name'], parts['name'])} {parts['bounds'].strip()}"


def environment(settings: dict) -> str:
    """The text of environment.yml that belongs to the content of a pyproject.toml."""
    project = settings["project"]
    wanted = [*project["dependencies"], *settings["build-system"]["requires"]]
    lines = [
        "# For users of conda. Written from pyproject.toml by: python tests/contract/test_environment.py --fix",
        "# The package itself afterwards, for its command line: pip install --no-deps --no-build-isolation -e .",
        "name: slopewise",
        "channels: [conda-forge, bioconda, nodefaults]",
        "dependencies:",
        f"  - python {project['requires-python']}",
        "  - pip",
        *(f"  - {conda_requirement(requirement)}" for requirement in wanted),
    ]
    return "\n".join(lines) + "\n"


def requirements(settings: dict, groups: tuple[str, ...]) -> list[str]:
    """The project's own requirements and those of some groups, includes left out; the tests need every extra."""
    grouped = [item for group in groups for item in settings["dependency-groups"][group] if isinstance(item, str)]
    if "test" in groups:
        grouped += [item for extra in settings["project"]["optional-dependencies"].values() for item in extra]
    return [*settings["project"]["dependencies"], *settings["build-system"]["requires"], *grouped]


def pins(lock: str) -> list[tuple[str, str, str, list[str]]]:
    """Name, version, marker and hashes of every pin in the text of a lock file."""
    found = []
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock):
        head = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\\n]+?))?\s*(?:\\)?(?:\n|$)", block)
        if head:
            found.append(
                (head[1], head[2], (head[3] or "").strip(), re.findall(r"--hash=sha256:([0-9a-f]{64})\b", block))
            )
    return found


def faults(lock: str) -> list[str]:
    """What in a lock file would tie it to a registry or a machine, or let through a file that was not checked."""
    found = []
    for number, line in enumerate(lock.splitlines(), start=1):
        if re.search(
            r"://|file:|index-url|find-links|trusted-host|\s@\s|[\w-]\.(?:org|com|net|io)\b|(?:^|[\s=])/", line
        ):
            found.append(f"line {number} names a place: {line.strip()}")
        if not re.match(r"\s*#|\s+--hash=sha256:[0-9a-f]{64}( \\)?$|[a-z0-9._-]+==[^=\s]+( ;[^\\]+)? \\$|$", line):
            found.append(f"line {number} is not a pin, a hash or a comment: {line.strip()}")
    return found + [f"{name}=={version} has no hash" for name, version, _, hashes in pins(lock) if not hashes]


def unmet(wanted: list[str], lock: str, python: str) -> list[str]:
    """Requirements that a lock does not meet on one version of Python on Linux."""
    from packaging.markers import Marker
    from packaging.requirements import Requirement

    here = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
    }
    locked = {}
    for name, version, marker, _ in pins(lock):
        if not marker or Marker(marker).evaluate(here):
            locked.setdefault(name, []).append(version)
    found = [f"{name} is pinned {len(versions)} times" for name, versions in locked.items() if len(versions) > 1]
    for text in wanted:
        requirement = Requirement(text)
        version = locked.get(requirement.name.lower().replace("_", "-"), ["missing"])[0]
        if version == "missing" or not requirement.specifier.contains(version):
            found.append(f"{text}, but the lock has {version}")
    return found


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_environment_has_the_names_and_bounds_of_pyproject():
    assert read("environment.yml") == environment(pyproject()), "run: python tests/contract/test_environment.py --fix"


def test_a_changed_bound_or_name_changes_the_environment():
    settings = pyproject()
    before = environment(settings)
    settings["project"]["dependencies"] = [
        item.replace("pandas>=2.2,<3", "pandas>=2.2,<4") for item in settings["project"]["dependencies"]
    ]
    changed = set(environment(settings).splitlines()) ^ set(before.splitlines())
    assert changed == {"  - pandas >=2.2,<3", "  - pandas >=2.2,<4"}
    assert conda_requirement("matplotlib>=3.9,<4") == "matplotlib-base >=3.9,<4"
    assert conda_requirement("snakemake[reports]>=9.13,<10") == "snakemake >=9.13,<10"


MODULES = {"scikit-learn": "sklearn", "pyyaml": "yaml"}
"""Names under which requirements are imported, where they differ."""
PARTS = {"markupsafe", "pydantic_core"}
"""Parts of jinja2 and pydantic that are packages of their own."""


def imported(text: str) -> set[str]:
    """Top-level names that a module imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition(".")[0])
    return found


def test_the_package_imports_what_it_requires_and_nothing_of_the_test_group():
    names = {REQUIREMENT.fullmatch(text)["name"] for text in pyproject()["project"]["dependencies"]}
    known = (
        {MODULES.get(name, name).replace("-", "_") for name in names}
        | {"slopewise"}
        | PARTS
        | set(sys.stdlib_module_names)
    )
    scripts = ROOT / "workflow" / "scripts"
    strange = {path.name: imported(path.read_text(encoding="utf-8")) - known for path in scripts.rglob("*.py")}
    assert {name: found for name, found in strange.items() if found} == {}
    assert imported("def f():\n    from sksurv.util import Surv\n") - known == {"sksurv"}


NOT_IMPORTED = {
    "snakemake-executor-plugin-slurm": "profiles/slurm/config.yaml",
}
"""Requirements that no code imports, with the file of the workflow that names what they provide."""


def unused(dependencies: list[str], sources: list[str]) -> set[str]:
    """Requirements that none of the sources imports."""
    used = set().union(*(imported(source) for source in sources))
    names = {REQUIREMENT.fullmatch(text)["name"] for text in dependencies}
    return {name for name in names if MODULES.get(name, name).replace("-", "_") not in used}


def test_every_requirement_is_imported_by_the_package_or_the_workflow():
    rules = [*(ROOT / "workflow").rglob("*.smk"), ROOT / "workflow" / "Snakefile"]
    imports = re.compile(r"^(?:from|import) .*", re.MULTILINE)
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "workflow" / "scripts").rglob("*.py")]
    sources += ["\n".join(imports.findall(path.read_text(encoding="utf-8"))) for path in rules]
    wanted = pyproject()["project"]["dependencies"]
    assert unused(wanted, sources) == set(NOT_IMPORTED)
    assert unused(["sksurv>=1,<2", *wanted], sources) == {"sksurv", *NOT_IMPORTED}
    assert re.search(r"^executor: slurm$", read(NOT_IMPORTED["snakemake-executor-plugin-slurm"]), re.MULTILINE)


def test_every_extra_is_asked_for_where_it_is_named():
    from slopewise.run.extras import PACKAGES  # `make lock` runs this file where slopewise is not installed

    package = ROOT / "workflow" / "scripts" / "slopewise"
    readers = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    named = {
        (PACKAGES.get(found[0], found[0]), found[1])
        for text in readers
        for found in re.findall(r'needed\("(\w+)[\w.]*", "(\w+)"', text)
    }
    extras = pyproject()["project"]["optional-dependencies"]
    assert named == {(REQUIREMENT.fullmatch(text)["name"], extra) for extra, texts in extras.items() for text in texts}


REASONED = {
    "pandas>=2.2,<3": "lifelines",
    "pandas-stubs>=2.2,<3": "pandas",
    "scikit-survival>=0.24,<0.30": "tests and benchmarks",
}
"""Requirements whose bound or place another package or a licence decides, and what the comment beside them names."""


def unexplained(text: str) -> set[str]:
    """The `REASONED` requirements of a pyproject.toml that do not stand there with their reason on the same line."""
    lines = text.splitlines()
    return {
        wanted
        for wanted, named in REASONED.items()
        if not any(f'"{wanted}"' in line and named in line.partition("#")[2] for line in lines)
    }


def test_a_bound_with_a_reason_has_it_beside_it():
    text = read("pyproject.toml")
    assert unexplained(text) == set()
    assert unexplained(text.replace("# lifelines does not run with pandas 3", "")) == {"pandas>=2.2,<3"}


def test_lifelines_still_decides_the_bound_of_pandas():
    """When lifelines runs with pandas 3, the bound and its reason go."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    found = [Requirement(text) for text in requires("lifelines") or []]
    pandas = next(requirement for requirement in found if requirement.name == "pandas")
    assert not pandas.specifier.contains("3.0.0")


def test_every_requirement_is_bounded_on_both_sides():
    from packaging.requirements import Requirement

    for text in requirements(pyproject(), ("build", "test")):
        operators = {clause.operator for clause in Requirement(text).specifier}
        assert operators == {">=", "<"}, text


def test_locks_meet_the_requirements_on_every_python():
    for name, groups in LOCKS.items():
        for python in PYTHONS:
            assert unmet(requirements(pyproject(), groups), read(name), python) == [], (
                f"{name}, Python {python}: run make lock"
            )


def test_the_test_lock_holds_all_of_the_main_lock():
    main, test = ({pin[:2]: sorted(pin[3]) for pin in pins(read(name))} for name in LOCKS)
    assert {key: test.get(key) for key in main} == main


def test_locks_name_no_place_and_have_a_hash_for_each():
    for name in LOCKS:
        assert len(pins(read(name))) > 80, name
        assert faults(read(name)) == [], name


def test_faults_of_a_lock_are_found():
    good = "alpha==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n    # via beta\n"
    assert faults(good) == []
    assert unmet(["alpha>=1,<2"], good, "3.11") == []
    assert unmet(["alpha>=2,<3"], good, "3.11") == ["alpha>=2,<3, but the lock has 1.0"]
    assert unmet(["gamma>=2,<3"], good, "3.11") == ["gamma>=2,<3, but the lock has missing"]
    only_old = good.replace("alpha==1.0", "alpha==1.0 ; python_full_version < '3.12'")
    assert unmet(["alpha>=1,<2"], only_old, "3.11") == []
    assert unmet(["alpha>=1,<2"], only_old, "3.12") == ["alpha>=1,<2, but the lock has missing"]
    for bad in (
        "--index-url https://packages.example.org/simple\n" + good,
        "# made from pypi.example.org\n" + good,
        "# made by: uv pip compile /home/you/pyproject.toml\n" + good,
        good + "beta @ file:///somewhere/beta.whl\n",
        good + "beta==2.0\n",
        good + "beta>=2.0 \\\n    --hash=sha256:" + "0" * 64 + "\n",
        good + "beta==2.0 \\\n    --hash=sha256:123\n",
    ):
        assert faults(bad), bad


def test_the_recipes_of_containers_install_from_the_lock_alike():
    recipes = [(ROOT / "containers" / name).read_text(encoding="utf-8") for name in ("Dockerfile", "slopewise.def")]
    targets = re.findall(r"^(\S+):", (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(VENV)", ".venv"), re.M)
    for recipe in recipes:
        assert re.search(r"(?:FROM|From:) python:(\d+\.\d+)-slim", recipe)[1] in PYTHONS
        (target,) = re.findall(r"&& make (\S+)", recipe)
        assert target == ".venv/main.installed" and target in targets
    packages = [re.search(r"--no-install-recommends (.*?)(?: \\|$)", recipe, re.M)[1] for recipe in recipes]
    assert packages[0] == packages[1] and "make" in packages[0].split()


if __name__ == "__main__":
    if sys.argv[1:] != ["--fix"]:
        raise SystemExit(f"usage: python {sys.argv[0]} --fix")
    (ROOT / "environment.yml").write_text(environment(pyproject()), encoding="utf-8", newline="\n")
