"""Loads the languages of this image (sandbox/languages/README.md)."""

import json
import os
from dataclasses import dataclass

FOLDER = "/opt/languages"
# Commands without a report. Test frameworks and `install` write one.
_PLAIN_COMMANDS = frozenset({"run", "check"})


@dataclass(frozen=True)
class Language:
    name: str
    folder: str
    commands: dict[str, list[str]]
    environment: dict[str, str]
    # The module of this package that starts `run` faster than a new process, or None.
    warm: "str | None"

    def reports(self, command: str) -> bool:
        return command not in _PLAIN_COMMANDS

    def variables(self, layer: "str | None") -> dict[str, str]:
        """The environment of its commands. Without a layer, variables that refer to one are left out."""
        if layer is None:
            return {name: value for name, value in self.environment.items() if "{layer}" not in value}
        return {name: value.replace("{layer}", layer) for name, value in self.environment.items()}

    def argv(self, command: str, **values: object) -> list[str]:
        """The command with its placeholders filled in."""
        placeholders = {"language": self.folder, **values}
        return [part.format_map(placeholders) for part in self.commands[command]]


def load(folder: str = FOLDER) -> dict[str, Language]:
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.isdir(path):
            continue
        with open(os.path.join(path, "language.json"), encoding="utf-8") as file:
            data = json.load(file)
        found[name] = Language(
            name=name,
            folder=path,
            commands=data["commands"],
            environment=data.get("environment", {}),
            warm=data.get("warm"),
        )
    return found
