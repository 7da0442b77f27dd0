"""Pages of the service: its own, the reference of its addresses, and the rules for the viewer."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@lru_cache
def asset(name: str) -> str:
    """A file of `assets/serve`."""
    return resources.files("intermask_cli").joinpath("assets", "serve", name).read_text(encoding="utf-8")


def viewer_policy(page: str) -> str:
    """Content security policy of a viewer page: its own script, by hash, and its motion from this server."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in _SCRIPT.findall(page)
    )
    return (
        f"default-src 'none'; script-src {hashes} 'self'; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )


def reference_page(openapi: Mapping[str, Any]) -> str:
    """The addresses of the service as a page without scripts, from its OpenAPI description."""
    return asset("docs.html").replace("@@CONTENT@@", "\n".join(_operations(openapi)))


def _operations(openapi: Mapping[str, Any]) -> Iterator[str]:
    schemas = openapi.get("components", {}).get("schemas", {})
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>"
            yield f"<p>{html.escape(operation.get('summary', ''))}.</p>"
            fields = [
                (one["name"], one["schema"], one.get("description", one["schema"].get("description", "")))
                for one in operation.get("parameters", [])
            ]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is not None:
                properties = _resolved(content["schema"], schemas).get("properties", {})
                fields += [(name, one, one.get("description", "")) for name, one in properties.items()]
            yield from _table(fields, schemas)


def _table(fields: list[tuple[str, Mapping[str, Any], str]], schemas: Mapping[str, Any]) -> Iterator[str]:
    if not fields:
        return
    yield "<table><tr><th>field</th><th>type</th><th>default</th><th>meaning</th></tr>"
    for name, schema, description in fields:
        default = (
            "" if "default" not in schema or schema["default"] is None else json.dumps(schema["default"])
        )
        cells = (
            f"<code>{html.escape(name)}</code>",
            *map(html.escape, (_kind(schema, schemas), default, description)),
        )
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</table>"


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    resolved: Mapping[str, Any] = schema if reference is None else schemas[reference.rpartition("/")[2]]
    return resolved


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """The type of a field, in words."""
    if "anyOf" in schema:
        kinds = [_kind(one, schemas) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(kinds)
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    if "$ref" in schema:
        return "{" + ", ".join(_resolved(schema, schemas).get("properties", {})) + "}"
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'], schemas)}"
    return str(schema.get("type", "any"))
