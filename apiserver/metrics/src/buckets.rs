//! The bounds of upstream's histograms, where several share them.

/// Of requests and of the store's answers, in seconds: up to a minute.
pub static REQUEST_SECS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];
/// Of requests that this process sends, in seconds.
pub static CLIENT_SECS: [f64; 12] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0];
/// Of the steps of admission, in seconds.
pub static ADMISSION_SECS: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];
/// Of admission webhooks, in seconds.
pub static WEBHOOK_SECS: [f64; 8] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 25.0];
/// Of conversion webhooks, in seconds.
pub static CONVERSION_SECS: [f64; 15] =
    [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0];
/// Of one filter of a request's way, in seconds.
pub static FILTER_SECS: [f64; 13] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 5.0, 10.0, 15.0, 30.0];
/// From a millisecond on, doubling: decisions about users, attempts to schedule, runtime operations.
pub static DOUBLING_SECS: [f64; 15] = exponential(0.001, 2.0);
/// From ten milliseconds on, doubling: how long a Pod waits for a place.
pub static WAITING_SECS: [f64; 20] = exponential(0.01, 2.0);
/// Of work queues, in seconds: from ten nanoseconds on.
pub static QUEUE_SECS: [f64; 12] = exponential(1e-8, 10.0);
/// Of calls of a container runtime, in seconds: up to a slow pull.
pub static RUNTIME_SECS: [f64; 14] = exponential(0.005, 2.5);
/// Of answers, in bytes.
pub static RESPONSE_BYTES: [f64; 7] = exponential(1000.0, 10.0);
/// Of events of a watch, in bytes.
pub static EVENT_BYTES: [f64; 8] = exponential(1024.0, 2.0);

/// Bounds that grow by a factor, multiplied step by step as upstream does: its roundings show in the labels.
const fn exponential<const N: usize>(start: f64, factor: f64) -> [f64; N] {
    let mut bounds = [start; N];
    let mut at = 1;
    while at < N {
        bounds[at] = bounds[at - 1] * factor;
        at += 1;
    }
    bounds
}
