# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A comparison
# Reads the directory that `towtank compare` wrote; columns are explained in `results/README.md`.

# %%
import json
import sys
from pathlib import Path

import altair as alt
import polars as pl

in_notebook = "ipykernel" in sys.modules
directory = Path("../results/compare-quickstart" if in_notebook else sys.argv[1])
comparison = json.loads((directory / "comparison.json").read_text())
order = [arm["name"] for arm in comparison["arms"]]

# %% [markdown]
# ## Figures by arm
# One row per arm and figure, with the ends of its 95 % interval where there is one.

# %%
estimates = pl.DataFrame(
    [
        {
            "arm": arm["name"],
            "metric": name,
            "mean": estimate["mean"],
            "low": (estimate["ci95"] or [None, None])[0],
            "high": (estimate["ci95"] or [None, None])[1],
        }
        for arm in comparison["arms"]
        for name, estimate in arm["metrics"].items()
    ],
    infer_schema_length=None,
)
shown = [comparison["ranking_metric"], "wait_s.p99", "utilisation.cpu", "instances.empty_mean"]
shown = list(dict.fromkeys(shown))
table = estimates.filter(pl.col("metric").is_in(shown)).pivot("metric", index="arm", values="mean")
table

# %%
arm = alt.Y("arm:N", sort=order, title=None)


def by_arm(metric):
    base = alt.Chart(estimates.filter(pl.col("metric") == metric))
    interval = base.mark_rule().encode(y=arm, x=alt.X("low:Q", title=metric), x2="high:Q")
    mean = base.mark_point(filled=True).encode(
        y=arm,
        x=alt.X("mean:Q", title=metric, scale=alt.Scale(zero=False)),
        tooltip=["arm", "mean", "low", "high"],
    )
    return (interval + mean).properties(width=320)


figures = alt.concat(*[by_arm(metric) for metric in shown], columns=2)
figures

# %% [markdown]
# ## Over time
# Every run of every arm: tasks pending and the share of CPU reserved.

# %%
runs = []
for path in sorted(directory.glob("*/seed-*/timeline.csv")):
    summary = json.loads((path.parent / "summary.json").read_text())
    timeline = pl.read_csv(path, infer_schema_length=None).select(
        (pl.col("start_s") / 3600).alias("hours"),
        pl.col("cpu").cast(pl.Float64),
        pl.col("pending").cast(pl.Float64),
        pl.lit(summary["arm"]).alias("arm"),
        pl.lit(summary["seed"]).alias("seed"),
    )
    runs.append(timeline)
if runs:
    means = pl.concat(runs).with_columns((pl.col("hours") * 4).floor() / 4)
    means = means.group_by("arm", "hours").agg(pl.col("cpu", "pending").mean()).sort("arm", "hours")
    over_time = alt.Chart(means).mark_line().encode(
        x=alt.X("hours:Q", title="time (h), mean over seeds"),
        color=alt.Color("arm:N", sort=order),
    ).properties(width=640, height=180)
    over_time = alt.vconcat(
        over_time.encode(y=alt.Y("pending:Q", title="tasks pending")),
        over_time.encode(y=alt.Y("cpu:Q", title="share of CPU reserved")),
    )
else:
    over_time = None
over_time

# %%
if not in_notebook:
    print(table)
    figures.save("comparison.html")
    if over_time is not None:
        over_time.save("timeline.html")
