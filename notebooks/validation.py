"""Puts the figures of docs/validation.md together from the results of the replays it names.

Usage: python3 notebooks/validation.py RESULTS CALIBRATION
RESULTS is the directory with replay-batch and the others, CALIBRATION what `towtank calibrate`
printed. Writes what stands between the two marks of the page and leaves the rest alone.
"""

import json
import sys
from datetime import date
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "validation.md"
BEGIN, END = "<!-- figures: notebooks/validation.py -->\n", "<!-- end of figures -->\n"
REPLAYS = {"batch": "", "weights": "", "memory": " --short-tasks", "mix": " --short-tasks"}

COLUMNS = [
    "Scenario",
    "Strategy",
    "Completion†, error (floor)",
    "Start latency, error (floor)",
    "Makespan, error (floor)",
    "CPU used",
    "Same instance",
    "Killed for memory: in both / real only / simulated only",
]
FOOTNOTE = """
† of fixed-work tasks under contention, else of all; median of the tasks' signed errors, as for start
latency; makespan and CPU used are mean absolute errors.
"""
PACE = """
Engines drift: before and after each run eight starts were measured, and the simulation beside it
had latencies as many times longer or shorter.
"""


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def percent(share: float, sign: str = "") -> str:
    return f"{100 * share:{sign}.1f} %"


def row(scenario: str, arm: dict) -> list[str]:
    """An arm of a replay in the first table."""
    metrics = {(one["metric"], one["tasks"], one["measure"]): one for one in arm["metrics"]}

    def median(metric: str, tasks: str) -> dict:
        return metrics[metric, tasks, "relative-error"]

    def signed(one: dict) -> str:
        return f"{percent(one['error'], '+')} ({percent(one['error_floor'])})"

    contended = median("completion_s", "contended-work")
    has_contended = contended["count"] > 0
    completion = contended if has_contended else median("completion_s", "all")
    makespan = metrics["makespan_s", None, "mape"]
    killed = arm["out_of_memory"]
    return [
        scenario,
        f"`{arm['name']}`",
        signed(completion) + ("†" if has_contended else ""),
        signed(median("start_latency_s", "all")),
        f"{percent(makespan['error'])} ({percent(makespan['error_floor'])})",
        percent(metrics["cpu_used", None, "mape"]["error"]),
        percent(arm["placement_agreement"]),
        f"{killed['both']} / {killed['real_only']} / {killed['simulated_only']}",
    ]


def ranking(replay: dict) -> str:
    """What became of the strategies' order, in a sentence."""
    found = replay["ranking"]
    return (
        f"\nStrategies in `{replay['scenario']}`, which lets them react to what really happens: of "
        f"{len(found['pairs'])} pairs, {found['truly_different']} truly different\n(the real "
        "difference exceeds half its 95 % interval over repetitions), the simulator orders "
        f"{found['ordered_right']} right. Kendall's τ-b of\nsimulated and real means: "
        f"{replay['kendall_tau']:.2f}.\n"
    )


def section(name: str, flags: str, replay: dict, markdown: str) -> str:
    """A replay's own tables, one level below its name."""
    conditions = replay["conditions"]
    body = markdown[markdown.index("### ") : markdown.index("### How to read this")]
    command = f"towtank replay scenarios/replay/{name}.toml --calibration calibration.toml{flags}"
    how = f"{conditions['control plane']}; CPU scale {conditions['CPU scale']}"
    return f"## {name}\n\n`{command}` ({how}):\n\n{body}"


def figures(results: Path, calibration: str) -> str:
    """All that the page says of one machine."""
    places = {name: results / f"replay-{name}" for name in REPLAYS}
    replays = {name: json.loads((at / "replay.json").read_text()) for name, at in places.items()}
    conditions = replays["mix"]["conditions"]
    rows = [row(name, arm) for name, replay in replays.items() for arm in replay["arms"]]
    pace = [[name, replay["conditions"]["pace"]] for name, replay in replays.items()]
    parts = [
        f"Made on {date.today()} by towtank {replays['mix']['engine_version']}, with "
        f"{conditions['engine 1']}.\n\n## In short\n",
        table(COLUMNS, rows) + FOOTNOTE + ranking(replays["mix"]) + PACE,
        table(["Scenario", "Pace"], pace),
        f"## The engine\n\n```text\n{calibration.strip()}\n```\n",
    ]
    for name, flags in REPLAYS.items():
        markdown = (places[name] / "replay.md").read_text()
        parts.append(section(name, flags, replays[name], markdown).rstrip() + "\n")
    return "\n".join(parts)


def main() -> None:
    results, calibration = Path(sys.argv[1]), Path(sys.argv[2]).read_text()
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    PAGE.write_text(f"{head}{BEGIN}\n{figures(results, calibration)}\n{END}{tail}")


if __name__ == "__main__":
    main()
