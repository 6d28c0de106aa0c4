//! The program inside our sample image, and the `pause` process of every Pod sandbox.
//!
//! One static binary without dependencies at run time, so that a cluster has something to run where no
//! registry is reachable. Each subcommand is one behaviour that tests need from a container. It must stay tiny:
//! what it serves over HTTP is in `serve`; who reaps and stops it is in `process`.

mod process;
mod serve;

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str =
    "usage: sample serve [PORT] | echo [PORT] | env | fail [CODE] | sleep [SECS] [--ignore-term] | pause";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let word = |n: usize| args.get(n).map(String::as_str);
    let port = |default: u16| match word(1) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| format!("{text:?} is not a port")),
    };
    if word(0) == Some("pause") {
        return process::pause();
    }
    if !args.iter().any(|a| a == "--ignore-term") {
        process::exit_on_signal();
    }
    let outcome = match word(0) {
        Some("serve") => port(8080).and_then(|p| serve::run(p).map_err(|e| format!("cannot serve on port {p}: {e}"))),
        Some("echo") => port(7).and_then(|p| echo(p).map_err(|e| format!("cannot echo on port {p}: {e}"))),
        Some("env") => {
            print!("{}", environment());
            Ok(())
        }
        Some("fail") => {
            eprintln!("failing as asked");
            return ExitCode::from(word(1).and_then(|c| c.parse().ok()).unwrap_or(1));
        }
        Some("sleep") => {
            let secs = word(1).and_then(|s| s.parse().ok()).unwrap_or(3600);
            std::thread::sleep(Duration::from_secs(secs));
            Ok(())
        }
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("sample: {reason}");
            ExitCode::from(2)
        }
    }
}

/// The environment as sorted `NAME=value` lines.
fn environment() -> String {
    let mut lines: Vec<String> =
        std::env::vars_os().map(|(k, v)| format!("{}={}\n", k.to_string_lossy(), v.to_string_lossy())).collect();
    lines.sort();
    lines.concat()
}

/// Sends back what arrives, over TCP and UDP on the same port.
fn echo(port: u16) -> std::io::Result<()> {
    let udp = UdpSocket::bind(("0.0.0.0", port))?;
    std::thread::spawn(move || {
        let mut datagram = [0; 65536];
        while let Ok((n, from)) = udp.recv_from(&mut datagram) {
            let _ = udp.send_to(&datagram[..n], from);
        }
    });
    for stream in TcpListener::bind(("0.0.0.0", port))?.incoming() {
        let mut stream = stream?;
        std::thread::spawn(move || {
            let mut bytes = [0; 16384];
            while let Ok(n) = stream.read(&mut bytes) {
                if n == 0 || stream.write_all(&bytes[..n]).is_err() {
                    break;
                }
            }
        });
    }
    Ok(())
}
