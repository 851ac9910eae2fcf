"""Versions: commit, log, checkout, note, tag and archive what runs have left."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from gradline.cli.options import AsJson, Message, argument, flag, frozen
from gradline.cli.terminal import out, out_json, say
from gradline.cli.version_view import as_card, table
from gradline.core.errors import RequestError, UsageError

Name = Annotated[str, argument("v3, 3, a tag, latest, or latest~1.")]


@frozen
class CommitOptions:
    """What to record, and what of it."""

    paths: Annotated[Sequence[str], argument("Models, notebooks, scripts, run.toml, …")] = ()
    message: Message = ""
    moments: Annotated[
        bool, flag("Keep the moments of models, which intervals and diff need.", shows_default=True)
    ] = True
    outputs: Annotated[bool, flag("Keep the outputs of notebooks.", shows_default=True)] = False
    data: Annotated[bool, flag("Keep files of data.", shows_default=True)] = False
    as_json: AsJson = False


def commit(options: CommitOptions) -> None:
    """Record a version: files, environment and Git commit, in the folder .gradline beside the project.

    Examples:

      gradline commit crops.safetensors crops.ipynb -m "lr 1e-5, 100 epochs"

      gradline fit example:crops -t apples --commit -m "exact"
    """
    if not options.paths:
        raise UsageError(
            "no-files-named",
            "nothing is named to commit",
            "name files, such as a model, a notebook, a script or run.toml",
        )
    from gradline.history.recording import commit  # noqa: PLC0415 - --help needs no numpy

    version = commit(
        options.message,
        options.paths,
        notebook=None,
        moments=options.moments,
        outputs=options.outputs,
        data=options.data,
    )
    if options.as_json:
        out_json(as_card(version))
    else:
        say(f"recorded: {version.name} ({', '.join(version.files)})")


@frozen
class LogOptions:
    """Which versions to list, and in which order."""

    sort: Annotated[str | None, flag("A name to sort by, such as loss, or -loss for the largest first.")] = (
        None
    )
    where: Annotated[str | None, flag("Only where this holds: \"loss < 2 and solver == 'sgd'\".")] = None
    archived: Annotated[bool, flag("Also versions that were archived.", "--all")] = False
    check: Annotated[bool, flag("Read all files of all versions.", "--check")] = False
    as_json: AsJson = False


def log(options: LogOptions) -> None:
    """List the versions, the oldest first; removes what broken commits left behind, and names what is missing.

    Names for --sort and --where: version, when, message, tag, note, model, solver, lr, epochs, batch_size, momentum,
    scale, loss, gap, digits, rmse and r2 (of the worst target), rows, status, and what log_metrics noted.
    """
    from gradline.history.listing import chosen, rows_of  # noqa: PLC0415 - --help needs it not
    from gradline.history.repair import mended  # noqa: PLC0415
    from gradline.history.store import Store  # noqa: PLC0415

    store = Store.find()
    everything = store.versions()
    versions = [version for version in everything if options.archived or not version.archived]
    rows = chosen([row for version in versions for row in rows_of(version)], options.where, options.sort)
    left = mended(store, thorough=options.check).sentences()
    if options.as_json:
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


@frozen
class CheckoutOptions:
    """A version, and what of it to bring back."""

    version: Name
    paths: Annotated[Sequence[str], argument("Its files to bring back. Default: all.")] = ()
    force: Annotated[bool, flag("Overwrite files that differ.", "--force")] = False


def checkout(options: CheckoutOptions) -> None:
    """Bring files of a version back, byte by byte; a file that differs is not overwritten unless forced."""
    from gradline.history.restoring import checkout  # noqa: PLC0415 - --help needs no numpy
    from gradline.history.store import Store  # noqa: PLC0415

    store = Store.find()
    found = store.version(options.version)
    written = checkout(store, found, options.paths, options.force)
    for name in written:
        say(f"restored: {name}")
    if not written:
        say(
            f"nothing to restore: {'the files are' if found.files else 'the version has no file'} as in {found.name}"
        )


@frozen
class NoteOptions:
    """A version, and what to say of it."""

    version: Name
    text: Annotated[str, argument("What to remember; '' takes it away.")]


def note(options: NoteOptions) -> None:
    """Say something of a version afterwards; a later note replaces it."""
    store, found = _found(options.version)
    store.annotate(found, "note", options.text)
    say(f"noted: {found.name}")


@frozen
class TagOptions:
    """A version, and its other name."""

    version: Name
    name: Annotated[str, argument("Another name for the version.")]
    remove: Annotated[bool, flag("Take the tag away.", "--remove")] = False


def tag(options: TagOptions) -> None:
    """Give a version a name, which all commands take for it."""
    (store, found), name = _found(options.version), options.name
    if not options.remove:
        store.tag(found, name)
    elif name in found.tags:
        store.annotate(found, "untag", name)
    else:
        raise RequestError(
            "tag-unknown", f"{found.name} has no tag {name}", f"its tags: {', '.join(found.tags) or 'none'}"
        )
    say(f"{'taken away' if options.remove else 'tagged'}: {found.name} {name}")


@frozen
class ArchiveOptions:
    """The versions to leave out of the log, or to list again."""

    names: Annotated[Sequence[str], argument("v3, 3, a tag, latest, or latest~1.")]
    undo: Annotated[bool, flag("List them again.", "--undo")] = False


def archive(options: ArchiveOptions) -> None:
    """Leave versions out of the log; nothing of them is lost, and `gradline log --all` lists them."""
    for store, found in [_found(name) for name in options.names]:
        store.annotate(found, "unarchive" if options.undo else "archive")
        say(f"{'listed again' if options.undo else 'archived'}: {found.name}")


def _found(name: str) -> tuple[Any, Any]:
    """The store, and the version of that name in it."""
    from gradline.history.store import Store  # noqa: PLC0415 - --help needs it not

    store = Store.find()
    return store, store.version(name)


def named(path: Path) -> tuple[Any, Any] | None:
    """The store and the version, where a MODEL is no file but a version's name."""
    from gradline.history.store import Store, is_written_as_version  # noqa: PLC0415 - --help needs it not

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
