//! Tests of explanations as text.

use super::*;
use crate::explain::explanation::{
    Blocked, FailedFacts, HostFacts, LifeFacts, ScoreFacts, StateFacts, StepFacts,
};

fn near(instance: &str, missing: Option<f64>, unit: &'static str) -> NearFacts {
    NearFacts { instance: instance.to_owned(), missing, unit }
}

/// Refused twelve times for its CPU.
fn refused() -> AttemptRow {
    let failed = FailedFacts {
        requirement: "RESOURCE:CPU",
        detail: None,
        first: 2,
        failed: 2,
        alone: 1,
        nearest: vec![near("pool-1", Some(0.5), "vCPU"), near("pool-0", Some(2.0), "vCPU")],
    };
    AttemptRow {
        count: 12,
        first: Some(1),
        last: Some(12),
        first_s: 30.5,
        last_s: 600.0,
        instead: None,
        placed: false,
        gang_placed: None,
        gang_refused: None,
        choice: None,
        refusal: Some(RefusalFacts { instances: 2, candidates: 0, failed: vec![failed] }),
    }
}

fn placed() -> AttemptRow {
    let score = |instance: &str, score| ScoreFacts { instance: instance.to_owned(), score };
    let best = vec![score("pool-0", -100), score("pool-1", -100)];
    let choice = Choice {
        candidates: 2,
        steps: vec![StepFacts { strategy: "binpack:memory".to_owned(), left: 2, best }],
        tie_break: TieFacts::Draw { rank: 2, among: 2 },
        instance: "pool-1".to_owned(),
        devices: vec![0, 3],
    };
    let (first, last) = (Some(13), Some(13));
    let (choice, refusal) = (Some(choice), None);
    let (first_s, last_s) = (601.0, 601.0);
    AttemptRow {
        count: 1,
        first,
        last,
        first_s,
        last_s,
        placed: true,
        choice,
        refusal,
        ..refused()
    }
}

fn counterfactual() -> Counterfactual {
    let change = ChangeFacts {
        requirement: "RESOURCE:CPU",
        detail: None,
        instances: 1,
        nearest: near("pool-1", Some(0.5), "vCPU"),
    };
    let kind = TypeFacts { instance_type: "c7i.large".to_owned(), usd_per_hour: Some(0.08925) };
    Counterfactual {
        at_s: 600.0,
        changes: vec![change],
        pairs: Vec::new(),
        fewest: Some(1),
        trunking: 0,
        fit_when_empty: 2,
        types: vec![kind],
        types_that_fit: 31,
    }
}

/// Refused, then placed.
fn explanation() -> Explanation {
    Explanation {
        scenario: "day".to_owned(),
        arm: "binpack:memory".to_owned(),
        seed: 7,
        fingerprint: "0123456789abcdef0123456789abcdef".to_owned(),
        placement: "binpack:memory".to_owned(),
        queue: "fifo".to_owned(),
        task: TaskFacts {
            task: 40,
            name: Some("train-1".to_owned()),
            group: "family:train".to_owned(),
            definition: "train".to_owned(),
            vcpus: 2.0,
            memory_mib: 4096,
            gpus: 2.0,
            ports: vec!["tcp/80".to_owned()],
            eni_slots: 1,
            attributes: Vec::new(),
            constraints: vec!["distinctInstance".to_owned()],
            gang: None,
            start_on: None,
        },
        life: LifeFacts {
            submitted_s: 30.5,
            placed_s: Some(601.0),
            started_s: Some(603.5),
            ended_s: None,
            outcome: "running".to_owned(),
            instance: Some("pool-1".to_owned()),
            run_ended_s: 700.0,
            states: vec![
                StateFacts { state: "PENDING", from_s: 601.0, until_s: Some(603.5) },
                StateFacts { state: "RUNNING", from_s: 603.5, until_s: None },
            ],
            image_s: None,
        },
        attempts: vec![refused(), placed()],
        blocked: None,
        host: Some(HostFacts { waited_s: 2.5, room: false, stopping: 1, pending: 0 }),
        service_told: vec![MessageFacts {
            message: "was unable to place a task\u{7}.".to_owned(),
            why: Some("1 of 1 RESOURCE:CPU".to_owned()),
            count: 3,
            first_s: 30.5,
            last_s: 90.5,
        }],
        counterfactual: Some(counterfactual()),
    }
}

fn shown(of: &Explanation, width: usize) -> String {
    let text = explanation_text(of, width).replace('\u{202f}', " ");
    for line in text.lines() {
        assert!(format::width(line) <= width.max(60), "{line:?}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    text
}

#[test]
fn an_explanation_is_read_from_top_to_bottom() {
    let expected = "\
day, arm binpack:memory, seed 7: task 40 'train-1' of train, group family:train
It asks for 2 vCPU, 4 096 MiB, 2 GPU, port tcp/80, 1 ENI slot, distinctInstance.

running: submitted at 30.5 s, placed on pool-1 at 601 s, started at 603.5 s.
States: PENDING 2.5 s, RUNNING 1m 37s so far.
On its host it waited 2.5 s until it started; before it there: 1 stopping task;
a host starts first in, first out, as room gets free.

attempt  count  time            came to
─────────────────────────────────────────────────────
1–12     12     30.5 s to 600 s  refused: RESOURCE:CPU
13       1      601 s            placed on pool-1
";
    let text = shown(&explanation(), 80);
    let squeezed = |text: &str| -> String {
        text.replace('─', "").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(squeezed(&text).starts_with(&squeezed(expected)), "{text}");
    for part in [
        "Refused at 600 s: 0 of 2 instances could take it.",
        "RESOURCE:CPU 2 2 1 pool-1 0.5 vCPU, pool-0 2 vCPU",
        "Place found at 601 s: pool-1, GPU 0, 3; drawn, number 2 of 2 that tied",
        "can take it 2 binpack:memory 2 pool-0 -100, pool-1 -100",
        "- 0.5 vCPU more on pool-1, the one instance that fails nothing else",
        "of type c7i.large at 0.089 USD an hour, or 30 dearer types",
        "2 instances could take it if empty",
        "Attempts refused for the same causes are one row",
    ] {
        assert!(squeezed(&text).contains(part), "{part}:\n{text}");
    }
}

#[test]
fn what_does_not_suffice_alone_is_paired() {
    let mut of = explanation();
    of.attempts.clear();
    of.life.placed_s = None;
    of.blocked =
        Some(Blocked { by: 3, refusals: 2, first_s: 1.0, last_s: 9.0, before_at_end: Some(4) });
    let counterfactual = of.counterfactual.as_mut().unwrap();
    let mut dropped = counterfactual.changes.remove(0);
    let more = dropped.clone();
    (dropped.requirement, dropped.detail) = ("memberOf", Some("attribute:zone == a".to_owned()));
    dropped.nearest = near("pool-1", None, "");
    counterfactual.pairs = vec![[more, dropped]];
    (counterfactual.types_that_fit, counterfactual.fit_when_empty) = (0, 0);
    counterfactual.trunking = 0;
    let text = shown(&of, 200);
    for part in [
        "no single change would have placed it",
        "- 0.5 vCPU more on pool-1, the one instance that fails nothing else; and memberOf \
         attribute:zone == a dropped, on pool-1",
        "No ACTIVE instance could take it even if it were empty.",
        "Task 3 before this one was refused at 9 s, the last of 2 refusals since 1 s. When the run \
         ended, it had 4 tasks before it.",
        "It was never tried",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

#[test]
fn hostile_names_are_harmless_and_no_line_is_too_wide() {
    let mut of = explanation();
    let hostile = "\u{1b}[2J\u{7}x\u{202e}".repeat(200);
    of.scenario.clone_from(&hostile);
    of.task.name = Some(hostile.clone());
    of.task.constraints = vec![hostile.clone(); 5];
    of.attempts[0].refusal.as_mut().unwrap().failed[0].detail = Some(hostile.clone());
    of.attempts[0].refusal.as_mut().unwrap().failed[0].nearest[0].instance.clone_from(&hostile);
    of.attempts[1].choice.as_mut().unwrap().instance = hostile;
    for width in [0, 60, 80, 160] {
        assert!(!shown(&of, width).contains('\u{202e}'));
    }
}
