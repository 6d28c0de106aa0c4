//! Being process 1 of a container: the kernel delivers it only signals it handles, and orphans become its children.

use rustix::process::{WaitOptions, wait};
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::process::ExitCode;

/// Ends the process with code 0 at the first SIGTERM or SIGINT, from a thread of its own.
pub(crate) fn exit_on_signal() {
    if let Ok(mut signals) = Signals::new([SIGTERM, SIGINT]) {
        std::thread::spawn(move || {
            if signals.forever().next().is_some() {
                std::process::exit(0);
            }
        });
    }
}

/// Holds a sandbox's namespaces: reaps orphans (Pods may share one process namespace) until told to stop.
pub(crate) fn pause() -> ExitCode {
    let Ok(mut signals) = Signals::new([SIGTERM, SIGINT, SIGCHLD]) else {
        eprintln!("sample: cannot handle signals");
        return ExitCode::FAILURE;
    };
    for signal in signals.forever() {
        if signal != SIGCHLD {
            break;
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
    ExitCode::SUCCESS
}
