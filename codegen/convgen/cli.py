"""The one command, ``convgen [OPTIONS] SPEC``: options in, results out, an exit code."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from convgen import __version__, extras
from convgen.choices import (
    EMULATORS,
    ENDS,
    FEEDS,
    FORMATS,
    FUSIONS,
    GDB,
    GOALS,
    MODELS,
    PACKAGES,
    REFERENCES,
    SCHEMAS,
    SHELLS,
    TOOLCHAINS,
)
from convgen.errors import ConvgenError, ExitCode, UsageError, foreseen
from convgen.printable import word
from convgen.resources import data_dir
from convgen.size import whole
from convgen.system import streams

if TYPE_CHECKING:
    from convgen import Ended, Outcome
    from convgen.api import Job, ReadOptions, What
    from convgen.choices import Schema


DESCRIPTION = """\
Choose the algorithms that fit a memory budget for a convolution layer or a whole
model, generate them as C, run that on an emulated microcontroller, prove its output
and measure it."""

EPILOG = """\
examples:
  convgen -t cortex-m4 -b 64k layer.json               the least scratch memory
  convgen -t rv32imc -b 48k --optimize speed kws.tflite
                                                       the fastest that fits
  convgen -t cortex-m4 --vectors vectors.npz layer.json
                                                       proved against your model

Exit codes: 0 verified, 1 wrong output, 2 bad input, 3 nothing fits the budget,
4 a tool is missing or failed."""


OF_ONE = ("vectors", "layer", "extract", "list_layers")
"""Options that are about one spec."""

OF_A_MODEL = ("layer", "name", "io", "reference", "feed", "fusion")
TAKEN = {"extract": ("layer", "name", "reference")}
"""Options that are about one model, and those of them that an act other than to generate takes."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{self.format_usage().strip()}")


class _Help(argparse.Action):
    """Print the help all the way out; and leave."""

    def __init__(self, **more: Any) -> None:
        super().__init__(nargs=0, **more)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        with streams.results():
            print(parser.format_help(), end="")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = _Parser(
        prog="convgen",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action=_Help, help="show this and exit")
    parser.add_argument(
        "specs",
        metavar="SPEC",
        nargs="*",
        help="a layer spec (.json) or a model (.tflite, .onnx), or several of them",
    )
    _add_choice_options(parser)
    _add_run_options(parser)
    _add_list_options(parser)
    return parser


def _add_choice_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to generate")
    group.add_argument("-t", "--target", metavar="NAME", help="a target, or a board's .toml file")
    group.add_argument(
        "-b", "--budget", metavar="SIZE", help="RAM for tensors, workspace and stack: 64k, 1M, 4096"
    )
    group.add_argument("--flash", metavar="SIZE", help="flash for code and constants")
    group.add_argument(
        "--optimize",
        metavar="GOAL",
        choices=GOALS,
        default="workspace",
        help=f"what to minimise: {', '.join(GOALS)} (default: %(default)s)",
    )
    group.add_argument("--name", metavar="NAME", help="prefix of a model's symbols and files")
    group.add_argument(
        "--io",
        metavar="KIND",
        choices=ENDS,
        default="model",
        help="a model's own dtypes, or conversions at its ends left to the caller: "
        f"{', '.join(ENDS)} (default: %(default)s)",
    )
    group.add_argument(
        "--reference",
        metavar="WHICH",
        choices=REFERENCES,
        default="litert",
        help=f"whose rounding a model has: {', '.join(REFERENCES)} (default: %(default)s)",
    )
    group.add_argument(
        "--feed",
        metavar="KIND",
        choices=FEEDS,
        help=f"how a model gets its input: {', '.join(FEEDS)} "
        "(default: whole, and with --compare both)",
    )
    group.add_argument(
        "--fusion",
        metavar="WHICH",
        choices=FUSIONS,
        default="auto",
        help="run operators of a model row by row together where that takes less RAM, or one "
        f"after the other: {', '.join(FUSIONS)} (default: %(default)s)",
    )
    group.add_argument(
        "--layer", metavar="WHICH", help="take this operator of a model, by index or output"
    )
    group.add_argument(
        "--extract", metavar="DIR", help="write that operator, or each, as a layer spec; then stop"
    )
    group.add_argument("--algorithm", metavar="NAME", help="use this algorithm or family")
    group.add_argument("--overlap", action="store_true", help="input and output share one pool")
    group.add_argument(
        "--seed", metavar="N", default="0", help="seed of made-up weights and inputs"
    )
    group.add_argument(
        "--allow-outside",
        action="store_true",
        help="let the spec name files outside its own folder",
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how to run it")
    group.add_argument(
        "--compare", action="store_true", help="build and run every algorithm that can do the layer"
    )
    group.add_argument("-o", "--out", metavar="DIR", help="default: convgen-out/<layer>")
    group.add_argument(
        "--package",
        metavar="KIND",
        choices=PACKAGES,
        help=f"also write what a build system wants: {', '.join(PACKAGES)}",
    )
    group.add_argument(
        "--emulator",
        metavar="WHICH",
        default="auto",
        help=f"{', '.join(EMULATORS)}, or {GDB}HOST:PORT, a board (default: %(default)s)",
    )
    group.add_argument(
        "--toolchain",
        metavar="WHICH",
        choices=TOOLCHAINS,
        default="auto",
        help=f"{', '.join(TOOLCHAINS)} (default: %(default)s)",
    )
    group.add_argument(
        "--cycles", action="store_true", help="estimate the cycles of the core from its manual"
    )
    group.add_argument(
        "--flash-wait-states",
        metavar="N",
        help="what the estimate adds to each fetch of code (default: the chip's, else 0)",
    )
    group.add_argument(
        "--profile",
        action="store_true",
        help="say which functions and lines of C take the instructions",
    )
    group.add_argument("--no-cache", action="store_true", help="neither read nor write the cache")
    group.add_argument("--vectors", metavar="FILE", help=".npz with input and expected output")
    group.add_argument(
        "--format",
        metavar="FMT",
        choices=FORMATS,
        default="text",
        help="text or json; of --diff also markdown (default: %(default)s)",
    )
    group.add_argument("--junit", metavar="FILE", help="write the verdict for CI")
    group.add_argument(
        "--all", action="store_true", help="print every candidate, not only those near the choice"
    )


def _add_list_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what there is")
    only = group.add_mutually_exclusive_group()
    only.add_argument("--list-targets", action="store_true", help="list the targets")
    only.add_argument("--list-algorithms", action="store_true", help="list the algorithms")
    only.add_argument("--list-layers", action="store_true", help="list a model's operators")
    only.add_argument(
        "--schema",
        metavar="OF",
        nargs="?",
        choices=SCHEMAS,
        const="spec",
        help=f"print the JSON Schema of the {' or of the '.join(SCHEMAS)} (default: %(const)s)",
    )
    only.add_argument(
        "--doctor", action="store_true", help="list the tools, found or not, and how to get them"
    )
    only.add_argument(
        "--completion",
        metavar="SHELL",
        choices=SHELLS,
        help=f"print what completes the options in a shell: {', '.join(SHELLS)}",
    )
    only.add_argument("--diff", metavar=("OLD", "NEW"), nargs=2, help="compare two report.json")
    group.add_argument(
        "--fail-on",
        metavar="LIST",
        help="of --diff: what may not grow by more, such as ram:+0%%,instructions:+2%%,stack:+64",
    )
    only.add_argument(
        "--cmakedir", action="store_true", help="print the folder of the CMake package"
    )
    only.add_argument("--version", action="store_true", help="show it and exit")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code. Signals are `convgen.__main__`'s concern."""
    streams.prepare()
    try:
        return _dispatch(_parsed(argv))
    except KeyboardInterrupt:
        streams.say("interrupted")
        return 130
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    """Say what went wrong; return the exit code."""
    if os.environ.get("CONVGEN_DEBUG") and not isinstance(error, ConvgenError):
        raise error
    if known := foreseen(error):
        streams.say(str(known))
        return known.exit_code
    streams.say(
        f"internal error, please report it: {type(error).__name__}: {error}\n"
        "  CONVGEN_DEBUG=1 shows where it happened"
    )
    return ExitCode.TOOL


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    streams.check_output()
    parser = build_parser()
    options = parser.parse_args(argv)
    options.unusual = {n for n, value in vars(options).items() if value != parser.get_default(n)}
    options.command = shlex.join(["convgen", *(sys.argv[1:] if argv is None else argv)])
    for name, value in vars(options).items():
        if value == "" or (name == "specs" and "" in value):  # as of a shell's unset variable
            option = "SPEC" if name == "specs" else _option(name)
            raise UsageError(f"{option}: expected a value, got an empty one")
    return options


def _dispatch(options: argparse.Namespace) -> int:
    asked: dict[str, Callable[[], int]] = {
        "list_targets": lambda: _list("targets", options),
        "list_algorithms": lambda: _list("algorithms", options),
        "list_layers": lambda: _list("operators", options, _model("--list-layers", options)),
        "schema": lambda: _print_lines([_schema_text(options.schema)]),
        "cmakedir": lambda: _print_lines([str(data_dir("cmake"))]),
        "version": lambda: _print_lines([_version_text(options)]),
        "completion": lambda: _print_lines([_completion(options.completion)]),
        "doctor": lambda: _list("tools", options),
        "extract": lambda: _extract(options),
        "diff": lambda: _diff(options),
    }
    _refuse_without_diff(options)
    _refuse_with_several(options)
    for name, act in asked.items():
        if getattr(options, name):
            _refuse_what_is_not_taken(name, options)
            return act()
    return _generate(options) if len(options.specs) <= 1 else _generate_each(options)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _print_lines(lines: Sequence[str]) -> int:
    with streams.results():
        print("\n".join(lines))
    return ExitCode.VERIFIED


def _list(what: What, options: argparse.Namespace, path: Path | None = None) -> int:
    from convgen import api

    found = api.listing(what, path)
    text = found.as_json() if options.format == "json" else found.as_text()
    with streams.results():
        print(text, end="")
    return ExitCode.VERIFIED


def _refuse_without_diff(options: argparse.Namespace) -> None:
    """Refuse what only a comparison of two reports has."""
    if options.diff:
        return
    if options.fail_on is not None:
        raise UsageError("--fail-on: expected with --diff only")
    if options.format == "markdown":
        raise UsageError("--format markdown: expected with --diff only")


def _refuse_with_several(options: argparse.Namespace) -> None:
    """Refuse what is about one spec where there are more."""
    count = len(options.specs)
    for name in OF_ONE if count > 1 else ():
        if getattr(options, name):
            raise UsageError(f"{_option(name)}: expected one SPEC, got {count}")


def _refuse_what_is_not_taken(act: str, options: argparse.Namespace) -> None:
    """Refuse what is about a model, and would change nothing of what *act* does."""
    for name in OF_A_MODEL:
        if name not in TAKEN.get(act, ()) and name in options.unusual:
            raise UsageError(f"{_option(name)}: expected without {_option(act)}")
    if options.name is not None and options.layer is None:
        raise UsageError(f"--name: expected with --layer, as {_option(act)} names each operator")


def _diff(options: argparse.Namespace) -> int:
    from convgen import api

    old, new = options.diff
    found = api.diff(old, new, options.fail_on)
    shown = {"text": found.as_text, "json": found.as_json, "markdown": found.as_markdown}
    with streams.results():
        print(shown[options.format](), end="")
    if found.failure:
        raise found.failure
    return ExitCode.VERIFIED


def _completion(shell: str) -> str:
    """Return a script of that *shell* that completes options, names of targets, and files."""
    from convgen import api

    shtab = extras.load("shtab", "prints completions", extras.COMPLETION)
    parser = build_parser()
    names = [board.name for board in api.targets()]
    for action in parser._actions:
        if action.dest in ("specs", "vectors"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.dest in ("out", "extract"):
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.dest == "target":
            action.choices = names
    return str(shtab.complete(parser, shell)).rstrip()


def _version_text(options: argparse.Namespace) -> str:
    is_json = options.format == "json"
    return json.dumps({"convgen": __version__}) if is_json else f"convgen {__version__}"


def _schema_text(of: Schema) -> str:
    from convgen import api

    return json.dumps(api.schema(of), indent=2)


def _model(option: str, options: argparse.Namespace) -> Path:
    """Return the path of the model that an *option* is about."""
    spec = next(iter(options.specs), None)
    if spec is None or not spec.lower().endswith(MODELS):
        got = "nothing" if spec is None else f"'{word(spec)}'"
        raise UsageError(f"{option}: expected a model, a .tflite or .onnx file, got {got}")
    return Path(spec)


def _extract(options: argparse.Namespace) -> int:
    from convgen import api

    model, out = _model("--extract", options), _folder("--extract", options.extract)
    return _print_lines(api.extract(model, out, _read_options(options)))


def _generate(options: argparse.Namespace) -> int:
    from convgen import api
    from convgen.progress import progress

    job, is_json = _job(options), options.format == "json"
    junit = api.junit(_folder("--junit", options.junit)) if options.junit else None
    try:
        with progress() as say:
            outcome = api.run(job, say)
    except Exception as error:
        known = foreseen(error)
        if junit and known:
            junit.write((_title(job), None, known))
        if is_json and known and known.exit_code == ExitCode.TOOL:
            _print_lines([json.dumps(api.without_result(job, known), indent=2)])
        raise
    if junit:
        junit.write((_title(job), outcome.report, outcome.failure))
    with streams.results():
        print(outcome.as_json() if is_json else _shown(outcome, options), end="")
    if outcome.failure:
        raise outcome.failure
    return ExitCode.VERIFIED


def _generate_each(options: argparse.Namespace) -> int:
    """Do the same for several specs, one after the other; return the highest exit code."""
    from convgen import api
    from convgen.progress import progress

    job, is_json = _job(options), options.format == "json"
    junit = api.junit(_folder("--junit", options.junit)) if options.junit else None
    try:
        with progress() as say:
            several = api.together(job, options.specs, say)
    except ConvgenError as error:
        if junit:
            from dataclasses import replace

            titles = (_title(replace(job, spec=Path(spec))) for spec in options.specs)
            junit.write(*((title, None, error) for title in titles))
        raise
    ended: list[Ended] = []
    for part in several.parts:
        with progress() as say:
            one = several.end(part, say)
        if one.outcome and not is_json:
            _print_lines([*([""] if ended else []), _shown(one.outcome, options).rstrip("\n")])
        if one.failure:
            streams.say(f"{one.name}: {one.failure}")
        ended.append(one)
    if junit:
        junit.write(*((_title(each.job), each.report, each.failure) for each in ended))
    if is_json:
        _print_lines([json.dumps([each.described for each in ended], indent=2)])
    header = several.finish(ended)
    if header and not is_json:
        _print_lines(["", f"One buffer for all of them: {header}"])
    return max(each.exit_code for each in ended)


def _title(job: Job) -> str:
    return f"{job.spec.stem} on {job.target}"


def _shown(outcome: Outcome, options: argparse.Namespace) -> str:
    return outcome.as_text(everything=options.all, command=options.command)


def _job(options: argparse.Namespace) -> Job:
    from convgen import api

    if not options.specs or options.target is None:
        missing = "-t/--target" if options.specs else "SPEC"
        raise UsageError(f"{missing} is required; see convgen --help")
    if options.layer is not None:
        _model("--layer", options)
    return api.Job(
        spec=Path(options.specs[0]),
        target=options.target,
        out=_folder("--out", options.out) if options.out else None,
        compare=options.compare,
        read=_read_options(options),
        plan=api.PlanOptions(
            ram=options.budget,
            flash=options.flash,
            goal=options.optimize,
            algorithm=options.algorithm,
            overlap=options.overlap,
            fusion=options.fusion,
            feed=options.feed,
        ),
        run=api.RunOptions(
            emulator=options.emulator,
            toolchain=options.toolchain,
            vectors=Path(options.vectors) if options.vectors else None,
            seed=_whole("--seed", options.seed),
            cycles=options.cycles,
            flash_wait_states=(
                None
                if options.flash_wait_states is None
                else _whole("--flash-wait-states", options.flash_wait_states)
            ),
            profile=options.profile,
            cache=not options.no_cache,
            package=options.package,
        ),
    )


def _read_options(options: argparse.Namespace) -> ReadOptions:
    from convgen import api

    return api.ReadOptions(
        layer=options.layer,
        name=options.name,
        seed=_whole("--seed", options.seed),
        allow_outside=options.allow_outside,
        ends=options.io,
        reference=options.reference,
    )


def _folder(option: str, text: str) -> Path:
    """Return the path *text*; refuse what no file can be called."""
    try:
        if "\0" not in text and os.fsencode(text):
            return Path(text)
    except UnicodeEncodeError:
        pass
    raise UsageError(f"{option}: expected a path, got '{word(text)}'")


def _whole(option: str, text: str) -> int:
    try:
        return whole(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
