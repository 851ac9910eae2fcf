"""Versions: commit, log, checkout, note, tag and archive what runs have left."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gradline.cli import flags
from gradline.cli.terminal import guarded, out, out_json, say

PANEL = "Versions"

Name = Annotated[str, typer.Argument(help="v3, 3, a tag, latest, or latest~1.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    for command in (commit, log, checkout, note, tag, archive):
        app.command(rich_help_panel=PANEL)(guarded(command))


def commit(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Models, notebooks, scripts, run.toml, …", show_default=False),
    ] = None,
    message: flags.Message = "",
    moments: Annotated[
        bool, typer.Option("--moments/--no-moments", help="Whether models keep theirs. Default: they do.")
    ] = True,
    outputs: Annotated[bool, typer.Option(help="Keep the outputs of notebooks.")] = False,
    data: Annotated[bool, typer.Option(help="Keep files of data.")] = False,
    as_json: flags.AsJson = False,
) -> None:
    """Record a version: files, environment and Git commit, in the folder .gradline beside the project.

    Examples:

      gradline commit crops.safetensors crops.ipynb -m "lr 1e-5, 100 epochs"

      gradline fit example:crops -t apples --commit -m "exact"
    """
    from gradline.core.errors import UsageError  # noqa: PLC0415 - --help needs it not

    if not paths:
        raise UsageError(
            "no-files-named",
            "nothing is named to commit",
            "name files, such as a model, a notebook, a script or run.toml",
        )
    from gradline.history.recording import commit  # noqa: PLC0415 - --help needs no numpy

    version = commit(message, paths, notebook=None, moments=moments, outputs=outputs, data=data)
    if as_json:
        out_json(as_card(version))
    else:
        say(f"recorded: {version.name} ({', '.join(version.files)})")


def log(
    sort: Annotated[
        str | None, typer.Option(help="A name to sort by, such as loss, or -loss for the largest first.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(help="Only where this holds: \"loss < 2 and solver == 'sgd'\".")
    ] = None,
    archived: Annotated[bool, typer.Option("--all", help="Also versions that were archived.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Read all files of all versions.")] = False,
    as_json: flags.AsJson = False,
) -> None:
    """List the versions, the oldest first; removes what broken commits left behind, and names what is missing.

    Names for --sort and --where: version, when, message, tag, note, model, solver, lr, epochs, batch_size, momentum,
    scale, loss, gap, digits, rmse and r2 (of the worst target), rows, status, and what log_metrics noted.
    """
    from gradline.cli.version_view import table  # noqa: PLC0415 - --help needs it not
    from gradline.history.listing import chosen, rows_of  # noqa: PLC0415
    from gradline.history.repair import mended  # noqa: PLC0415
    from gradline.history.store import Store  # noqa: PLC0415

    store = Store.find()
    everything = store.versions()
    versions = [version for version in everything if archived or not version.archived]
    rows = chosen([row for version in versions for row in rows_of(version)], where, sort)
    left = mended(store, thorough=check).sentences()
    if as_json:
        by_number = {version.number: version for version in versions}
        numbers = dict.fromkeys(row["version"] for row in rows)
        out_json({"versions": [as_card(by_number[number]) for number in numbers], "notices": left})
    elif rows:
        out(table(rows, versions))
    elif versions:
        say("no version meets the condition")
    else:
        say("all versions are archived: --all lists them" if everything else "no version is recorded here")
    for sentence in left:
        say(f"note: {sentence}")


def checkout(
    version: Name,
    paths: Annotated[
        list[str] | None, typer.Argument(help="Its files to bring back. Default: all.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that differ.")] = False,
) -> None:
    """Bring files of a version back, byte by byte; a file that differs is not overwritten unless forced."""
    from gradline.history.restoring import checkout  # noqa: PLC0415 - --help needs no numpy
    from gradline.history.store import Store  # noqa: PLC0415

    store = Store.find()
    found = store.version(version)
    written = checkout(store, found, paths or (), force)
    for name in written:
        say(f"restored: {name}")
    if not written:
        say(
            f"nothing to restore: {'the files are' if found.files else 'the version has no file'} as in {found.name}"
        )


def note(
    version: Name,
    text: Annotated[str, typer.Argument(help="What to remember; '' takes it away.", show_default=False)],
) -> None:
    """Say something of a version afterwards; a later note replaces it."""
    store, found = _found(version)
    store.annotate(found, "note", text)
    say(f"noted: {found.name}")


def tag(
    version: Name,
    name: Annotated[str, typer.Argument(help="Another name for the version.", show_default=False)],
    remove: Annotated[bool, typer.Option("--remove", help="Take the tag away.")] = False,
) -> None:
    """Give a version a name, which all commands take for it."""
    from gradline.core.errors import RequestError  # noqa: PLC0415 - --help needs it not

    store, found = _found(version)
    if not remove:
        store.tag(found, name)
    elif name in found.tags:
        store.annotate(found, "untag", name)
    else:
        raise RequestError(
            "tag-unknown", f"{found.name} has no tag {name}", f"its tags: {', '.join(found.tags) or 'none'}"
        )
    say(f"{'taken away' if remove else 'tagged'}: {found.name} {name}")


def archive(
    names: Annotated[
        list[str], typer.Argument(help="v3, 3, a tag, latest, or latest~1.", show_default=False)
    ],
    undo: Annotated[bool, typer.Option("--undo", help="List them again.")] = False,
) -> None:
    """Leave versions out of the log; nothing of them is lost, and `gradline log --all` lists them."""
    for store, found in [_found(name) for name in names]:
        store.annotate(found, "unarchive" if undo else "archive")
        say(f"{'listed again' if undo else 'archived'}: {found.name}")


def _found(name: str) -> tuple[Any, Any]:
    """The store, and the version of that name in it."""
    from gradline.history.store import Store  # noqa: PLC0415 - --help needs it not

    store = Store.find()
    return store, store.version(name)


def as_card(version: Any) -> dict[str, Any]:
    """A version as plain JSON."""
    later = {"tags": list(version.tags), "note": version.note, "archived": version.archived}
    return {"version": version.name, **version.record(), **later}


def named(path: Path) -> tuple[Any, Any] | None:
    """The store and the version, where a MODEL is no file but a version's name."""
    from gradline.core.errors import RequestError  # noqa: PLC0415 - --help needs it not
    from gradline.history.store import Store, is_written_as_version  # noqa: PLC0415

    text = str(path)
    if path.exists():
        return None
    try:
        store = Store.find()
    except RequestError:
        if is_written_as_version(text):
            raise
        return None
    is_tag = any(text in version.tags for version in store.versions())
    return (store, store.version(text)) if is_tag or is_written_as_version(text) else None
