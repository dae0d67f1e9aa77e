"""convgen: layers and models as verified, measured C for microcontrollers.

`convgen.api` has the functions; the names here are loaded when they are asked for.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # what type checkers take for typing's, which takes long to import
if TYPE_CHECKING:
    from convgen.api import (
        BuildError,
        ConvgenError,
        Job,
        NoFitError,
        PlanOptions,
        ReadOptions,
        RunOptions,
        SpecError,
        TargetError,
        ToolError,
        UsageError,
        VerificationError,
        emit,
        plan,
        read,
        run,
        verify,
    )
    from convgen.jobs import Outcome
    from convgen.model.graph import Graph
    from convgen.model.operator import Operator
    from convgen.planning import Planned
    from convgen.targets.target import Target
    from convgen.together import Ended

__all__ = [
    "BuildError",
    "ConvgenError",
    "Ended",
    "Graph",
    "Job",
    "NoFitError",
    "Operator",
    "Outcome",
    "PlanOptions",
    "Planned",
    "ReadOptions",
    "RunOptions",
    "SpecError",
    "Target",
    "TargetError",
    "ToolError",
    "UsageError",
    "VerificationError",
    "emit",
    "plan",
    "read",
    "run",
    "verify",
]


_VALUES = {
    "Ended": "convgen.together",
    "Graph": "convgen.model.graph",
    "Operator": "convgen.model.operator",
    "Outcome": "convgen.jobs",
    "Planned": "convgen.planning",
    "Target": "convgen.targets.target",
}
"""Where the classes of values are; everything else is in `convgen.api`."""

if not TYPE_CHECKING:  # for type checkers there are the names above and no others

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_VALUES.get(name, "convgen.api")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
