//! Writes conditions and events behind the scheduler's back, a few at a time.

use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    api::{Api, Happening},
    engine::{PodName, Report, UNSCHEDULABLE},
};

/// Writes that wait. Events beyond it are dropped, as upstream drops them; conditions wait.
const QUEUED_MAX: usize = 10_000;
/// Writes under way at a time.
const UNDER_WAY_MAX: usize = 32;

/// Something to write.
pub(crate) enum Write {
    /// `PodScheduled=False`, and for a Pod that fits nowhere the event FailedScheduling.
    Report(Report),
    /// An event.
    Event { pod: PodName, happening: Happening },
}

/// The way to the writer. It ends when the last of its kind is dropped.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Write>);

impl Writer {
    pub(crate) fn start(api: Api) -> Self {
        let (to, writes) = mpsc::channel(QUEUED_MAX);
        tokio::spawn(async move {
            let writes = ReceiverStream::new(writes);
            writes.for_each_concurrent(UNDER_WAY_MAX, |write| carry_out(&api, write)).await;
        });
        Self(to)
    }

    pub(crate) async fn write(&self, write: Write) {
        drop(self.0.send(write).await);
    }

    pub(crate) fn try_write(&self, write: Write) {
        drop(self.0.try_send(write));
    }
}

async fn carry_out(api: &Api, write: Write) {
    match write {
        Write::Event { pod, happening } => api.event(&pod, &happening).await,
        Write::Report(report) => {
            api.report(&report).await;
            if report.reason == UNSCHEDULABLE {
                let note = report.message.to_string();
                let failed = Happening { type_: "Warning", reason: "FailedScheduling", action: "Scheduling", note };
                api.event(&report.pod, &failed).await;
            }
        }
    }
}
