"""A lesson for the command line: made again with another mistake, told as text, or played key by key."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.segment import Segment, Segments
from rich.text import Text

from gradline.cli.keys import keys
from gradline.cli.lesson_view import check, comparison, heading, losses, update
from gradline.pytorch.lessons.lesson import Lesson, lesson
from gradline.pytorch.lessons.mistakes import MISTAKES
from gradline.pytorch.lessons.sanity import sanity
from gradline.pytorch.lessons.steps import Update

KEYS = "Enter next · b back · e end of epoch · m mistake · g run on · q leave"
_WIDTH = 110  # of a file or a pipe, which has none
_NEXT = ("\r", "\n", " ", "\x1b[C")
_BACK = ("b", "\x7f", "\x1b[D")
_LEAVE = ("q", "\x1b", "\x04")


@dataclass(frozen=True)
class Teacher:
    """Makes the lesson that was asked for, with any mistake. `params` are keywords of `lesson`."""

    data: Any
    targets: Sequence[str]
    settings: Mapping[str, Any]

    def lesson(self, mistake: str | None) -> Lesson:
        """The lesson with this mistake; with the first target alone where the mistake needs a single one."""
        targets, exclude = list(self.targets), list(self.settings["exclude"])
        if mistake in MISTAKES and MISTAKES[mistake].one_target:
            targets, exclude = targets[:1], [*exclude, *targets[1:]]
        settings: Any = {**self.settings, "exclude": exclude}
        return lesson(self.data, targets, mistake=mistake, **settings)

    def mistakes(self) -> list[str | None]:
        """None, and the mistakes that this way can make."""
        made = [name for name, row in MISTAKES.items() if self.settings["by"] in row.wrong]
        if self.settings["dtype"] == "float64":
            made.remove("dtype")
        return [None, *made]


def tell(teacher: Teacher, mistake: str | None, updates: int) -> None:
    """Print the lesson: so many updates in full, then the losses and the check, or the mistake and its mending."""
    one = teacher.lesson(mistake)
    run = one.compare() if mistake else None
    steps = run.wrong if run else list(one)
    told = [heading(one), *(update(one, step, len(step.parts)) for step in steps[:updates])]
    told.append(comparison(one, run) if run else _ending(one, steps))
    console = Console(highlight=False, width=None if "COLUMNS" in os.environ else _WIDTH)
    with console.capture() as captured:
        for part in told:
            console.print(part, end="\n\n")
    for line in captured.get().rstrip().splitlines():
        print(line.rstrip())  # with the colours of a terminal; names in it are printable already


def _ending(one: Lesson, steps: Sequence[Update]) -> RenderableType:
    lines = [Text(line) for line in losses(one, steps)]
    left = (step.epoch for step in steps if step.epoch_loss is not None and not isfinite(step.epoch_loss))
    return Group(*lines, Text(), check(sanity(one, steps[-1], next(left, None))))


def play(teacher: Teacher, mistake: str | None) -> None:
    """Show the lesson on the terminal and follow the keys until `q`."""
    console = Console(highlight=False)
    game = _Game(teacher, teacher.lesson(mistake))
    with console.screen(hide_cursor=True):
        console.print(game.shown(console), end="")
        for key in keys():
            if key in _LEAVE:
                break
            game.press(key)
            console.clear()
            console.print(game.shown(console), end="")
    if game.ended:
        console.print(game.ending())


@dataclass
class _Game:
    """Where the player stands: which update, and how many of its five steps are done. 5 of the last one is the end."""

    teacher: Teacher
    lesson: Lesson
    steps: list[Update] = field(default_factory=list)
    at: int = 0
    part: int = 0
    ended: bool = False

    def __post_init__(self) -> None:
        self._rest: Iterator[Update] = iter(self.lesson)
        self._reach(0)

    def press(self, key: str) -> None:
        """Follow one key; others do nothing."""
        if key in _NEXT:
            self._forward()
        elif key in _BACK:
            self._back()
        elif key == "e":
            self._to_end_of_epoch()
        elif key == "g":
            while self._reach(self.at + 1):
                self.at += 1
            self.part, self.ended = len(self.step.parts), True
        elif key == "m":
            self._next_mistake()

    @property
    def step(self) -> Update:
        return self.steps[self.at]

    def _reach(self, at: int) -> bool:
        """Run the loop as far as update `at`, if it goes so far."""
        while len(self.steps) <= at:
            step = next(self._rest, None)
            if step is None:
                return False
            self.steps.append(step)
        return True

    def _forward(self) -> None:
        if self.part < len(self.step.parts):
            self.part += 1
        elif self._reach(self.at + 1):
            self.at, self.part = self.at + 1, 1
        else:
            self.ended = True

    def _back(self) -> None:
        if self.ended:
            self.ended = False
        elif self.part > 1 or (self.at == 0 and self.part == 1):
            self.part -= 1
        elif self.at > 0:
            self.at -= 1
            self.part = len(self.step.parts)

    def _to_end_of_epoch(self) -> None:
        finished = self.part == len(self.step.parts) and self.step.epoch_loss is not None
        if finished and self._reach(self.at + 1):
            self.at += 1
        while self.step.epoch_loss is None and self._reach(self.at + 1):
            self.at += 1
        self.part = len(self.step.parts)

    def _next_mistake(self) -> None:
        """The same place in the loop with the next mistake; after the last one, without any."""
        names = self.teacher.mistakes()
        current = self.lesson.mistake.name if self.lesson.mistake else None
        self.lesson = self.teacher.lesson(names[(names.index(current) + 1) % len(names)])
        self.steps, self._rest, self.ended = [], iter(self.lesson), False
        while not self._reach(self.at):
            self.at -= 1
        self.part = min(self.part, len(self.step.parts))

    def shown(self, console: Console) -> RenderableType:
        """The screen: less of it where the window is low."""
        if self.ended:
            return _cut(console, self.ending())
        for rows in (5, 2, 1):
            body = Group(heading(self.lesson), update(self.lesson, self.step, self.part, rows))
            if len(console.render_lines(body)) < console.height:
                break
        return _cut(console, body)

    def ending(self) -> RenderableType:
        """What stands at the end of the run: the mistake explained, or the losses and the check."""
        told = (
            comparison(self.lesson, self.lesson.compare())
            if self.lesson.mistake
            else _ending(self.lesson, self.steps)
        )
        return Group(heading(self.lesson), Text(), told)


def _cut(console: Console, body: RenderableType) -> RenderableType:
    """The body and the keys, cut to the window."""
    lines = console.render_lines(body, pad=False)
    if len(lines) >= console.height:
        more = console.render_lines(
            Text("… (a higher window shows more; q after g prints all)", "dim"), pad=False
        )
        lines = [*lines[: console.height - 2], *more]
    segments = [segment for line in lines for segment in (*line, Segment.line())]
    return Group(Segments(segments), Text(KEYS, "reverse"))
