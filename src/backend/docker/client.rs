//! Calls to a Docker Engine: each with a time limit, few with second attempts.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    ContainerInspectResponse, SystemInfo, SystemInfoCgroupDriverEnum, SystemInfoCgroupVersionEnum,
};
use bollard::query_parameters::{
    EventsOptions, EventsOptionsBuilder, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    LogsOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use futures_util::StreamExt;
use futures_util::future::select;

use super::container;
use super::endpoint::{Endpoint, EngineError};
use super::engine::{EngineInfo, FoundContainer};
use super::labels::{self, Labels};
use super::lives::{Death, Event};
use super::message::{ContainerSpec, Exit};
use super::program::Said;
use super::timestamp::unix_nanos;

/// How long the engine may take to answer at all.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// How long an operation may take.
pub(super) const CALL: Duration = Duration::from_mins(1);
/// After a kill that nobody asked for, how long its reason is waited for.
const REASON: Duration = Duration::from_millis(100);
/// After which a workload program that was told to stop is told again: before it has its handler,
/// the kernel drops signals to the first process of a container.
const INSIST: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1)];
/// Pauses before further attempts.
const BACKOFF: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// Containers that are removed at a time.
const REMOVALS: usize = 8;

/// A connection that has been tried and speaks the engine's version of the API.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) docker: Docker,
    pub(super) endpoint: Endpoint,
    pub(super) labels: Labels,
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum CallError {
    /// Within its time limit, there was no answer.
    Timeout(Duration),
    /// The engine, or the connection, said no.
    Engine(Error),
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CallError::Timeout(after) => write!(f, "no answer within {} s", after.as_secs()),
            CallError::Engine(Error::SocketNotFoundError(path)) => {
                write!(f, "there is no socket {path}")
            }
            CallError::Engine(Error::DockerResponseServerError { status_code, message }) => {
                write!(f, "{} (status {status_code})", message.trim())
            }
            CallError::Engine(why) => f.write_str(&with_causes(why)),
        }
    }
}

/// What an error says, and its causes do beyond that: some libraries' errors include their causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

impl CallError {
    fn status(&self) -> Option<u16> {
        match self {
            CallError::Engine(Error::DockerResponseServerError { status_code, .. }) => {
                Some(*status_code)
            }
            CallError::Timeout(_) | CallError::Engine(_) => None,
        }
    }

    /// Whether the same call may well succeed a moment later: the connection broke, or the engine
    /// ran out of time itself.
    fn is_transient(&self) -> bool {
        match self {
            CallError::Engine(Error::DockerResponseServerError { status_code, message }) => {
                let message = message.to_lowercase();
                let timeouts = ["timeout", "timed out", "deadline exceeded", "connection reset"];
                *status_code >= 500 && timeouts.iter().any(|word| message.contains(word))
            }
            CallError::Engine(
                Error::HyperResponseError { .. }
                | Error::HyperLegacyError { .. }
                | Error::IOError { .. },
            ) => true,
            CallError::Timeout(_) | CallError::Engine(_) => false,
        }
    }
}

/// Runs a call with a time limit.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result.map_err(CallError::Engine),
        Err(_) => Err(CallError::Timeout(limit)),
    }
}

/// Three attempts, as long as failures are transient.
async fn with_attempts<T, F>(mut call: impl FnMut() -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, CallError>>,
{
    for pause in BACKOFF {
        match call().await {
            Ok(value) => return Ok(value),
            Err(why) if why.is_transient() => tokio::time::sleep(pause).await,
            Err(why) => return Err(why.to_string()),
        }
    }
    call().await.map_err(|why| why.to_string())
}

impl Client {
    /// Connects; the engine has told its version and what it is.
    pub(super) async fn connect(
        endpoint: &Endpoint,
        labels: Labels,
    ) -> Result<(Client, EngineInfo, u64), EngineError> {
        let unreachable = |why: CallError| EngineError::Unreachable {
            endpoint: endpoint.to_string(),
            why: why.to_string(),
        };
        let connecting = async {
            let docker = Docker::connect_with_host(endpoint.as_str())?;
            let docker = docker.with_timeout(Duration::from_hours(1)).negotiate_version().await?;
            let info = docker.info().await?;
            Ok((docker, info))
        };
        let (docker, info) = within(CONNECT, connecting).await.map_err(unreachable)?;
        let api_version = docker.client_version().to_string();
        let now_ns = info.system_time.as_deref().and_then(unix_nanos).unwrap_or(0);
        let info = engine_info(endpoint, api_version, info);
        Ok((Client { docker, endpoint: endpoint.clone(), labels }, info, now_ns))
    }

    /// As an error of an operation.
    pub(super) fn error(
        &self,
        operation: &'static str,
        why: &dyn std::fmt::Display,
    ) -> EngineError {
        EngineError::Call { endpoint: self.endpoint.to_string(), operation, why: why.to_string() }
    }

    /// Whether the engine still answers.
    pub(super) async fn ping(&self) -> Result<(), CallError> {
        within(CONNECT, self.docker.ping()).await.map(|_| ())
    }

    pub(super) async fn create(&self, spec: &ContainerSpec) -> Result<String, String> {
        let body = container::create_body(spec, &self.labels);
        with_attempts(|| within(CALL, self.docker.create_container(None, body.clone())))
            .await
            .map(|created| created.id)
    }

    pub(super) async fn start(&self, id: &str) -> Result<(), String> {
        with_attempts(|| within(CALL, self.docker.start_container(id, None))).await
    }

    /// SIGTERM, and SIGKILL after `grace`; with `insist`, SIGTERM again while it runs.
    pub(super) async fn stop(&self, id: &str, grace: Duration, insist: bool) -> Result<(), String> {
        let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let options = StopContainerOptionsBuilder::new()
            .t(i32::try_from(seconds).unwrap_or(i32::MAX))
            .build();
        let limit = CALL.saturating_add(Duration::from_secs(seconds));
        let stopping = within(limit, self.docker.stop_container(id, Some(options)));
        let insisting = async {
            for pause in if insist { &INSIST[..] } else { &[] } {
                tokio::time::sleep(*pause).await;
                // That it is gone by now is what is wanted.
                let _ = self.signal(id, "SIGTERM").await;
            }
            std::future::pending::<Result<(), CallError>>().await
        };
        // The second never ends by itself: it goes on while the first does.
        let (stopping, insisting) = (std::pin::pin!(stopping), std::pin::pin!(insisting));
        if_there(select(stopping, insisting).await.factor_first().0)
    }

    pub(super) async fn kill(&self, id: &str) -> Result<(), String> {
        if_there(self.signal(id, "SIGKILL").await)
    }

    async fn signal(&self, id: &str, signal: &str) -> Result<(), CallError> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        within(CALL, self.docker.kill_container(id, Some(options))).await
    }

    pub(super) async fn remove(&self, id: &str, force: bool) -> Result<(), String> {
        let options = RemoveContainerOptionsBuilder::new().force(force).v(true).build();
        match within(CALL, self.docker.remove_container(id, Some(options))).await {
            Err(why) if why.status() == Some(404) => Ok(()),
            // Someone else's removal is under way: wait until it is through.
            Err(why) if why.status() == Some(409) => {
                self.wait_until_gone(id).await.map_err(|()| why.to_string())
            }
            outcome => outcome.map_err(|why| why.to_string()),
        }
    }

    async fn wait_until_gone(&self, id: &str) -> Result<(), ()> {
        for _ in 0..50 {
            if matches!(self.inspect(id).await, Err(why) if why.status() == Some(404)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(())
    }

    async fn inspect(&self, id: &str) -> Result<ContainerInspectResponse, CallError> {
        within(CALL, self.docker.inspect_container(id, None)).await
    }

    /// How a container exited, with the last line it wrote where `said` is set. What cannot be
    /// found out because it is gone already is left at what the event had.
    pub(super) async fn exit(&self, id: &str, death: Death, said: bool) -> Exit {
        let mut found = self.inspect(id).await.ok();
        if death.unexplained && !found.as_ref().is_some_and(is_oom) {
            tokio::time::sleep(REASON).await;
            found = self.inspect(id).await.ok().or(found);
        }
        let mut exit = Exit {
            code: death.code,
            engine_finished_ns: death.at_ns,
            said: if said { self.said(id).await } else { None },
            ..Exit::default()
        };
        let Some(found) = found else {
            return exit;
        };
        exit.oom = is_oom(&found);
        let parent = found.host_config.and_then(|config| config.cgroup_parent);
        exit.cgroup_parent = parent.unwrap_or_default();
        if let Some(state) = found.state {
            let time = |text: Option<String>| text.as_deref().and_then(unix_nanos);
            exit.engine_started_ns = time(state.started_at).unwrap_or(0);
            exit.engine_finished_ns = time(state.finished_at).unwrap_or(death.at_ns);
        }
        exit
    }

    async fn said(&self, id: &str) -> Option<Said> {
        let options = LogsOptionsBuilder::new().stdout(true).tail("1").build();
        let reading = async {
            let mut lines = std::pin::pin!(self.docker.logs(id, Some(options)));
            let mut text = Vec::new();
            while let Some(part) = lines.next().await {
                text.extend_from_slice(part?.as_ref());
            }
            Ok(text)
        };
        let text = within(CALL, reading).await.ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Containers with towtank's label, of one run or of all.
    pub(super) async fn list(&self, run: Option<&str>) -> Result<Vec<FoundContainer>, CallError> {
        let mut wanted = vec![format!("{}=1", labels::MANAGED)];
        wanted.extend(run.map(|run| format!("{}={run}", labels::RUN)));
        let filters = [("label", wanted)].into_iter().collect();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let found = within(CALL, self.docker.list_containers(Some(options))).await?;
        let found = found.into_iter().filter_map(|one| {
            let labels: BTreeMap<String, String> = one.labels?.into_iter().collect();
            let state = one.state.map(|state| state.to_string()).unwrap_or_default();
            Some(FoundContainer { id: one.id?, state, labels })
        });
        Ok(found.collect())
    }

    /// Names of its networks.
    pub(super) async fn network_names(&self) -> Result<Vec<String>, CallError> {
        let networks = within(CALL, self.docker.list_networks(None)).await?;
        Ok(networks.into_iter().filter_map(|network| network.name).collect())
    }

    /// Removes every container of a run, running or not, and says how many.
    pub(super) async fn remove_all(&self, run: &str) -> Result<usize, EngineError> {
        let error = |why: &dyn std::fmt::Display| self.error("removal of a run's containers", why);
        let found = self.list(Some(run)).await.map_err(|why| error(&why))?;
        let removals = found.into_iter().map(|found| async move {
            if !self.is_of_run(&found.id, run).await? {
                return Ok(false);
            }
            self.remove(&found.id, true).await.map(|()| true)
        });
        let outcomes: Vec<Result<bool, String>> =
            futures_util::stream::iter(removals).buffer_unordered(REMOVALS).collect().await;
        let mut count = 0;
        let mut failure = None;
        for outcome in outcomes {
            match outcome {
                Ok(removed) => count += usize::from(removed),
                Err(why) => failure = Some(why),
            }
        }
        failure.map_or(Ok(count), |why| Err(error(&why)))
    }

    /// Looks at the labels again: an id that was listed a moment ago is not enough to remove by.
    async fn is_of_run(&self, id: &str, run: &str) -> Result<bool, String> {
        match self.inspect(id).await {
            Err(why) if why.status() == Some(404) => Ok(false),
            Err(why) => Err(why.to_string()),
            Ok(found) => {
                let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
                let has = |key: &str, value: &str| labels.get(key).is_some_and(|is| is == value);
                Ok(has(labels::MANAGED, "1") && has(labels::RUN, run))
            }
        }
    }

    /// What to ask of the stream of events: this run's containers, from the engine's `since` on, so
    /// that nothing that happens before the stream is up is missed.
    pub(super) fn events(&self, since_ns: u64) -> EventsOptions {
        let filters = [
            ("type", vec!["container".to_owned()]),
            ("label", vec![format!("{}={}", labels::RUN, self.labels.run)]),
            ("event", ["start", "oom", "die", "destroy"].map(str::to_owned).to_vec()),
        ];
        let filters = filters.into_iter().collect();
        let since = format!("{}.{:09}", since_ns / 1_000_000_000, since_ns % 1_000_000_000);
        EventsOptionsBuilder::new().since(&since).filters(&filters).build()
    }
}

/// An event as the state machine knows it, with the container's id.
pub(super) fn event(message: bollard::models::EventMessage) -> Option<(String, Event)> {
    let actor = message.actor?;
    let event = match message.action.as_deref()? {
        "start" => Event::Started,
        "oom" => Event::OutOfMemory,
        "destroy" => Event::Destroyed,
        "die" => {
            let attributes = actor.attributes.unwrap_or_default();
            let code = attributes.get("exitCode").and_then(|code| code.parse().ok());
            let at_ns = message.time_nano.and_then(|nanos| u64::try_from(nanos).ok());
            Event::Died(Death {
                code: code.unwrap_or(-1),
                at_ns: at_ns.unwrap_or(0),
                unexplained: false,
            })
        }
        _ => return None,
    };
    Some((actor.id?, event))
}

/// A container that has exited or is gone needs no stopping.
fn if_there(outcome: Result<(), CallError>) -> Result<(), String> {
    match outcome {
        Err(why) if matches!(why.status(), Some(404 | 409)) => Ok(()),
        outcome => outcome.map_err(|why| why.to_string()),
    }
}

fn is_oom(found: &ContainerInspectResponse) -> bool {
    found.state.as_ref().and_then(|state| state.oom_killed).unwrap_or(false)
}

/// Engines on one machine may share what they call their id, and none shares its directory.
fn identity(said: [Option<String>; 3]) -> String {
    said.map(Option::unwrap_or_default).join(" ").trim().to_owned()
}

fn engine_info(endpoint: &Endpoint, api_version: String, info: SystemInfo) -> EngineInfo {
    let rootless = info.security_options.unwrap_or_default();
    let cgroup_driver = match info.cgroup_driver {
        Some(SystemInfoCgroupDriverEnum::CGROUPFS) => "cgroupfs",
        Some(SystemInfoCgroupDriverEnum::SYSTEMD) => "systemd",
        Some(SystemInfoCgroupDriverEnum::NONE | SystemInfoCgroupDriverEnum::EMPTY) | None => "none",
    };
    EngineInfo {
        endpoint: endpoint.to_string(),
        id: identity([info.id, info.name, info.docker_root_dir]),
        version: info.server_version.unwrap_or_default(),
        api_version,
        kernel: info.kernel_version.unwrap_or_default(),
        operating_system: info.operating_system.unwrap_or_default(),
        storage_driver: info.driver.unwrap_or_default(),
        cgroup_driver: cgroup_driver.to_owned(),
        cgroup_version: match info.cgroup_version {
            Some(SystemInfoCgroupVersionEnum::_2) => 2,
            // Engines from before there was a second version say nothing.
            Some(SystemInfoCgroupVersionEnum::_1 | SystemInfoCgroupVersionEnum::EMPTY) | None => 1,
        },
        cpus: info.ncpu.and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(0),
        memory_bytes: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
        rootless: rootless.iter().any(|option| option.contains("name=rootless")),
    }
}
