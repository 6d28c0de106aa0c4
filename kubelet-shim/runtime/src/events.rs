//! Task exits from containerd's own event stream. CRI's GetContainerEvents is missing before containerd 1.7, this
//! stream is there in every version. A runtime without it (CRI-O) still works: the agent's slow relist finds the exits.

use std::time::Duration;

use containerd_client::events::TaskExit;
use containerd_client::services::v1::SubscribeRequest;
use containerd_client::services::v1::events_client::EventsClient;
use prost::Message as _;
use tokio::sync::broadcast::WeakSender;
use tonic::transport::Channel;

use crate::RuntimeEvent;

/// Pause between attempts to subscribe again after the stream broke.
const RETRY: Duration = Duration::from_secs(1);
/// How often a silent stream is checked for whether anybody still wants it.
const QUIET: Duration = Duration::from_secs(10);

/// Forwards exits until the last sender of `sender` is gone.
pub(crate) fn listen(channel: Channel, sender: WeakSender<RuntimeEvent>) {
    tokio::spawn(async move {
        let mut client = EventsClient::new(channel);
        loop {
            let filters = vec![r#"topic=="/tasks/exit",namespace=="k8s.io""#.to_owned()];
            if let Ok(answer) = client.subscribe(SubscribeRequest { filters }).await {
                let mut stream = answer.into_inner();
                // Whatever happened before the stream stood is not in it.
                if !send(&sender, RuntimeEvent::Relist) {
                    return;
                }
                loop {
                    let Ok(message) = tokio::time::timeout(QUIET, stream.message()).await else {
                        if sender.strong_count() == 0 {
                            return;
                        }
                        continue;
                    };
                    let Ok(Some(envelope)) = message else { break };
                    let Some(any) = envelope.event else { continue };
                    let Ok(exit) = TaskExit::decode(any.value.as_slice()) else { continue };
                    // An exec ends with its own id; only the main process (id equal to the container's) counts.
                    if exit.id == exit.container_id && !send(&sender, RuntimeEvent::Exited(exit.container_id)) {
                        return;
                    }
                }
            }
            if sender.strong_count() == 0 {
                return;
            }
            tokio::time::sleep(RETRY).await;
        }
    });
}

fn send(sender: &WeakSender<RuntimeEvent>, event: RuntimeEvent) -> bool {
    let Some(sender) = sender.upgrade() else { return false };
    // No receiver at the moment is no reason to stop.
    let _ = sender.send(event);
    true
}
