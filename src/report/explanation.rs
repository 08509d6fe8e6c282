//! An explanation for the terminal: what became of a task, its attempts, why they were refused, how
//! its place was chosen, and what would have helped.

use crate::explain::explanation::{
    AttemptRow, ChangeFacts, Choice, Counterfactual, Explanation, LifeFacts, MessageFacts,
    NearFacts, RefusalFacts, StateFacts, TaskFacts, TieFacts, TypeFacts,
};
use crate::explain::service::ServiceExplanation;

use super::format;
use super::table::{counted, plain_table};

/// Narrowest width that explanations are made for, in columns.
const LEAST_WIDTH: usize = 60;

/// Longest name or expression shown whole, in columns.
const NAME_MAX: usize = 40;

/// The explanation as text; no line is wider than `width` columns, or 60 if that is more. Names are
/// cleared of control characters.
pub fn explanation_text(of: &Explanation, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    let wrapped = |lines: Vec<String>| {
        lines.iter().map(|line| format::wrap(line, width)).collect::<Vec<_>>().join("\n")
    };
    let mut parts = vec![wrapped(vec![title(of), asks(&of.task)]), wrapped(life(of))];
    if !of.attempts.is_empty() {
        parts.push(attempts(of, width));
    }
    for row in &of.attempts {
        if let Some(refusal) = &row.refusal {
            parts.push(format!(
                "{}\n{}",
                format::wrap(&refused(row, refusal), width),
                failed(refusal, width)
            ));
        }
        if let Some(choice) = &row.choice {
            let heading = format::wrap(&chosen(row, choice), width);
            parts.push(format!("{heading}\n{}", narrowing(choice, width)));
        }
    }
    if !of.service_told.is_empty() {
        let told = told(&of.service_told, width);
        parts.push(format!("What its service told while it lived:\n{told}"));
    }
    if let Some(counterfactual) = &of.counterfactual {
        parts.push(wrapped(remedies(counterfactual, of.task.start_on.as_deref())));
    }
    parts.push(wrapped(vec![notes(of)]));
    parts.iter().map(|part| part.trim_end()).collect::<Vec<_>>().join("\n\n") + "\n"
}

fn short(name: &str) -> String {
    format::elide(name, NAME_MAX)
}

/// A time of the run; the figures are those of `tasks.csv`.
fn at(seconds: f64) -> String {
    format!("{seconds} s")
}

fn title(of: &Explanation) -> String {
    let name = of.task.name.as_deref().map_or(String::new(), |name| format!(" '{}'", short(name)));
    format!(
        "{}, arm {}, seed {}: task {}{name} of {}, group {}",
        short(&of.scenario),
        short(&of.arm),
        of.seed,
        of.task.task,
        short(&of.task.definition),
        short(&of.task.group),
    )
}

fn asks(task: &TaskFacts) -> String {
    let mut wants = vec![
        format!("{} vCPU", format::short_number(task.vcpus)),
        format!("{} MiB", format::count(u64::from(task.memory_mib))),
    ];
    if task.gpus > 0.0 {
        wants.push(format!("{} GPU", format::short_number(task.gpus)));
    }
    wants.extend(task.ports.iter().map(|port| format!("port {port}")));
    if task.eni_slots > 0 {
        wants.push(counted(task.eni_slots as usize, "ENI slot"));
    }
    wants.extend(task.attributes.iter().map(|one| format!("attribute {}", short(one))));
    wants.extend(task.constraints.iter().map(|one| short(one)));
    let gang = task.gang.map_or(String::new(), |[first, last]| {
        format!("; placed together with tasks {first} to {last}, all or none")
    });
    let start_on = task.start_on.as_deref().map_or(String::new(), |on| {
        format!("; to be started on {}, which no strategy decides (StartTask)", short(on))
    });
    format!("It asks for {}{gang}{start_on}.", wants.join(", "))
}

fn life(of: &Explanation) -> Vec<String> {
    let life = &of.life;
    let mut steps = vec![format!("submitted at {}", at(life.submitted_s))];
    let instance = life.instance.as_deref().map_or(String::new(), short);
    steps.extend(life.placed_s.map(|time| format!("placed on {instance} at {}", at(time))));
    steps.extend(life.started_s.map(|time| format!("started at {}", at(time))));
    steps.extend(life.ended_s.map(|time| format!("ended at {}", at(time))));
    let mut lines = vec![format!("{}: {}.", life.outcome, steps.join(", "))];
    if let Some(blocked) = &of.blocked {
        let before = blocked.before_at_end.map_or(String::new(), |count| {
            format!(" When the run ended, it had {} before it.", counted(count as usize, "task"))
        });
        let more = match blocked.refusals {
            0 | 1 => String::new(),
            count => format!(
                ", the last of {} refusals since {}",
                format::count(count),
                at(blocked.first_s)
            ),
        };
        lines.push(format!(
            "Queue {}: nothing overtakes its head. Task {} before this one was refused at \
             {}{more}.{before}",
            of.queue,
            blocked.by,
            at(blocked.last_s),
        ));
    }
    lines.extend(states(life));
    if let Some(host) = &of.host {
        let before = [(host.stopping, "stopping task"), (host.pending, "waiting task")];
        let before = before.into_iter().filter(|(count, _)| *count > 0);
        let before: Vec<String> =
            before.map(|(count, what)| counted(count as usize, what)).collect();
        let then = if before.is_empty() {
            "nothing was before it there: this is the host's own time (an image that it pulls, the \
             start of its containers, or its engine)"
                .to_owned()
        } else if host.room {
            "there was room at once: this is the host's own time (an image that it pulls, the \
             start of its containers, or its engine)"
                .to_owned()
        } else {
            let before = before.join(" and ");
            let pulls = if life.started_s.is_some() || life.image_s.is_some() {
                ""
            } else {
                "; or its image was being pulled"
            };
            format!(
                "before it there: {before}; a host starts first in, first out, as room gets \
                 free{pulls}"
            )
        };
        let end = match (life.image_s, life.started_s) {
            (Some(_), _) => "until it began to pull its image",
            (None, Some(_)) => "until it started",
            (None, None) => "and never started",
        };
        lines.push(format!(
            "On its host it waited {} {end}; {then}.",
            format::duration(host.waited_s)
        ));
    }
    lines
}

/// The states of a placed task, if they were others than RUNNING.
fn states(life: &LifeFacts) -> Option<String> {
    if life.states.iter().all(|one| one.state == "RUNNING") {
        return None;
    }
    let image = life.image_s.filter(|[since, at]| at > since);
    let one = |one: &StateFacts| {
        let until = one.until_s.unwrap_or(life.run_ended_s);
        let took = format::duration(until - one.from_s);
        let so_far = if one.until_s.is_none() { " so far" } else { "" };
        let of_image = image.filter(|[since, at]| one.from_s <= *since && *at <= until);
        let of_image = of_image.map_or(String::new(), |[since, at]| {
            format!(" (its image came in {})", format::duration(at - since))
        });
        format!("{} {took}{so_far}{of_image}", one.state)
    };
    let all: Vec<String> = life.states.iter().map(one).collect();
    Some(format!("States: {}.", all.join(", ")))
}

/// `3`, `3–9`, or a dash where others were tried.
fn numbers(row: &AttemptRow) -> String {
    match (row.first, row.last) {
        (Some(first), Some(last)) if first != last => format!("{first}–{last}"),
        (Some(first), _) => first.to_string(),
        (None, _) => format::UNDEFINED.to_owned(),
    }
}

fn span(row: &AttemptRow) -> String {
    if row.first_s.to_bits() == row.last_s.to_bits() {
        at(row.first_s)
    } else {
        format!("{} to {}", at(row.first_s), at(row.last_s))
    }
}

fn attempts(of: &Explanation, width: usize) -> String {
    let rows = of.attempts.iter().map(|row| {
        let came_to = match (&row.refusal, &row.choice) {
            (Some(refusal), _) => {
                let failed = refusal.failed.iter();
                let mut causes: Vec<&str> = failed.map(|one| one.requirement).collect();
                causes.dedup();
                format!("refused: {}", causes.join(", "))
            }
            (None, Some(choice)) => format!("placed on {}", short(&choice.instance)),
            (None, None) => "placed".to_owned(),
        };
        vec![numbers(row), format::count(row.count), span(row), came_to]
    });
    plain_table(&["attempt", "count", "time", "came to"], rows, width)
}

fn refused(row: &AttemptRow, refusal: &RefusalFacts) -> String {
    let which = match (row.instead, row.gang_refused, row.gang_placed) {
        (Some(task), ..) => format!(" task {task}, tried in its stead"),
        (None, Some(task), Some(placed)) => format!(
            " task {task} of its gang (after {} had found a place)",
            counted(placed as usize, "task")
        ),
        _ => String::new(),
    };
    let subject = if which.is_empty() { " it".to_owned() } else { which };
    format!(
        "Refused at {}: {} of {} could take{subject}. An instance counts under all that it fails.",
        at(row.last_s),
        refusal.candidates,
        counted(refusal.instances as usize, "instance"),
    )
}

/// What a service told, each message wrapped under its time.
fn told(messages: &[MessageFacts], width: usize) -> String {
    let lines = messages.iter().map(|one| {
        let again = match one.count {
            1 => String::new(),
            count => format!(" ({} times, first at {})", format::count(count), at(one.first_s)),
        };
        let why = one.why.as_ref().map_or(String::new(), |why| format!(" Why: {why}."));
        let text = format::printable(&format!("{}{why}{again}", one.message));
        format::wrap(&format!("- {}: {text}", at(one.last_s)), width)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What a service told during a run, as text; see [`explanation_text`].
pub fn service_text(of: &ServiceExplanation, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    let title = format!(
        "{}, arm {}, seed {}: service {}",
        short(&of.scenario),
        short(&of.arm),
        of.seed,
        short(&of.service)
    );
    let notes = format!(
        "Equal messages are one. The run was made again, with the same fingerprint {}.",
        format::elide(&of.fingerprint, 32)
    );
    let told = match of.told.as_slice() {
        [] => "It told nothing.".to_owned(),
        messages => told(messages, width),
    };
    format!("{}\n\n{told}\n\n{}\n", format::wrap(&title, width), format::wrap(&notes, width))
}

fn requirement(name: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{name} {}", short(detail)),
        None => name.to_owned(),
    }
}

fn failed(refusal: &RefusalFacts, width: usize) -> String {
    let rows = refusal.failed.iter().map(|one| {
        let nearest: Vec<String> = one.nearest.iter().map(lacking).collect();
        vec![
            requirement(one.requirement, one.detail.as_deref()),
            format::count(u64::from(one.failed)),
            format::count(u64::from(one.first)),
            format::count(u64::from(one.alone)),
            nearest.join(", "),
        ]
    });
    plain_table(
        &["requirement", "fail", "first", "alone", "nearest, and what it lacks"],
        rows,
        width,
    )
}

fn amount(near: &NearFacts) -> Option<String> {
    let missing = near.missing?;
    Some(format!("{} {}", format::short_number(missing), near.unit))
}

fn lacking(near: &NearFacts) -> String {
    let name = short(&near.instance);
    amount(near).map_or(name.clone(), |amount| format!("{name} {amount}"))
}

fn chosen(row: &AttemptRow, choice: &Choice) -> String {
    let devices = match choice.devices.as_slice() {
        [] => String::new(),
        devices => {
            let list: Vec<String> = devices.iter().map(usize::to_string).collect();
            format!(", GPU {}", list.join(", "))
        }
    };
    let tie = match choice.tie_break {
        TieFacts::None => "no tie was left".to_owned(),
        TieFacts::LowestId { among } => format!("the first registered of {among} that tied"),
        TieFacts::Draw { rank, among } => {
            format!("drawn, number {rank} of {among} that tied in order of registration")
        }
        TieFacts::Method => "the method chose in a way of its own".to_owned(),
    };
    let undone = if row.placed { "" } else { " It was given back with the rest of its gang." };
    format!(
        "Place found at {}: {}{devices}; {tie}.{undone}",
        at(row.last_s),
        short(&choice.instance),
    )
}

fn narrowing(choice: &Choice, width: usize) -> String {
    let start = vec!["can take it".to_owned(), choice.candidates.to_string(), String::new()];
    let steps = choice.steps.iter().map(|step| {
        let best: Vec<String> =
            step.best.iter().map(|one| format!("{} {}", short(&one.instance), one.score)).collect();
        vec![short(&step.strategy), step.left.to_string(), best.join(", ")]
    });
    plain_table(
        &["step", "left", "best scores before it"],
        std::iter::once(start).chain(steps),
        width,
    )
}

/// What would have placed it, one line each.
fn remedies(of: &Counterfactual, start_on: Option<&str>) -> Vec<String> {
    let mut lines = vec![format!("At {} each of these alone would have placed it:", at(of.at_s))];
    lines.extend(of.changes.iter().map(|one| format!("- {}", remedy(one))));
    if of.trunking > 0 {
        let instances = counted(of.trunking as usize, "instance");
        lines.push(format!("- ENI trunking on: {instances} would have a slot"));
    }
    if of.types_that_fit > 0 {
        lines.push(format!("- {}", types(of)));
    }
    if lines.len() == 1 {
        lines = vec![format!("At {} no single change would have placed it.", at(of.at_s))];
    } else if of.changes.is_empty() {
        lines.push("On the instances there are, no single change would.".to_owned());
    }
    if !of.pairs.is_empty() {
        lines.push("Two together would, each of these pairs:".to_owned());
        let both =
            |[one, other]: &[ChangeFacts; 2]| format!("- {}; and {}", remedy(one), remedy(other));
        lines.extend(of.pairs.iter().map(both));
    } else if of.changes.is_empty()
        && let Some(fewest) = of.fewest.filter(|&fewest| fewest > 2)
    {
        lines.push(format!("The best instance fails {fewest} requirements at once."));
    }
    lines.push(match (start_on, of.fit_when_empty) {
        (Some(on), 0) => format!("{} could not take it even if it were empty.", short(on)),
        (Some(on), _) => {
            format!("{} could take it if empty, but StartTask does not wait.", short(on))
        }
        (None, 0) => "No ACTIVE instance could take it even if it were empty.".to_owned(),
        (None, count) => {
            let instances = counted(count as usize, "instance");
            format!("{instances} could take it if empty: there it is a matter of waiting.")
        }
    });
    lines
}

fn remedy(change: &ChangeFacts) -> String {
    let on = match change.instances {
        1 => format!("on {}, the one instance that fails nothing else", near(change)),
        count => format!(
            "on {}, the nearest of {} instances that fail nothing else",
            near(change),
            format::count(u64::from(count))
        ),
    };
    let what = requirement(change.requirement, change.detail.as_deref());
    match (amount(&change.nearest), change.requirement) {
        (Some(amount), "RESOURCE:PORTS") => format!("{amount} not taken {on}"),
        (Some(amount), _) => format!("{amount} more {on}"),
        (None, "instance not ACTIVE" | "AGENT") => format!("{what} mended {on}"),
        (None, _) => format!("{what} dropped, {on}"),
    }
}

fn near(change: &ChangeFacts) -> String {
    short(&change.nearest.instance)
}

fn types(of: &Counterfactual) -> String {
    let price = |one: &TypeFacts| {
        let name = short(&one.instance_type);
        one.usd_per_hour
            .map_or(name.clone(), |price| format!("{name} at {} an hour", format::dollars(price)))
    };
    let named: Vec<String> = of.types.iter().map(price).collect();
    let more = of.types_that_fit.saturating_sub(of.types.len());
    let more = if more > 0 { format!(", or {more} dearer types") } else { String::new() };
    format!("one more instance, empty, of type {}{more}", named.join(", "))
}

fn notes(of: &Explanation) -> String {
    let mut notes = Vec::new();
    if of.attempts.is_empty() {
        notes.push(if of.life.placed_s.is_some() {
            "It was placed without a choice: a daemon has one task on each instance.".to_owned()
        } else {
            "It was never tried, nor another of its shape in its stead.".to_owned()
        });
    }
    if of.attempts.iter().any(|row| row.count > 1) {
        notes.push(
            "Attempts refused for the same causes are one row: its figures are the last one's."
                .to_owned(),
        );
    }
    if of.attempts.iter().any(|row| row.instead.is_some()) {
        notes.push(
            "Tasks of one shape are refused alike: one that was tried in its stead stands for it."
                .to_owned(),
        );
    }
    notes.push(format!(
        "Placement {}, queue {}. The run was made again, with the same fingerprint {}.",
        format::elide(&of.placement, NAME_MAX),
        of.queue,
        format::elide(&of.fingerprint, 32),
    ));
    notes.join(" ")
}

#[cfg(test)]
#[path = "explanation_tests.rs"]
mod tests;
