"""One HTML page with everything inside it, and a policy under which nothing else runs."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from gradline.core.tensor_file import replacing

ASSETS = Path(__file__).parent / "assets"
FRAME_HEIGHT = 900  # pixels of the page in a notebook's cell


@dataclass(frozen=True)
class Page:
    """A whole page: `html` is its text. In a notebook it shows itself in a frame of its own."""

    html: str

    def save(self, path: str | Path) -> None:
        """Write the page to one file, whole or not at all. Raises `FileError` where that cannot be."""
        with replacing(path) as stream:
            stream.write(self.html.encode())

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts allow-downloads" '
            f'title="gradline" width="100%" height="{FRAME_HEIGHT}" frameborder="0"></iframe>'
        )


class Style(NamedTuple):
    """A style sheet; `attributes` are those of its tag."""

    text: str
    attributes: str = ""


def assembled(
    title: str,
    body: str,
    *,
    styles: Sequence[Style],
    scripts: Sequence[str],
    module: str,
    data: Mapping[str, Any],
    later: Mapping[str, str] | None = None,
) -> Page:
    """The page of a title (plain text), a body (HTML), style sheets, classic scripts in order, one module, JSON blocks.

    `data` maps the id of a block to its value, which the module reads; `later` the id of a block to a script that the
    module runs when it has shown what can be shown without. The policy lets in what is inlined here, by
    its hash, and images that the page makes of its own figures.
    """
    sheets = "".join(f"<style{style.attributes}>{style.text}</style>\n" for style in styles)
    blocks = "".join(
        f'<script type="application/json" id="{name}">{json_text(value)}</script>\n'
        for name, value in data.items()
    )
    held = "".join(
        f'<script type="text/plain" id="{name}">{script}</script>\n' for name, script in (later or {}).items()
    )
    programs = "".join(f"<script>{script}</script>\n" for script in scripts)
    return Page(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_policy(styles, [*scripts, module, *(later or {}).values()])}">
<title>{html.escape(title)}</title>
{sheets}</head>
<body>
{body}
{blocks}{held}{programs}<script type="module">{module}</script>
</body>
</html>
"""
    )


def _policy(styles: Sequence[Style], scripts: Sequence[str]) -> str:
    return (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; "
        f"style-src {' '.join(_hash(style.text) for style in styles)}; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def json_text(value: Any) -> str:
    """JSON that can stand inside a script tag: no character of it ends the tag, opens a comment or breaks a line."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def asset(name: str) -> str:
    """The text of a file of `assets`."""
    return (ASSETS / name).read_text(encoding="utf-8")


def plotly_scripts() -> list[str]:
    """Plotly as the installed package holds it, and before it what lets it keep to the policy."""
    plotly = files("plotly") / "package_data" / "plotly.min.js"
    return [asset("strict.js"), plotly.read_text(encoding="utf-8")]


def plotly_styles() -> list[Style]:
    """The rules that Plotly would write at run time, which the policy forbids; it looks for sheets of these ids."""
    return [
        Style(asset("plotly.css"), ' id="plotly.js-style-global" class="no-inline-styles"'),
        Style("", ' id="9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53"'),
    ]


_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
_TOP_NAMES = re.compile(
    r"^(?:export )?(?:async )?(?:function\*?|const|let|class) (\w+|[\[{][^\]}]*[\]}])", re.MULTILINE
)


def joined_modules(entry: str) -> str:
    """The ES module `entry` of `assets` and all that it imports, in import order, as one module.

    Imports and exports go, so every top-level name must be unique over all files, which is checked.
    """
    texts = dict(_in_import_order(ASSETS / entry, {}))
    homes: dict[str, Path] = {}
    for path, text in texts.items():
        for name in re.findall(r"\w+", " ".join(_TOP_NAMES.findall(text))):
            if name in homes:
                raise ValueError(f"{path.name} and {homes[name].name} both define {name}")
            homes[name] = path
    return "\n".join(re.sub(r"^export ", "", text, flags=re.MULTILINE) for text in texts.values())


def _in_import_order(path: Path, seen: dict[Path, None]) -> Iterator[tuple[Path, str]]:
    """Each module once, after those that it imports."""
    if path in seen:
        return
    seen[path] = None
    text = path.read_text(encoding="utf-8")
    for names, source in _IMPORT.findall(text):
        if " as " in names:
            raise ValueError(f"{path.name} renames what it imports from {source}")
        yield from _in_import_order((path.parent / source).resolve(), seen)
    yield path, _IMPORT.sub("", text)
