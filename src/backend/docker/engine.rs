//! A blocking handle to a Docker Engine. One thread runs the async client; the state of the
//! containers is a state machine on it, so nothing is shared and nothing locked.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::client::{CONNECT, Client, event};
use super::clock;
use super::endpoint::{Endpoint, EngineError};
use super::image;
use super::labels::{self, Labels, Owner};
use super::lives::{Action, Input, Lives, REMOVE};
use super::message::{Report, Request};

/// How often the engine is asked whether it is still there, and after how many failures in a row it
/// is not. The end of the event stream tells sooner where the connection breaks.
const HEARTBEAT: Duration = Duration::from_secs(10);
const HEARTBEATS_MISSED: u32 = 3;

/// How long importing the workload image, or removing a run, may take in all.
const LONG: Duration = Duration::from_mins(10);

/// Held during an import.
static IMPORT: Mutex<()> = Mutex::new(());

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// Where it was reached.
    pub endpoint: String,
    /// What it calls itself, its machine, and its directory there; empty if it says none of that.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The version of the API that is spoken with it.
    pub api_version: String,
    /// Release of the host's kernel.
    pub kernel: String,
    /// Name of the host's operating system.
    pub operating_system: String,
    /// How images and containers are stored.
    pub storage_driver: String,
    /// `cgroupfs`, `systemd` or `none`.
    pub cgroup_driver: String,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// Cores of the host.
    pub cpus: u32,
    /// Memory of the host, bytes.
    pub memory_bytes: u64,
    /// Whether it runs without root.
    pub rootless: bool,
}

/// A container with towtank's label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundContainer {
    /// The engine's id.
    pub id: String,
    /// `created`, `running`, `exited` and others of the engine's.
    pub state: String,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
}

impl FoundContainer {
    /// The run it belongs to.
    pub fn run(&self) -> &str {
        self.labels.get(labels::RUN).map_or("", String::as_str)
    }

    /// The process that made it.
    pub fn owner(&self) -> Option<Owner> {
        Owner::parse(self.labels.get(labels::OWNER)?)
    }

    /// After which it is left over, Unix time in seconds.
    pub fn deadline_unix_s(&self) -> Option<u64> {
        self.labels.get(labels::DEADLINE)?.parse().ok()
    }
}

/// What the thread is told.
enum Message {
    Input(Input),
    Lost(String),
    Quit,
}

/// A connection to a Docker Engine. Dropping it ends the thread and leaves the containers.
#[derive(Debug)]
pub struct Engine {
    client: Client,
    info: EngineInfo,
    handle: Handle,
    messages: UnboundedSender<Message>,
    reports: mpsc::Receiver<Report>,
    thread: Option<JoinHandle<()>>,
}

/// What is running, even if its file has been replaced since.
const OWN_EXECUTABLE: &str = "/proc/self/exe";

impl Engine {
    /// Connects, within 5 seconds. What is made from then on carries `labels`.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unreachable`] with the endpoint and what to start there;
    /// [`EngineError::Run`] for a run whose name cannot name cgroups.
    pub fn connect(endpoint: &Endpoint, labels: Labels) -> Result<Engine, EngineError> {
        labels::check_run(&labels.run)?;
        let (connected, connection) = mpsc::channel();
        let (messages, inbox) = unbounded_channel();
        let (reporter, reports) = mpsc::channel();
        let own = messages.clone();
        let target = endpoint.clone();
        let thread = std::thread::Builder::new().name("docker".to_owned()).spawn(move || {
            let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
                return;
            };
            let handle = runtime.handle().clone();
            runtime.block_on(async move {
                match Client::connect(&target, labels).await {
                    Err(why) => drop(connected.send(Err(why))),
                    Ok((client, info, since)) => {
                        drop(connected.send(Ok((client.clone(), info, handle))));
                        serve(&client, since, &own, inbox, &reporter).await;
                    }
                }
            });
            // Names that are still being looked up are not waited for.
            runtime.shutdown_background();
        });
        let unreachable =
            |why: String| EngineError::Unreachable { endpoint: endpoint.to_string(), why };
        let thread = thread.map_err(|why| unreachable(format!("no thread: {why}")))?;
        let patience = CONNECT + Duration::from_secs(1);
        let answer = connection.recv_timeout(patience);
        let answer = answer.map_err(|_| unreachable("no answer within 5 s".to_owned()))?;
        let (client, info, handle) = answer?;
        Ok(Engine { client, info, handle, messages, reports, thread: Some(thread) })
    }

    /// What the engine said of itself when it was connected to.
    pub fn info(&self) -> &EngineInfo {
        &self.info
    }

    /// Where it was reached.
    pub fn endpoint(&self) -> &Endpoint {
        &self.client.endpoint
    }

    /// The name of the image whose only program is this one, imported if it is not there yet.
    ///
    /// # Errors
    ///
    /// [`EngineError::Image`] if it cannot be made, [`EngineError::Call`] if the engine refuses it.
    pub fn ensure_workload_image(&self) -> Result<String, EngineError> {
        self.ensure_image_of(Path::new(OWN_EXECUTABLE))
    }

    /// Whether the engine has the image whose only program is this one.
    ///
    /// # Errors
    ///
    /// As [`Engine::ensure_workload_image`].
    pub fn has_workload_image(&self) -> Result<bool, EngineError> {
        let contents = image::archive(Path::new(OWN_EXECUTABLE))?;
        let client = self.client.clone();
        self.call(async move { image::is_there(&client, &contents).await })
    }

    /// As [`Engine::ensure_workload_image`], of another executable that uses the same libraries.
    ///
    /// # Errors
    ///
    /// As there.
    #[doc(hidden)]
    pub fn ensure_image_of(&self, executable: &Path) -> Result<String, EngineError> {
        // Two imports of one image at a time would leave one of them without a name.
        let _one = IMPORT.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = image::archive(executable)?;
        let client = self.client.clone();
        self.call(async move { image::ensure(&client, contents).await })
    }

    /// Begins something; what comes of it is reported. Never blocks.
    ///
    /// A stop or kill of a container that does not run yet takes effect when it runs. After
    /// [`Step::Failed`](super::message::Step::Failed) and
    /// [`Step::Removed`](super::message::Step::Removed), nothing more is reported of a token.
    pub fn begin(&self, request: Request) {
        // The thread has ended only after it reported the engine as lost.
        let _ = self.messages.send(Message::Input(Input::Asked(request)));
    }

    /// The next report, waited for at most so long.
    pub fn next_report(&self, wait: Duration) -> Option<Report> {
        match self.reports.recv_timeout(wait) {
            Ok(report) => Some(report),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let why = format!("{}: the thread that talks to it ended", self.client.endpoint);
                Some(Report::Lost { why })
            }
        }
    }

    /// Containers with towtank's label, of one run or of all.
    ///
    /// # Errors
    ///
    /// [`EngineError::Call`] if the engine does not tell.
    pub fn containers(&self, run: Option<&str>) -> Result<Vec<FoundContainer>, EngineError> {
        let client = self.client.clone();
        let run = run.map(str::to_owned);
        self.call(async move {
            let found = client.list(run.as_deref()).await;
            found.map_err(|why| client.error("list of containers", &why))
        })
    }

    /// Names of the networks that it has: one without a bridge lacks `bridge`.
    ///
    /// # Errors
    ///
    /// [`EngineError::Call`] if the engine does not tell.
    pub fn network_names(&self) -> Result<Vec<String>, EngineError> {
        let client = self.client.clone();
        self.call(async move {
            let names = client.network_names().await;
            names.map_err(|why| client.error("list of networks", &why))
        })
    }

    /// Removes every container of a run, running or not; found by label, and looked at again just
    /// before its removal. Says how many.
    ///
    /// # Errors
    ///
    /// [`EngineError::Call`] if the engine could not remove one; the others are removed all the
    /// same.
    pub fn remove_all(&self, run: &str) -> Result<usize, EngineError> {
        let client = self.client.clone();
        let run = run.to_owned();
        self.call(async move { client.remove_all(&run).await })
    }

    /// Runs a call on the thread and waits for it.
    pub(super) fn call<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (sender, receiver) = mpsc::channel();
        self.handle.spawn(async move { sender.send(call.await) });
        let error = |why: &str| Err(self.client.error("call", &why));
        match receiver.recv_timeout(LONG) {
            Ok(outcome) => outcome,
            Err(mpsc::RecvTimeoutError::Timeout) => error("no answer within 600 s"),
            Err(mpsc::RecvTimeoutError::Disconnected) => error("the thread that talks to it ended"),
        }
    }

    /// Removes a workload image, unless a container uses it; says whether it did.
    ///
    /// # Errors
    ///
    /// [`EngineError::Call`] if the engine does not tell what it has.
    pub fn remove_workload_image(&self, name: &str) -> Result<bool, EngineError> {
        let client = self.client.clone();
        let name = name.to_owned();
        self.call(async move { image::remove(&client, &name).await })
    }

    /// Removes the workload images that no container uses, and says which.
    ///
    /// # Errors
    ///
    /// [`EngineError::Call`] if the engine does not tell what it has.
    pub fn remove_workload_images(&self) -> Result<Vec<String>, EngineError> {
        let client = self.client.clone();
        self.call(async move { image::remove_unused(&client).await })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Quit);
        if let Some(thread) = self.thread.take() {
            // A panic there has been said on stderr.
            let _ = thread.join();
        }
    }
}

/// Serves requests until told to quit; when the engine is lost, that is reported and requests are
/// dropped, but blocking calls still go through.
async fn serve(
    client: &Client,
    since_ns: u64,
    messages: &UnboundedSender<Message>,
    mut inbox: UnboundedReceiver<Message>,
    reports: &mpsc::Sender<Report>,
) {
    tokio::spawn(watch_events(client.clone(), since_ns, messages.clone()));
    tokio::spawn(watch_heart(client.clone(), messages.clone()));
    let mut lives = Lives::default();
    let mut lost = false;
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Quit => return,
            Message::Lost(_) | Message::Input(_) if lost => {}
            Message::Lost(why) => {
                lost = true;
                let why = format!("{}: {why}", client.endpoint);
                let _ = reports.send(Report::Lost { why });
            }
            Message::Input(input) => {
                let at = clock::now();
                let effects = lives.take(input);
                for (token, step) in effects.steps {
                    let _ = reports.send(Report::Container { token, at, step });
                }
                for action in effects.actions {
                    tokio::spawn(act(client.clone(), action, messages.clone()));
                }
            }
        }
    }
}

/// Carries out an action and sends back what came of it.
async fn act(client: Client, action: Action, messages: UnboundedSender<Message>) {
    let input = match action {
        Action::Create(token, spec) => Input::Created(token, client.create(&spec).await),
        Action::Start(token, id) => Input::StartReturned(token, client.start(&id).await),
        Action::Inspect { token, id, death, said } => {
            Input::Inspected(token, client.exit(&id, death, said).await)
        }
        Action::Stop { token, id, grace, insist } => {
            Input::Ended(token, "stop", client.stop(&id, grace, insist).await)
        }
        Action::Kill(token, id) => Input::Ended(token, "kill", client.kill(&id).await),
        Action::Remove(token, id) => Input::Ended(token, REMOVE, client.remove(&id, false).await),
        Action::Discard(id) => {
            // What is left over then is found by its label at the end of the run.
            let _ = client.remove(&id, true).await;
            return;
        }
    };
    let _ = messages.send(Message::Input(input));
}

/// Passes the engine's events on, until the stream ends.
async fn watch_events(client: Client, since_ns: u64, messages: UnboundedSender<Message>) {
    let options = client.events(since_ns);
    let mut events = std::pin::pin!(client.docker.events(Some(options)));
    let why = loop {
        match events.next().await {
            Some(Ok(message)) => {
                if let Some((id, event)) = event(message) {
                    let _ = messages.send(Message::Input(Input::Event(id, event)));
                }
            }
            Some(Err(why)) => break format!("its stream of events broke: {why}"),
            None => break "its stream of events ended".to_owned(),
        }
    };
    let _ = messages.send(Message::Lost(why));
}

/// Notices an engine that no longer answers although the connection stands.
async fn watch_heart(client: Client, messages: UnboundedSender<Message>) {
    let mut missed = 0;
    while missed < HEARTBEATS_MISSED {
        tokio::time::sleep(HEARTBEAT).await;
        missed = if client.ping().await.is_ok() { 0 } else { missed + 1 };
    }
    let _ = messages.send(Message::Lost(format!("it missed {missed} pings in a row")));
}
