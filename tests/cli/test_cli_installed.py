"""As a wheel lays it out: what pyproject.toml puts into the package is found there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what the wheel has, and nothing else."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    site = tmp_path_factory.mktemp("site")
    cut = shutil.ignore_patterns("__pycache__")
    for package in wheel["packages"]:
        shutil.copytree(ROOT / package, site / package, ignore=cut)
    for source, target in wheel["force-include"].items():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, site / target, ignore=cut)
        else:
            shutil.copyfile(ROOT / source, site / target)
    return site


def run(site: Path, code: str) -> str:
    argv = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(site)!r}); {code}"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=site, check=True)
    return done.stdout


def test_the_sample(installed: Path) -> None:
    code = "from mailsync import config; print(config.__file__); print(config.sample(), end='')"
    where, _, text = run(installed, code).partition("\n")
    assert where.startswith(str(installed))
    assert text == (ROOT / "sample.conf").read_text(encoding="utf-8")


def test_the_migrations(installed: Path) -> None:
    code = (
        "from mailsync.cache import migrate, schema; "
        "print(migrate.config().get_main_option('script_location')); "
        "print(migrate.known(schema.HEAD), migrate.known('from the future'))"
    )
    assert run(installed, code).splitlines() == [
        str(installed / "mailsync/_migrations"),
        "True False",
    ]
