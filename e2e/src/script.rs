//! Scripts with clients that others wrote.

use std::process::{Child, Command, Stdio};

use crate::{Output, tools};

/// The scripts that drive them.
pub const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");

/// Python with the frameworks, as somebody who is not root: their executors become that user.
pub fn python(arguments: &[&str]) -> Command {
    let path = format!("{}:{}", tools().join("frameworks/bin").display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--", "timeout", "240"])
        .arg(tools().join("frameworks/bin/python"))
        .args(arguments)
        .env("HOME", "/tmp")
        .env("USER", "nobody")
        .env("PATH", path)
        .env("DPARK_CONF", format!("{SCRIPTS}/dpark.conf"))
        .current_dir("/tmp")
        .stdin(Stdio::null());
    command
}

/// What it has said when it has ended.
pub fn finish(child: Child) -> Output {
    let output = child.wait_with_output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Starts it; what it says is kept.
pub fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}
