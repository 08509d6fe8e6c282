//! Batches read ahead in a thread of their own.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::workload::WorkloadError;

use super::batch::{Batch, End, ReadRows};

/// Batches that wait to be taken, at most: memory stays bounded however fast the thread is.
const WAITING: usize = 2;

/// A thread that reads ahead. It ends when its owner is dropped, who waits for that.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Batches in order; `None` only while it is dropped.
    batches: Option<Receiver<Batch>>,
    /// Takes batches back, for their memory.
    spent: std::sync::mpsc::Sender<Batch>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Starts reading.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(mut reader: Box<dyn ReadRows>) -> Result<Ahead, WorkloadError> {
        let (send, batches) = sync_channel(WAITING);
        let (spent, returned) = channel();
        let work = move || read_all(&mut *reader, &send, &returned);
        let thread = Builder::new().name("trace".to_owned()).spawn(work);
        let thread = thread.map_err(|why| {
            WorkloadError(format!("no thread can be started to read the trace ahead: {why}"))
        })?;
        Ok(Ahead { batches: Some(batches), spent, thread: Some(thread) })
    }

    /// Puts the next batch in the place of one that is spent. A batch must be one whose end is
    /// [`End::More`].
    pub(super) fn next(&mut self, batch: &mut Batch) {
        let next = self.batches.as_ref().map(Receiver::recv);
        match next {
            Some(Ok(next)) => {
                // Where the thread has ended already, nobody needs the memory.
                let _ = self.spent.send(std::mem::replace(batch, next));
            }
            _ => self.repeat_panic(),
        }
    }

    /// A thread that is gone before it sent an end has panicked.
    fn repeat_panic(&mut self) -> ! {
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => unreachable!("the thread ends behind the last batch"),
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Without a receiver the thread's next batch has nowhere to go, and it ends.
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was told of, or nobody wants the batch that it died over.
            let _ = thread.join();
        }
    }
}

fn read_all(reader: &mut dyn ReadRows, send: &SyncSender<Batch>, returned: &Receiver<Batch>) {
    loop {
        let mut batch = returned.try_recv().unwrap_or_default();
        batch.refill(reader);
        let is_last = batch.end != End::More;
        if send.send(batch).is_err() || is_last {
            return;
        }
    }
}
