//! Lives of containers, from the first request to the last report.

use std::io::{self, Read};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;

use towtank::backend::docker::cgroups::{Budget, CgroupLayout};
use towtank::backend::docker::message::{ContainerSpec, Report, Request, Step, Token};
use towtank::backend::docker::program::Program;
use towtank::backend::docker::{Endpoint, Engine, EngineError, Labels, clock};

use super::{PATIENCE, TestRun, is_root_here, noop, phase, server};

#[test]
fn a_program_that_exits_at_once_takes_every_step_once() {
    let Some(mut run) = TestRun::start("noop") else { return };
    let spec = run.spec(noop());
    let exit = run.live(spec);
    assert_eq!((exit.code, exit.oom), (0, false));
    // Not which of them came first: see `Exit::engine_started_ns`.
    assert!(exit.engine_started_ns > 0 && exit.engine_finished_ns > 0, "{exit:?}");
    let said = exit.said.expect("it says how it went");
    assert!(said.max_rss_kib > 0 && !said.stopped, "{said:?}");
    assert_eq!(run.engine.next_report(Duration::from_millis(300)), None);
}

#[test]
fn an_exit_code_is_data() {
    let Some(mut run) = TestRun::start("code") else { return };
    let spec = run.spec(Program { exit_code: 7, ..phase(500, 100, 0) });
    let exit = run.live(spec);
    assert_eq!((exit.code, exit.oom), (7, false));
    assert!(exit.engine_finished_ns > exit.engine_started_ns, "{exit:?}");
}

#[test]
fn a_deadline_ends_a_server_with_124() {
    let Some(mut run) = TestRun::start("deadline") else { return };
    let spec = ContainerSpec { deadline: Duration::from_millis(300), ..run.spec(server()) };
    assert_eq!(run.live(spec).code, 124);
}

#[test]
fn memory_beyond_the_limit_is_an_oom_kill() {
    let Some(mut run) = TestRun::start("oom") else { return };
    let program = phase(30_000, 0, 100 << 10);
    let spec = ContainerSpec { memory_limit: Some(32 << 20), ..run.spec(program) };
    let exit = run.live(spec);
    assert_eq!((exit.code, exit.oom, exit.said), (137, true, None));
}

#[test]
fn memory_below_the_limit_is_really_used() {
    let Some(mut run) = TestRun::start("memory") else { return };
    let program = Program { memory_ramp_micros: 200_000, ..phase(300, 0, 64 << 10) };
    let spec = run.spec(program);
    let exit = run.live(spec);
    let said = exit.said.expect("it says how it went");
    assert_eq!(exit.code, 0);
    assert!((64 << 10..96 << 10).contains(&said.max_rss_kib), "{said:?}");
}

#[test]
fn a_quota_stretches_work() {
    let Some(mut run) = TestRun::start("quota") else { return };
    let program = Program { work: true, ..phase(500, 1000, 0) };
    let spec = ContainerSpec { cpu_quota_milli: Some(250), ..run.spec(program) };
    let said = run.live(spec).said.expect("it says how it went");
    assert!((0.45..0.8).contains(&said.cpu_s), "{said:?}");
    assert!(said.wall_s > 1.5, "0.5 core-seconds at a quarter of a core: {said:?}");
}

#[test]
fn a_stop_is_heard_at_once() {
    let Some(mut run) = TestRun::start("stop") else { return };
    let spec = run.spec(server());
    let token = run.begin(spec);
    run.until_started(token);
    std::thread::sleep(Duration::from_millis(300));
    let asked = clock::now();
    run.engine.begin(Request::Stop(token));
    let exit = run.exit(token);
    assert_eq!((exit.code, exit.oom), (143, false));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert!(exit.said.is_some_and(|said| said.stopped), "{exit:?}");
}

#[test]
fn a_stop_that_comes_with_the_start_is_not_lost() {
    let Some(mut run) = TestRun::start("early") else { return };
    let spec = run.spec(server());
    let token = run.begin(spec);
    run.engine.begin(Request::Stop(token));
    run.engine.begin(Request::Remove(token));
    run.until_started(token);
    let exit = run.exit(token);
    assert_eq!(exit.code, 143, "told again until it listens: {exit:?}");
    assert_eq!(run.step(token), Step::Removed);
}

#[test]
fn a_kill_is_no_lack_of_memory() {
    let Some(mut run) = TestRun::start("kill") else { return };
    let spec = run.spec(server());
    let token = run.begin(spec);
    run.until_started(token);
    run.engine.begin(Request::Kill(token));
    let exit = run.exit(token);
    assert_eq!((exit.code, exit.oom), (137, false));
    assert_eq!(run.engine.containers(Some(&run.run)).unwrap().len(), 1);
    run.engine.begin(Request::Remove(token));
    assert_eq!(run.step(token), Step::Removed);
    assert!(run.engine.containers(Some(&run.run)).unwrap().is_empty());
}

#[test]
fn only_the_runs_own_containers_are_found_and_removed() {
    let (Some(mut run), Some(mut other)) = (TestRun::start("own"), TestRun::start("other")) else {
        return;
    };
    for run in [&mut run, &mut other] {
        for _ in 0..2 {
            let spec = run.spec(server());
            run.begin(spec);
        }
        for _ in 0..4 {
            run.engine.next_report(PATIENCE).expect("created and started");
        }
    }
    let found = run.engine.containers(Some(&run.run)).unwrap();
    assert_eq!(found.len(), 2);
    let labels = &found[0].labels;
    assert_eq!((labels["towtank.task"].as_str(), labels["towtank.instance"].as_str()), ("7", "3"));
    assert!(found[0].run() == run.run && found[0].owner().is_some_and(|owner| !owner.is_gone()));
    assert!(run.engine.containers(None).unwrap().len() >= 4);
    assert_eq!(run.engine.remove_all(&run.run), Ok(2));
    assert_eq!(run.engine.remove_all(&run.run), Ok(0));
    assert_eq!(other.engine.containers(Some(&other.run)).unwrap().len(), 2);
}

#[test]
fn an_image_that_is_not_there_fails_and_leaves_nothing() {
    let Some(mut run) = TestRun::start("noimage") else { return };
    let spec = ContainerSpec { image: "towtank/none:0".to_owned(), ..run.spec(noop()) };
    let token = run.begin(spec);
    match run.step(token) {
        Step::Failed { operation: "create", why } => {
            assert!(why.contains("No such image"), "{why}");
        }
        step => panic!("{step:?}"),
    }
    assert!(run.engine.containers(Some(&run.run)).unwrap().is_empty());
}

#[test]
fn a_start_that_fails_is_reported_once_and_its_container_removed() {
    let Some(mut run) = TestRun::start("nostart") else { return };
    let layout = CgroupLayout::of(run.engine.info());
    let (Ok(layout), 1, true) = (layout, run.engine.info().cgroup_version, is_root_here(&run))
    else {
        return eprintln!("skipped: only a quota above its parent's in cgroup v1 fails to start");
    };
    let budget = Budget { cpu_milli: 100, memory_bytes: 256 << 20 };
    let cgroup = layout.create(&run.run, 1, budget).unwrap();
    let parent = Some(cgroup.parent().to_owned());
    let spec =
        ContainerSpec { cgroup_parent: parent, cpu_quota_milli: Some(500), ..run.spec(noop()) };
    let token = run.begin(spec);
    assert_eq!(run.step(token), Step::Created);
    match run.step(token) {
        Step::Failed { operation: "start", why } => assert!(why.contains("quota"), "{why}"),
        step => panic!("{step:?}"),
    }
    let asked = clock::now();
    while !run.engine.containers(Some(&run.run)).unwrap().is_empty() {
        assert!(asked.elapsed() < PATIENCE, "it was left behind");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(run.engine.next_report(Duration::from_millis(300)), None);
    cgroup.remove().unwrap();
    layout.remove_run(&run.run).unwrap();
}

fn refused(endpoint: &str) -> String {
    let labels = Labels::new("refused", 0).unwrap();
    let began = clock::now();
    let why = Engine::connect(&Endpoint::parse(endpoint).unwrap(), labels).unwrap_err();
    assert!(began.elapsed() < Duration::from_millis(6500), "{:?}", began.elapsed());
    assert!(matches!(why, EngineError::Unreachable { .. }), "{why:?}");
    let why = why.to_string();
    assert!(why.contains(endpoint) && why.contains("dockerd"), "{why}");
    why
}

#[test]
fn an_endpoint_where_nothing_listens_is_refused_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let began = clock::now();
    refused(&format!("tcp://127.0.0.1:{port}"));
    refused("unix:///no/such/docker.sock");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_endpoint_that_never_answers_is_given_up_after_five_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        // Until the client gives up.
        let _ = connection.read_to_end(&mut Vec::new());
    });
    let began = clock::now();
    let why = refused(&format!("tcp://127.0.0.1:{port}"));
    assert!(began.elapsed() > Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(why.contains("no answer within 5 s"), "{why}");
    silent.join().unwrap();
}

/// Forwards connections from a port to a socket until the sender it returns is dropped, and then
/// breaks them all.
fn forward(socket: String) -> (Endpoint, mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (alive, ended) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        listener.set_nonblocking(true).unwrap();
        let mut connections = Vec::new();
        while ended.recv_timeout(Duration::from_millis(5)) == Err(mpsc::RecvTimeoutError::Timeout) {
            let Ok((client, _)) = listener.accept() else { continue };
            client.set_nonblocking(false).unwrap();
            let engine = UnixStream::connect(&socket).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
            std::thread::spawn(move || io::copy(&mut from, &mut to));
            let (mut from, mut to) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                to.shutdown(Shutdown::Write)
            });
            connections.push((client, engine));
        }
        for (client, engine) in connections {
            let _ = client.shutdown(Shutdown::Both);
            let _ = engine.shutdown(Shutdown::Both);
        }
    });
    (Endpoint::parse(&format!("tcp://127.0.0.1:{port}")).unwrap(), alive)
}

#[test]
fn an_engine_that_goes_away_is_reported_once_and_nothing_after() {
    let Some(run) = TestRun::start("lost") else { return };
    let Some(socket) = run.engine.endpoint().as_str().strip_prefix("unix://") else {
        return eprintln!("skipped: the engine has no socket here");
    };
    let (endpoint, alive) = forward(socket.to_owned());
    let labels = Labels::new(&run.run, clock::unix_seconds() + 300).unwrap();
    let engine = Engine::connect(&endpoint, labels).unwrap();
    engine.begin(Request::Start(Token(1), Box::new(run.spec(server()))));
    for _ in 0..2 {
        let report = engine.next_report(PATIENCE).expect("created and started");
        assert!(matches!(report, Report::Container { .. }), "{report:?}");
    }
    drop(alive);
    match engine.next_report(PATIENCE) {
        Some(Report::Lost { why }) => assert!(why.contains(endpoint.as_str()), "{why}"),
        other => panic!("{other:?}"),
    }
    engine.begin(Request::Stop(Token(1)));
    engine.begin(Request::Start(Token(2), Box::new(run.spec(server()))));
    assert_eq!(engine.next_report(Duration::from_secs(1)), None);
    let why = engine.containers(None).unwrap_err().to_string();
    assert!(why.contains(endpoint.as_str()), "{why}");
    // The container is still there, for whoever cleans up.
    assert_eq!(run.engine.remove_all(&run.run), Ok(1));
}
