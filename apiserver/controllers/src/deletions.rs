//! That an object of some kind is gone, for whoever cares about all kinds: the garbage collector, which watches them all,
//! tells it.

use parking_lot::RwLock;

type Listener = Box<dyn Fn(&str, &str, &str) + Send + Sync>;

/// Who wants to know.
#[derive(Default)]
pub(crate) struct Deletions(RwLock<Vec<Listener>>);

impl Deletions {
    /// Calls this with the group, the plural name and the namespace of every object that goes. It must not block.
    pub(crate) fn listen(&self, listener: impl Fn(&str, &str, &str) + Send + Sync + 'static) {
        self.0.write().push(Box::new(listener));
    }

    /// An object is gone.
    pub(crate) fn tell(&self, group: &str, plural: &str, namespace: &str) {
        for listener in self.0.read().iter() {
            listener(group, plural, namespace);
        }
    }
}
