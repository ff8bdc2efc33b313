"""Warnings about steps that destroy what nothing here can bring back; docs/lint.md lists them."""

import json
import re
from collections.abc import Iterator, Mapping

from watchdog.config.problems import Path
from watchdog.config.walking import Content, steps

_APART = re.compile(r"[\s\"',;+]+|%20")
# What each finds in the words of a command, an address or a body; in the order of docs/lint.md.
DESTRUCTIVE: Mapping[str, str] = {
    "prisma migrate reset": r"prisma migrate reset",
    "prisma db push --force-reset": r"prisma db push .*--(force-reset|accept-data-loss)",
    "migrate:fresh, migrate:reset, db:drop, db:reset": (
        r"\b(migrate:(fresh|reset)|db:(drop|reset|schema:load))\b"
    ),
    "alembic downgrade base": r"alembic .*downgrade base",
    "manage.py flush, manage.py reset_db": r"manage\.py (flush|reset_db)",
    "dropdb": r"\bdropdb\b",
    "DROP DATABASE, SCHEMA, TABLE, USER": r"\bdrop (database|schema|table|keyspace|user|role)\b",
    "TRUNCATE": r"\btruncate (table )?\w",
    "DELETE FROM without WHERE": r"\bdelete from \S+(?! where)( |$)(?!where)",
    "FLUSHALL, FLUSHDB": r"\bflush(all|db)\b",
    "rm -rf": (
        r"(^| |/)rm (.* )?-(\w*r\w*f|\w*f\w*r|r .*-f|f .*-r)"
        r"|(^| |/)rm .*(--recursive .*--force|--force .*--recursive)"
    ),
    "mkfs, wipefs, dd of=": r"\b(mkfs(\.\w+)?|wipefs)\b|\bdd .*\bof=",
    "terraform destroy": r"\b(terraform|tofu|pulumi) (.* )?destroy\b",
    "kubectl delete namespace, pv, pvc, --all": (
        r"kubectl .*delete .*(\b(namespaces?|ns|pvc?|persistentvolume(claim)?s?|crds?)\b|--all\b)"
    ),
    "helm uninstall": r"\bhelm (.* )?(uninstall|delete)\b",
    "docker volume rm, docker compose down -v": (
        r"\bdocker volume (rm|prune)\b|\bdocker[ -]compose .*down .*(-v\b|--volumes\b)"
        r"|\bdocker system prune\b"
    ),
    "aws s3 rb, aws s3 rm --recursive": r"\baws s3 (rb|rm .*--recursive)\b",
    "delete-db-instance, delete-db-cluster, delete-table, delete-stack": (
        r"\bdelete-(db-instance|db-cluster|table|stack|bucket)\b"
    ),
    "git push --force, git reset --hard": r"\bgit (.* )?(push .*(--force\b|-f\b)|reset .*--hard)",
}
# Characters. Nobody writes a longer command by hand, and patterns take their time.
_READ = 4_000
_FOUND = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in DESTRUCTIVE.items()}


def lint_destructive(content: Content) -> Iterator[tuple[Path, str]]:
    """Steps whose command, address or body names something that destroys data."""
    for path, step in steps(content):
        options = step.get("with")
        if not isinstance(options, Mapping):
            continue
        for key in options:
            name = _destroys(options[key])
            if name:
                text = (
                    f"this destroys data that no further step brings back ({name}): take it out "
                    "of the plan, or let a person do it by hand"
                )
                yield (*path, "with", str(key)), text
                break


def _destroys(value: object) -> str:
    """What is found in the words of `value`; empty where nothing is."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    words = _APART.sub(" ", text[:_READ]).strip(" []{}")
    return next((name for name, pattern in _FOUND.items() if pattern.search(words)), "")
