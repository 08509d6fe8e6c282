//! Lives of containers, in every order that answers and events can arrive in.

use proptest::prelude::*;

use super::*;
use crate::backend::docker::message::Network;
use crate::backend::docker::program::Program;

const TOKEN: Token = Token(1);

fn spec() -> ContainerSpec {
    ContainerSpec {
        image: "i".to_owned(),
        program: Some(Program {
            work: false,
            phases: Vec::new(),
            until_stopped: false,
            memory_ramp_micros: 0,
            exit_code: 0,
            deadline_micros: 1,
        }),
        task: 1,
        instance: 1,
        cpu_shares: 2,
        cpu_quota_milli: None,
        memory_limit: None,
        cgroup_parent: None,
        cores: Vec::new(),
        network: Network::None,
        stop_grace: Duration::from_secs(3),
        deadline: Duration::from_secs(1),
    }
}

fn died(code: i64) -> Input {
    let death = Death { code, at_ns: 5, unexplained: false };
    Input::Event("a".to_owned(), Event::Died(death))
}

fn told(event: Event) -> Input {
    Input::Event("a".to_owned(), event)
}

fn asked(request: fn(Token) -> Request) -> Input {
    Input::Asked(request(TOKEN))
}

fn exit(code: i64, oom: bool) -> Input {
    Input::Inspected(TOKEN, Exit { code, oom, ..Exit::default() })
}

fn created() -> Input {
    Input::Created(TOKEN, Ok("a".to_owned()))
}

fn start_returned() -> Input {
    Input::StartReturned(TOKEN, Ok(()))
}

/// Names of the steps and of the actions that follow from inputs, in order.
fn follow(inputs: impl IntoIterator<Item = Input>) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut lives = Lives::default();
    let (mut steps, mut actions) = (Vec::new(), Vec::new());
    let start = Input::Asked(Request::Start(TOKEN, Box::new(spec())));
    for input in std::iter::once(start).chain(inputs) {
        let effects = lives.take(input);
        steps.extend(effects.steps.iter().map(|(_, step)| step_name(step)));
        actions.extend(effects.actions.iter().map(action_name));
    }
    (steps, actions)
}

fn step_name(step: &Step) -> &'static str {
    match step {
        Step::Created => "created",
        Step::Started => "started",
        Step::Exited(Exit { oom: true, .. }) => "out of memory",
        Step::Exited(_) => "exited",
        Step::Removed => "removed",
        Step::Failed { operation, .. } => operation,
    }
}

fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Create(..) => "create",
        Action::Start(..) => "start",
        Action::Inspect { death: Death { unexplained: true, .. }, .. } => "inspect twice",
        Action::Inspect { .. } => "inspect",
        Action::Stop { .. } => "stop",
        Action::Kill(..) => "kill",
        Action::Remove(..) => "remove",
        Action::Discard(_) => "discard",
    }
}

#[test]
fn a_noop_that_is_dead_before_its_start_returns_takes_its_steps_in_order() {
    let whole = ["created", "started", "exited", "removed"];
    let removal = || [asked(Request::Remove), Input::Ended(TOKEN, REMOVE, Ok(()))];
    for middle in [
        vec![start_returned(), told(Event::Started), died(0)],
        vec![told(Event::Started), died(0), start_returned()],
        vec![told(Event::Started), start_returned(), died(0)],
        // An event that was lost: the death waits for the call's answer.
        vec![died(0), start_returned()],
    ] {
        let inputs = std::iter::once(created()).chain(middle);
        let inputs = inputs.chain([exit(0, false)]).chain(removal());
        let (steps, actions) = follow(inputs);
        assert_eq!(steps, whole);
        assert_eq!(actions, ["create", "start", "inspect", "remove"]);
    }
}

#[test]
fn a_start_that_fails_is_no_death_although_the_engine_tells_of_one() {
    let failed = Input::StartReturned(TOKEN, Err("no".to_owned()));
    let (steps, actions) = follow([created(), died(127), failed.clone(), told(Event::Destroyed)]);
    assert_eq!(steps, ["created", "start"]);
    assert_eq!(actions, ["create", "start", "discard"]);
    // If it runs all the same, the failed call is no news.
    let (steps, _) = follow([created(), told(Event::Started), failed]);
    assert_eq!(steps, ["created", "started"]);
}

#[test]
fn a_creation_that_fails_is_the_end() {
    let failed = Input::Created(TOKEN, Err("no".to_owned()));
    let (steps, actions) = follow([asked(Request::Stop), failed, asked(Request::Remove)]);
    assert_eq!((steps, actions), (vec!["create"], vec!["create"]));
}

#[test]
fn who_is_to_stop_before_it_runs_is_stopped_when_it_runs() {
    let (steps, actions) = follow([asked(Request::Stop), created(), start_returned()]);
    assert_eq!((steps, actions), (vec!["created", "started"], vec!["create", "start", "stop"]));
    let both = [asked(Request::Stop), created(), asked(Request::Kill), start_returned()];
    assert_eq!(follow(both).1, ["create", "start", "kill"]);
}

#[test]
fn stopping_what_has_stopped_is_no_failure() {
    let late = Input::Ended(TOKEN, "stop", Err("gone".to_owned()));
    let inputs = [created(), start_returned(), asked(Request::Stop), died(143), late];
    let (steps, _) = follow(inputs.into_iter().chain([exit(143, false)]));
    assert_eq!(steps, ["created", "started", "exited"]);
    let early = Input::Ended(TOKEN, "stop", Err("broken".to_owned()));
    let (steps, actions) = follow([created(), start_returned(), asked(Request::Stop), early]);
    assert_eq!(steps, ["created", "started", "stop"]);
    assert_eq!(actions.last(), Some(&"discard"));
}

#[test]
fn a_removal_asked_for_early_waits_for_the_exit() {
    let inputs = [created(), start_returned(), asked(Request::Remove), died(0), exit(0, false)];
    assert_eq!(follow(inputs.clone()).1, ["create", "start", "inspect", "remove"]);
    // Whichever tells first that it is gone.
    let end = [told(Event::Destroyed), Input::Ended(TOKEN, REMOVE, Ok(()))];
    let (steps, _) = follow(inputs.into_iter().chain(end));
    assert_eq!(steps, ["created", "started", "exited", "removed"]);
}

#[test]
fn out_of_memory_is_a_kill_that_nobody_asked_for_and_that_the_engine_explains() {
    let begin = || vec![created(), start_returned()];
    let last = |inputs: Vec<Input>| {
        let (steps, actions) = follow(inputs);
        (steps[steps.len() - 1], actions[actions.len() - 1])
    };
    let with = |more: Vec<Input>| begin().into_iter().chain(more).collect();
    let oom = told(Event::OutOfMemory);
    // The event first, the inspection's word, and the event after the death.
    let first = last(with(vec![oom.clone(), died(137), exit(137, false)]));
    assert_eq!(first, ("out of memory", "inspect"));
    assert_eq!(last(with(vec![died(137), exit(137, true)])), ("out of memory", "inspect twice"));
    let after = last(with(vec![died(137), oom.clone(), exit(137, false)]));
    assert_eq!(after, ("out of memory", "inspect twice"));
    // A sibling was killed, this one ended well; and one that was killed on request.
    assert_eq!(last(with(vec![oom.clone(), died(0), exit(0, true)])), ("exited", "inspect"));
    let killed = vec![asked(Request::Kill), oom, died(137), exit(137, true)];
    assert_eq!(last(with(killed)), ("exited", "inspect"));
    // Killed by someone else.
    assert_eq!(last(with(vec![died(137), exit(137, false)])), ("exited", "inspect twice"));
}

#[test]
fn what_was_never_asked_for_is_ignored() {
    let mut lives = Lives::default();
    for input in [
        created(),
        start_returned(),
        died(0),
        exit(0, false),
        asked(Request::Stop),
        asked(Request::Kill),
        asked(Request::Remove),
        Input::Ended(TOKEN, REMOVE, Ok(())),
    ] {
        assert_eq!(lives.take(input), Effects::default());
    }
}

fn any_input() -> impl Strategy<Value = Input> {
    let no = || "no".to_owned();
    prop::sample::select(vec![
        created(),
        Input::Created(TOKEN, Err(no())),
        start_returned(),
        Input::StartReturned(TOKEN, Err(no())),
        told(Event::Started),
        told(Event::OutOfMemory),
        told(Event::Destroyed),
        died(0),
        died(137),
        exit(0, false),
        exit(137, true),
        asked(Request::Stop),
        asked(Request::Kill),
        asked(Request::Remove),
        Input::Ended(TOKEN, "stop", Err(no())),
        Input::Ended(TOKEN, "stop", Ok(())),
        Input::Ended(TOKEN, REMOVE, Ok(())),
        Input::Ended(TOKEN, REMOVE, Err(no())),
    ])
}

proptest! {
    /// Whatever arrives, and in whatever order: each step once, in the order of a life, and nothing
    /// after the last one.
    #[test]
    fn steps_are_a_prefix_of_a_life_and_perhaps_a_failure(
        inputs in prop::collection::vec(any_input(), 0..40)
    ) {
        let (steps, actions) = follow(inputs);
        let life = ["created", "started", "exited", "removed"];
        for (at, step) in steps.iter().enumerate() {
            let is_last = at + 1 == steps.len();
            let step = if *step == "out of memory" { "exited" } else { step };
            let failed = ["create", "start", "stop", "remove"].contains(&step);
            prop_assert!(life.get(at) == Some(&step) || (failed && is_last), "{steps:?}");
        }
        let ended = steps.contains(&"removed");
        prop_assert!(!(ended && actions.contains(&"discard")));
        prop_assert!(actions.iter().filter(|action| **action == "remove").count() <= 1);
    }
}
