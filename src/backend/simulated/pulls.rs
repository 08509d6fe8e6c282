//! Images: a host pulls what a task needs before it starts it, and keeps it.
//!
//! A host pulls an image once at a time; tasks that need it meanwhile wait for that pull. What has
//! been begun goes on, even if those that waited for it are gone. Images are not cleaned up, do not
//! change in the registry and share no layers, and no pull fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use slab::Slab;

use crate::controller::Event;
use crate::des::{Purpose, SimDuration, SimTime};
use crate::model::{CapacityId, DefinitionId, Origin, Outcome};
use crate::workload::law_spec::DurationLaw;
use crate::workload::{Conduct, Image};

use super::super::downloads::Downloads;
use super::{Due, LATEST, SimulatedBackend, Stage, Wake, phase};

const PULL_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"PULL"));

/// When the agent of a host pulls an image: `ECS_IMAGE_PULL_BEHAVIOR`.
///
/// Source: amazon-ecs-agent, README.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullBehaviour {
    /// Always, and take the cached one if that fails. What is cached need not be transferred.
    #[default]
    Default,
    /// Always. What is cached need not be transferred.
    Always,
    /// If no task on the host has had it pulled.
    Once,
    /// If it is not cached. As images are not cleaned up, the same as `once`.
    PreferCached,
}

impl PullBehaviour {
    /// Whether a cached image is taken as it is, without a word to the registry.
    fn trusts_cache(self) -> bool {
        match self {
            PullBehaviour::Default | PullBehaviour::Always => false,
            PullBehaviour::Once | PullBehaviour::PreferCached => true,
        }
    }
}

/// How the hosts of a capacity group pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostPulls {
    /// When.
    pub behaviour: PullBehaviour,
    /// Through which link, thousands of bits per second; `None` where that is no limit.
    pub link_kbps: Option<u32>,
}

/// How images come to the hosts; a pull that takes no time at all is none.
#[derive(Debug, Clone, Default)]
pub struct Pulls {
    /// What a pull takes beside the transfer.
    pub overhead: Option<DurationLaw>,
    /// What the pull of a cached image takes.
    pub cached: Option<DurationLaw>,
    /// What the registry gives all pulls together, thousands of bits per second.
    pub registry_kbps: Option<u64>,
    /// By capacity group; those beyond are the default.
    pub hosts: Vec<HostPulls>,
}

impl Pulls {
    /// Whether any pull takes time.
    pub fn take_time(&self) -> bool {
        let has_link = |host: &HostPulls| host.link_kbps.is_some();
        self.overhead.is_some()
            || self.cached.is_some()
            || self.registry_kbps.is_some()
            || self.hosts.iter().any(has_link)
    }

    fn host(&self, capacity: CapacityId) -> HostPulls {
        self.hosts.get(capacity.index()).copied().unwrap_or_default()
    }
}

/// A host's image.
#[derive(Debug, Clone, Copy)]
enum OnHost {
    /// The pull goes on.
    Coming(u32),
    Cached,
}

/// A pull that goes on.
#[derive(Debug)]
struct Pull {
    host: usize,
    image: u32,
    /// The task that needed it first.
    origin: Origin,
    /// Slots of the tasks that wait for it.
    waiting: Vec<u32>,
}

/// All images on all hosts, and the pulls that go on.
#[derive(Debug)]
pub(super) struct Images {
    setup: Pulls,
    numbers: BTreeMap<Arc<str>, u32>,
    /// By definition: number of its image, and bytes of it.
    of_definitions: Vec<Option<(u32, u64)>>,
    /// By host.
    on_hosts: Vec<BTreeMap<u32, OnHost>>,
    pulls: Slab<Pull>,
    downloads: Downloads,
    wake: Option<Wake>,
    /// By task slot: since when it has waited for its image.
    since: Vec<SimTime>,
}

impl Images {
    pub(super) fn new(setup: Pulls) -> Images {
        let downloads = Downloads::new(setup.registry_kbps);
        Images {
            setup,
            numbers: BTreeMap::new(),
            of_definitions: Vec::new(),
            on_hosts: Vec::new(),
            pulls: Slab::new(),
            downloads,
            wake: None,
            since: Vec::new(),
        }
    }

    /// Notes the image of a definition.
    pub(super) fn register(&mut self, definition: DefinitionId, conduct: &Conduct) {
        let Some(Image { name, bytes }) = &conduct.image else { return };
        let next = u32::try_from(self.numbers.len()).expect("fewer than 2^32 images");
        let number = *self.numbers.entry(Arc::clone(name)).or_insert(next);
        let index = definition.index();
        self.of_definitions.resize(self.of_definitions.len().max(index + 1), None);
        self.of_definitions[index] = Some((number, *bytes));
    }

    fn of(&self, definition: DefinitionId) -> Option<(u32, u64)> {
        self.of_definitions.get(definition.index()).copied().flatten()
    }

    fn on_host(&self, host: usize, image: u32) -> Option<OnHost> {
        self.on_hosts.get(host)?.get(&image).copied()
    }

    fn set_on_host(&mut self, host: usize, image: u32, state: OnHost) {
        if self.on_hosts.len() <= host {
            self.on_hosts.resize_with(host + 1, BTreeMap::new);
        }
        self.on_hosts[host].insert(image, state);
    }

    fn wait_since(&mut self, slot: u32, now: SimTime) {
        let slot = slot as usize;
        if self.since.len() <= slot {
            self.since.resize(slot + 1, SimTime::ZERO);
        }
        self.since[slot] = now;
    }
}

impl SimulatedBackend {
    /// A task has room on its host; whether it waits for its image first.
    pub(super) fn waits_for_image(&mut self, slot: u32) -> bool {
        let now = self.queue.now();
        let live = self.live[slot as usize].as_ref().expect("an admitted task is live");
        let (host, origin) = (live.placement.instance.index(), live.origin);
        let capacity = self.hosts[host].capacity;
        let Some(images) = self.images.as_mut() else { return false };
        let Some((image, bytes)) = images.of(live.definition) else { return false };
        let how = images.setup.host(capacity);
        match images.on_host(host, image) {
            Some(OnHost::Cached) => {
                if how.behaviour.trusts_cache() || images.setup.cached.is_none() {
                    return false;
                }
                images.wait_since(slot, now);
                let law = self.images.as_ref().and_then(|images| images.setup.cached.as_ref());
                let delay = self.draw(law, PULL_DRAW, origin);
                let key = self.schedule(delay, phase::STARTS, Due::ImageThere(slot));
                self.live_mut(slot).next = Some(key);
            }
            Some(OnHost::Coming(pull)) => {
                images.wait_since(slot, now);
                images.pulls[pull as usize].waiting.push(slot);
            }
            None => {
                images.wait_since(slot, now);
                let waiting = vec![slot];
                let pull = images.pulls.insert(Pull { host, image, origin, waiting });
                let pull = u32::try_from(pull).expect("fewer than 2^32 pulls at one time");
                images.set_on_host(host, image, OnHost::Coming(pull));
                if how.link_kbps.is_none() && images.setup.registry_kbps.is_none() {
                    self.transferred(pull);
                } else {
                    let host = u32::try_from(host).expect("fewer than 2^32 instances");
                    images.downloads.begin(now, host, how.link_kbps, pull, bytes);
                    self.wake_downloads();
                }
            }
        }
        self.live_mut(slot).stage = Stage::Pulling;
        true
    }

    /// The transfer that was to be done first is done.
    pub(super) fn download_done(&mut self) {
        let now = self.queue.now();
        let images = self.images.as_mut().expect("only images are transferred");
        images.wake = None;
        let pull = images.downloads.finish(now).expect("there is a wake for each transfer");
        self.transferred(pull);
        self.wake_downloads();
    }

    /// An image has come over the network; what a pull takes besides follows.
    fn transferred(&mut self, pull: u32) {
        let images = self.images.as_ref().expect("only images are transferred");
        let origin = images.pulls[pull as usize].origin;
        let delay = self.draw(images.setup.overhead.as_ref(), PULL_DRAW, origin);
        self.schedule(delay, phase::STARTS, Due::Pulled(pull));
    }

    /// An image is there: all that wait for it go on.
    pub(super) fn pulled(&mut self, pull: u32) {
        let images = self.images.as_mut().expect("only images are pulled");
        let Pull { host, image, waiting, .. } = images.pulls.remove(pull as usize);
        images.set_on_host(host, image, OnHost::Cached);
        for slot in waiting {
            let key = self.schedule(SimDuration::ZERO, phase::STARTS, Due::ImageThere(slot));
            self.live_mut(slot).next = Some(key);
        }
    }

    /// A task has its image, and starts.
    pub(super) fn image_there(&mut self, slot: u32) -> Event {
        let images = self.images.as_ref().expect("only images are waited for");
        let since = images.since[slot as usize];
        self.live_mut(slot).next = None;
        let task = self.task(slot);
        self.begin(slot);
        Event::ImagePulled { task, since }
    }

    /// A task that waits for its image is told to stop: it has no containers to clean up after.
    pub(super) fn stop_waiting_for_image(&mut self, slot: u32) {
        let live = self.live_mut(slot);
        live.stage = Stage::Exited;
        let (host, definition) = (live.placement.instance.index(), live.definition);
        if let Some(key) = live.next.take() {
            self.queue.cancel(key);
        } else {
            let images = self.images.as_mut().expect("only images are waited for");
            let (image, _) = images.of(definition).expect("a task that waits has an image");
            if let Some(OnHost::Coming(pull)) = images.on_host(host, image) {
                images.pulls[pull as usize].waiting.retain(|&one| one != slot);
            }
        }
        self.schedule(SimDuration::ZERO, phase::ENDS, Due::Stopped(slot, Outcome::Stopped));
    }

    /// Sees to the event of the transfer that is done first.
    fn wake_downloads(&mut self) {
        let now = self.queue.now();
        let images = self.images.as_mut().expect("only images are transferred");
        let next = images.downloads.next().map(|(at, _)| at).filter(|at| *at <= LATEST);
        let next = next.map(|at| at.max(now));
        if next == images.wake.map(|wake| wake.at) {
            return;
        }
        if let Some(wake) = images.wake.take() {
            self.queue.cancel(wake.key);
        }
        images.wake = next.map(|at| {
            let phase = phase::STARTS;
            Wake { at, phase, key: self.queue.schedule(at, phase, Due::Transferred) }
        });
    }
}
