"""pip's own settings, told to uv, which does not read them: a proxy or a mirror configured once holds for both."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
}


def uv_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with what pip is set to added in uv's names; what is set for uv already stays."""
    settings = {**_from_files(environment), **_from_variables(environment)}
    added = {}
    for option, variable in TO_UV.items():
        if settings.get(option) and variable not in environment:
            added[variable] = " ".join(settings[option].split())
    folders = added.get("UV_FIND_LINKS", "").split()
    if folders:  # pip ignores a folder that isn't there; uv refuses it
        there = [folder for folder in folders if "://" in folder or Path(folder).is_dir()]
        added["UV_FIND_LINKS"] = ",".join(there)
        if not there:
            del added["UV_FIND_LINKS"]
    return {**environment, **added}


def _from_variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        option: environment["PIP_" + option.upper().replace("-", "_")]
        for option in TO_UV
        if "PIP_" + option.upper().replace("-", "_") in environment
    }


def _from_files(environment: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in _files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip itself will complain about it
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    return found


def _files(environment: Mapping[str, str]) -> list[Path]:
    """Where pip looks, least important first."""
    if environment.get("PIP_CONFIG_FILE") == os.devnull:
        return []
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or "~").expanduser()
    if sys.platform == "win32":
        files = [Path(environment.get("APPDATA", home)) / "pip" / "pip.ini"]
    else:
        config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        files = [
            Path("/etc/pip.conf"),
            Path("/etc/xdg/pip/pip.conf"),
            home / ".pip/pip.conf",
            config / "pip/pip.conf",
        ]
    if environment.get("PIP_CONFIG_FILE"):
        files.append(Path(environment["PIP_CONFIG_FILE"]))
    return files
