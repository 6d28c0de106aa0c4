//! A small HTTP/1.1 server, one thread per connection, one request per connection.
//!
//! | path | answer |
//! |---|---|
//! | `/` | host name, `VERSION` and `MESSAGE` of the environment |
//! | `/echo` | the request as it arrived |
//! | `/env` | the environment |
//! | `/healthz` | 200, or 500 after `/fail` (until `/recover`) |
//! | `/exit?code=N` | answers, then ends the process with that code |

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Larger requests are refused.
const REQUEST_BYTES_MAX: u64 = 1 << 20;
/// A silent client is dropped after this long.
const IDLE_SECS_MAX: u64 = 30;

static HEALTHY: AtomicBool = AtomicBool::new(true);

/// Serves on all addresses until the process ends.
pub(crate) fn run(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("serving on port {port}");
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || {
            let _ = handle(&stream);
        });
    }
    Ok(())
}

struct Request {
    target: String,
    /// Request line, headers and body as received.
    raw: Vec<u8>,
}

fn handle(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(IDLE_SECS_MAX)))?;
    let request = read_request(&mut BufReader::new(stream.take(REQUEST_BYTES_MAX)))?;
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let (status, body) = answer(path, &request);
    println!("{} {status}", request.target);
    let mut out = stream;
    write!(
        out,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    out.write_all(&body)?;
    out.flush()?;
    if path == "/exit" {
        let code = query.strip_prefix("code=").and_then(|c| c.parse().ok()).unwrap_or(0);
        std::process::exit(code);
    }
    Ok(())
}

fn answer(path: &str, request: &Request) -> (&'static str, Vec<u8>) {
    let ok = "200 OK";
    match path {
        "/" => (ok, greeting().into_bytes()),
        "/echo" => (ok, request.raw.clone()),
        "/env" => (ok, crate::environment().into_bytes()),
        "/healthz" if HEALTHY.load(Ordering::SeqCst) => (ok, b"ok\n".to_vec()),
        "/healthz" => ("500 Internal Server Error", b"failing as asked\n".to_vec()),
        "/fail" | "/recover" => {
            HEALTHY.store(path == "/recover", Ordering::SeqCst);
            (ok, b"done\n".to_vec())
        }
        "/exit" => (ok, b"exiting\n".to_vec()),
        _ => ("404 Not Found", b"not found\n".to_vec()),
    }
}

fn greeting() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    format!("{} {}: {}\n", host.trim(), var("VERSION"), var("MESSAGE"))
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Request> {
    let mut raw = Vec::new();
    let mut target = String::new();
    let mut length = 0;
    loop {
        let start = raw.len();
        if reader.read_until(b'\n', &mut raw)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&raw[start..]).trim_end().to_owned();
        if start == 0 {
            target = line.split(' ').nth(1).unwrap_or("/").to_owned();
        } else if line.is_empty() {
            break;
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
        }
    }
    reader.take(length).read_to_end(&mut raw)?;
    Ok(Request { target, raw })
}
