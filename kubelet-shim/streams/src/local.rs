//! Exec in a process of the node itself: a command is run here, with pipes or a terminal of ours.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::Error;
use crate::remote_command::{BoxReader, BoxWriter, ExecTarget, Exit, Process, StreamOptions, TerminalSize};

/// A command of the node; it ends with the session.
#[derive(Clone, Debug)]
pub struct LocalCommand {
    /// The program and its arguments.
    pub words: Vec<OsString>,
}

impl ExecTarget for LocalCommand {
    fn start(self: Box<Self>, options: StreamOptions) -> BoxFuture<'static, Result<Process, Error>> {
        async move { if options.tty { with_terminal(&self.words) } else { with_pipes(&self.words, options) } }.boxed()
    }
}

fn command(words: &[OsString]) -> Result<Command, Error> {
    let (program, arguments) = words.split_first().ok_or(Error::Protocol("no command"))?;
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    Ok(command)
}

fn with_pipes(words: &[OsString], options: StreamOptions) -> Result<Process, Error> {
    let wish = |wanted: bool| if wanted { Stdio::piped() } else { Stdio::null() };
    let mut child =
        command(words)?.stdin(wish(options.stdin)).stdout(wish(options.stdout)).stderr(wish(options.stderr)).spawn()?;
    Ok(Process {
        stdin: child.stdin.take().map(|to| Box::new(to) as BoxWriter),
        stdout: child.stdout.take().map(|from| Box::new(from) as BoxReader),
        stderr: child.stderr.take().map(|from| Box::new(from) as BoxReader),
        resize: None,
        exit: end(child).boxed(),
    })
}

fn with_terminal(words: &[OsString]) -> Result<Process, Error> {
    let (ours, theirs) = terminal()?;
    let child = command(words)?.stdin(theirs.try_clone()?).stdout(theirs.try_clone()?).stderr(theirs).spawn()?;
    let (from, to) = (ours.try_clone()?, ours.try_clone()?);
    Ok(Process {
        stdin: Some(Box::new(pipe::Sender::from_owned_fd_unchecked(to)?)),
        stdout: Some(Box::new(pipe::Receiver::from_owned_fd_unchecked(from)?)),
        stderr: None,
        resize: Some(sizes(ours)),
        exit: end(child).boxed(),
    })
}

/// A new terminal: our end, which never blocks, and the command's.
fn terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    let ours = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    rustix::pty::grantpt(&ours)?;
    rustix::pty::unlockpt(&ours)?;
    let name = rustix::pty::ptsname(&ours, Vec::new())?;
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let theirs = rustix::fs::open(name.as_c_str(), flags, rustix::fs::Mode::empty())?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
}

fn sizes(terminal: OwnedFd) -> mpsc::Sender<TerminalSize> {
    let (sender, mut sizes) = mpsc::channel::<TerminalSize>(1);
    tokio::spawn(async move {
        while let Some(size) = sizes.recv().await {
            let size = Winsize { ws_col: size.width, ws_row: size.height, ws_xpixel: 0, ws_ypixel: 0 };
            // A terminal that is gone has no size.
            let _ = rustix::termios::tcsetwinsize(&terminal, size);
        }
    });
    sender
}

async fn end(mut child: Child) -> Exit {
    match child.wait().await {
        Ok(status) => exit(status),
        Err(error) => Exit::Failed { message: error.to_string() },
    }
}

fn exit(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    if code == 0 {
        return Exit::Success;
    }
    Exit::Code { code, message: format!("command terminated with non-zero exit code: exit code {code}") }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn run(script: &str, tty: bool, input: &str) -> (Exit, String) {
        let words = ["/bin/sh", "-c", script].map(OsString::from).to_vec();
        let options = StreamOptions { stdin: true, stdout: true, stderr: !tty, tty };
        let mut process = Box::new(LocalCommand { words }).start(options).await.unwrap();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        stdin.shutdown().await.unwrap();
        // A pipe to a process is closed when nobody holds it any more.
        drop(stdin);
        let mut output = Vec::new();
        let mut stdout = process.stdout.take().unwrap();
        // A terminal whose command is gone breaks instead of ending.
        let (exit, _) = tokio::join!(process.exit, stdout.read_to_end(&mut output));
        (exit, String::from_utf8(output).unwrap())
    }

    #[tokio::test]
    async fn pipes_and_terminals() {
        assert_eq!(run("cat", false, "hello").await, (Exit::Success, "hello".into()));
        let (exit, _) = run("exit 3", false, "").await;
        assert!(matches!(exit, Exit::Code { code: 3, .. }), "{exit:?}");
        let (exit, output) = run("test -t 0 && test -t 1 && read x && echo got $x", true, "word\n").await;
        assert_eq!(exit, Exit::Success);
        assert!(output.contains("got word"), "{output}");
    }
}
