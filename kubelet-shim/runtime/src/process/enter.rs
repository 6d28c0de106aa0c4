//! The last steps before a command: a process becomes what the command is to be, then the command itself.
//!
//! `kubernel supervise enter FILE` runs it in a process of its own that has one thread, because what it changes
//! (user, session, control group) belongs to one.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use rustix::thread::{Gid, Uid};
use serde::{Deserialize, Serialize};

/// Where commands are looked for when nobody says.
pub(super) const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A user of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
}

/// What a process is to become.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The command and its arguments.
    pub(super) words: Vec<String>,
    /// Its whole environment.
    pub(super) env: Vec<(String, String)>,
    pub(super) dir: PathBuf,
    /// `None`: whoever we are.
    pub(super) user: Option<User>,
    /// Files that take processes into a control group.
    pub(super) groups: Vec<PathBuf>,
    pub(super) oom_score_adj: i64,
    /// Standard input is where a failure is told; the command gets none. Else the command keeps it.
    pub(super) reports: bool,
    /// Standard input is a terminal, to be the command's own.
    pub(super) terminal: bool,
}

/// Becomes the command. Returns only if that failed, with the reason told already.
pub(super) fn run(file: &Path) {
    let entry = fs::read(file).and_then(|bytes| Ok(serde_json::from_slice::<Entry>(&bytes)?));
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return;
        }
    };
    // The command is not to have it: only this copy, which closes by itself, is kept.
    let report = entry.reports.then(|| io::stdin().as_fd().try_clone_to_owned().map(fs::File::from));
    if !entry.reports {
        // Written for this one process.
        let _ = fs::remove_file(file);
    }
    let error = become_it(&entry);
    match report {
        Some(Ok(mut report)) => drop(report.write_all(error.as_bytes())),
        _ => eprintln!("{error}"),
    }
}

fn become_it(entry: &Entry) -> String {
    match prepare(entry) {
        Err(error) => error,
        Ok(mut command) => format!("exec {:?}: {}", entry.words.first(), command.exec()),
    }
}

fn prepare(entry: &Entry) -> Result<Command, String> {
    for file in &entry.groups {
        fs::write(file, "0").map_err(|error| format!("{}: {error}", file.display()))?;
    }
    // Only root may ask to be spared; that it is refused elsewhere changes nothing else.
    let _ = fs::write("/proc/self/oom_score_adj", entry.oom_score_adj.to_string());
    rustix::process::setsid().map_err(|error| format!("a session of its own: {error}"))?;
    if entry.terminal {
        rustix::process::ioctl_tiocsctty(io::stdin()).map_err(|error| format!("the terminal: {error}"))?;
    }
    // Before the user changes: the folder is theirs, those above it need not be open to them.
    std::env::set_current_dir(&entry.dir).map_err(|error| format!("{}: {error}", entry.dir.display()))?;
    if let Some(user) = &entry.user {
        switch(user).map_err(|error| format!("user {}: {error}", user.uid))?;
    }
    if entry.reports {
        // Whoever watches over it is gone: nobody would know of its end.
        let with_parent = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
        with_parent.map_err(|error| format!("the parent's end: {error}"))?;
    }
    let name = entry.words.first().ok_or("no command specified")?;
    let mut command = Command::new(find(name, &entry.env)?);
    command.arg0(name).args(&entry.words[1..]).env_clear().envs(entry.env.iter().map(|(key, value)| (key, value)));
    if entry.reports {
        command.stdin(Stdio::null());
    }
    Ok(command)
}

fn switch(user: &User) -> rustix::io::Result<()> {
    let same = rustix::process::geteuid().as_raw() == user.uid && rustix::process::getegid().as_raw() == user.gid;
    if same {
        return Ok(());
    }
    let groups: Vec<Gid> = user.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    rustix::thread::set_thread_groups(&groups)?;
    let gid = Gid::from_raw(user.gid);
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    let uid = Uid::from_raw(user.uid);
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}

/// A command by its name, on the path of its own environment.
fn find(name: &str, env: &[(String, String)]) -> Result<PathBuf, String> {
    if name.contains('/') {
        return Ok(name.into());
    }
    let path = env.iter().rev().find(|(key, _)| key == "PATH").map_or(PATH_DEFAULT, |(_, value)| value);
    let executable = |file: &PathBuf| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let mut places = path.split(':').map(|dir| Path::new(if dir.is_empty() { "." } else { dir }).join(name));
    places.find(executable).ok_or_else(|| format!("exec: {name:?}: executable file not found in $PATH"))
}
