//! Processes under measurement, and what Linux knows about them.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::client::Target;

const READY_WAIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(1);
/// What Linux counts CPU time in, on every machine that Debian runs on.
const TICKS_PER_SEC: f64 = 100.0;

/// A child that ends with this value, and with this process however that ends.
pub struct Process {
    child: Child,
}

/// A control plane.
pub struct Server {
    /// Its process.
    pub process: Process,
    folder: PathBuf,
}

impl Process {
    /// Starts a program whose output goes to a file.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(binary: &Path, arguments: &[&str], log: &Path) -> Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(binary)
            .args(arguments)
            .env("KUBERNEL_LOG", std::env::var("KUBERNEL_LOG").unwrap_or_else(|_| "warn".into()))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child })
    }

    /// The memory it holds, in bytes.
    ///
    /// # Errors
    /// It has ended.
    pub fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("the process has ended")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// The CPU time it has used so far, in seconds.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu_secs(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may hold anything, user and system time are the 12th and 13th.
        let fields: Vec<&str> = stat.rsplit_once(')').ok_or("no name")?.1.split_whitespace().collect();
        let ticks = |index: usize| -> Result<f64> { Ok(fields.get(index).ok_or("too short")?.parse()?) };
        Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SEC)
    }

    /// How many files it has open.
    ///
    /// # Errors
    /// It has ended.
    pub fn files(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// How many threads it has.
    ///
    /// # Errors
    /// It has ended.
    pub fn threads(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/task", self.child.id()))?.count())
    }

    /// Has it do nothing until [`Process::go_on`].
    ///
    /// # Errors
    /// It has ended.
    pub fn hold(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Has it go on.
    ///
    /// # Errors
    /// It has ended.
    pub fn go_on(&self) -> Result<()> {
        self.signal("-CONT")
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Errors
    /// It has ended already, or does not end well.
    pub fn stop(mut self) -> Result<()> {
        self.signal("-TERM")?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("it stopped with {status}").into()) }
    }

    fn signal(&self, which: &str) -> Result<()> {
        let status = Command::new("kill").args([which, &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { Err(format!("kill {which}: {status}").into()) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either fails where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts `kubernel server` on a data folder, at a free port.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(binary: &Path, folder: &Path, arguments: &[&str]) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let data = folder.to_str().ok_or("a folder whose name is not UTF-8")?;
        let mut all = vec!["server", "--data-dir", data, "--listen", &listen];
        all.extend(arguments);
        // The address may change from start to start: the old file would lead astray.
        let _ = fs::remove_file(folder.join("admin.kubeconfig"));
        let process = Process::start(binary, &all, &folder.join("bench.log"))?;
        Ok(Self { process, folder: folder.to_path_buf() })
    }

    /// Waits until `/readyz` is ok.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn ready(&self) -> Result<Target> {
        let deadline = Instant::now() + READY_WAIT;
        let attempt = async || -> Result<Target> {
            let target = Target::read(&self.kubeconfig())?;
            target.connect().await?.get("/readyz").await?;
            Ok(target)
        };
        loop {
            match attempt().await {
                Ok(target) => return Ok(target),
                Err(error) if Instant::now() > deadline => {
                    let log = fs::read_to_string(self.folder.join("bench.log")).unwrap_or_default();
                    return Err(format!("the server is not ready: {error}\n{log}").into());
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// The administrator's.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }
}
