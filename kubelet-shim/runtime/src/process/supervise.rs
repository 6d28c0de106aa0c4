//! The supervisor: one small process per container that holds the container's own and knows how it ended.
//!
//! It is the same binary, called as `kubernel supervise run FOLDER`, in a session of its own, so that neither an end
//! of the node's agent nor its restart reaches it or what it holds. Everything below it comes to it when its parent
//! ends; when the container's own process is over, it ends whatever is left and writes down how that one ended.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::thread;

use rustix::process::{Pid, Signal, WaitOptions};
use serde::{Deserialize, Serialize};

use super::enter::{self, Entry};
use super::output::{self, Log};
use super::record::{self, ABANDONED, ENDED, Ended, STARTED, Started, WORK};
use super::tree::{self, Process};

/// The subcommand of the binary that leads here.
pub const SUBCOMMAND: &str = "supervise";
/// What the caller reads once the container runs. Anything else says why it does not.
pub(super) const RUNS: &str = "runs\n";
/// The code of a command that could not be run, as shells have it.
const NOT_RUN: u8 = 127;

/// What a supervisor is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) entry: Entry,
    /// Where the plain output goes.
    pub(super) stdout: PathBuf,
    pub(super) stderr: PathBuf,
    /// Where the log goes.
    pub(super) log: PathBuf,
}

/// The words after `supervise`: `run FOLDER` or `enter FILE`.
pub fn main(mut words: impl Iterator<Item = OsString>) -> ExitCode {
    match (words.next().as_deref().and_then(|word| word.to_str()), words.next()) {
        (Some("run"), Some(dir)) => match run(Path::new(&dir)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // Whoever called waits for a word.
                let _ = write!(io::stdout(), "{error}");
                ExitCode::FAILURE
            }
        },
        (Some("enter"), Some(file)) => {
            enter::run(Path::new(&file));
            ExitCode::from(NOT_RUN)
        }
        _ => ExitCode::from(2),
    }
}

/// How this binary is called with a part of this module to do.
pub(super) fn command(part: &str, file: &Path) -> Vec<OsString> {
    vec!["/proc/self/exe".into(), SUBCOMMAND.into(), part.into(), file.into()]
}

fn run(dir: &Path) -> Result<(), String> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| format!("{what}: {error}")
    };
    let work: Work = record::read(&dir.join(WORK)).ok_or("the supervisor found no work")?;
    let entry = dir.join("entry.json");
    record::write(&entry, &work.entry).map_err(|error| error.to_string())?;
    rustix::process::setsid().map_err(|error| format!("a session of its own: {error}"))?;
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own)).map_err(|error| format!("children of children: {error}"))?;
    let log = Arc::new(Log::open(&work.log).map_err(failed("the log"))?);
    let stdout = output::append(&work.stdout).map_err(failed("stdout"))?;
    let stderr = output::append(&work.stderr).map_err(failed("stderr"))?;
    let (from_out, to_out) = io::pipe().map_err(failed("a pipe"))?;
    let (from_err, to_err) = io::pipe().map_err(failed("a pipe"))?;
    let (mut from_report, to_report) = io::pipe().map_err(failed("a pipe"))?;
    let words = command("enter", &entry);
    let child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(to_report)
        .stdout(to_out)
        .stderr(to_err)
        .spawn()
        .map_err(failed("the process"))?;
    let mut report = String::new();
    from_report.read_to_string(&mut report).map_err(failed("the process"))?;
    if !report.is_empty() {
        return Err(report);
    }
    let pid = i32::try_from(child.id()).map_err(|error| error.to_string())?;
    // A process that is over stays to be seen until it is waited for, so both are there.
    let (Some(supervisor), Some(main)) = (Process::of(own.as_raw_nonzero().get()), Process::of(pid)) else {
        return Err("/proc does not show processes".into());
    };
    let started = Started { supervisor, main, at: record::now() };
    record::write(&dir.join(STARTED), &started).map_err(|error| error.to_string())?;
    if dir.join(ABANDONED).exists() {
        tree::signal(pid, Signal::KILL);
    }
    let mut answer = io::stdout();
    // Nobody may be there any more: what was started goes on.
    let _ = answer.write_all(RUNS.as_bytes()).and_then(|()| answer.flush());
    let copies = [
        thread::spawn({
            let log = log.clone();
            move || output::copy(from_out, "stdout", stdout, &log)
        }),
        thread::spawn(move || output::copy(from_err, "stderr", stderr, &log)),
    ];
    let wait_status = wait_for(main.pid)?;
    let at = record::now();
    end_all(supervisor.pid);
    for copy in copies {
        let _ = copy.join();
    }
    record::write(&dir.join(ENDED), &Ended { wait_status, at, error: String::new() }).map_err(|error| error.to_string())
}

/// Waits for the process, and for all that come to us in the meantime.
fn wait_for(main: i32) -> Result<i32, String> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if Some(pid) == Pid::from_raw(main) => return Ok(status.as_raw()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(format!("waiting for the process: {error}")),
        }
    }
}

/// Ends everything below us; who loses its parent by that comes to us and is next.
fn end_all(own: i32) {
    loop {
        for pid in tree::below(own) {
            tree::signal(pid, Signal::KILL);
        }
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
