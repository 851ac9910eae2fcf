# Three mistakes in real loops, each with its cause and the mending line.
import textwrap

from gradline.pytorch import lesson

for by, mistake in (
    ("builtin", "shape"),
    ("autograd", "lr"),
    ("autograd", "detach"),
):
    run = lesson(
        "example:iphone", "sales", by=by, mistake=mistake, epochs=9
    ).compare()
    print(f"{mistake}: {run.mistake.title}")
    print(*textwrap.wrap(run.cause, 72), *run.lines(), "", sep="\n")
