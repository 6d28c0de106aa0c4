//! Real kubectl against the stream servers: version 1.36 speaks WebSocket, 1.27 speaks SPDY.
//!
//! A stand-in for an API server knows one Pod; exec runs a local process, port-forward dials this host.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kubernel_streams::Error;
use kubernel_streams::port_forward::{self, PodDialer, PodNetwork};
use kubernel_streams::remote_command::{self, BoxReader, BoxWriter, ExecTarget, Exit, Process, StreamOptions};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

struct LocalProcess(Vec<String>);

impl ExecTarget for LocalProcess {
    fn start(self: Box<Self>, options: StreamOptions) -> BoxFuture<'static, Result<Process, Error>> {
        async move {
            let pipe = |wanted| if wanted { Stdio::piped() } else { Stdio::null() };
            let mut child = Command::new(&self.0[0])
                .args(&self.0[1..])
                .stdin(pipe(options.stdin))
                .stdout(pipe(options.stdout))
                .stderr(pipe(options.stderr))
                .kill_on_drop(true)
                .spawn()?;
            Ok(Process {
                stdin: child.stdin.take().map(|s| Box::new(s) as BoxWriter),
                stdout: child.stdout.take().map(|s| Box::new(s) as BoxReader),
                stderr: child.stderr.take().map(|s| Box::new(s) as BoxReader),
                resize: None,
                exit: async move {
                    match child.wait().await.unwrap().code() {
                        Some(0) => Exit::Success,
                        code => Exit::Code { code: code.unwrap_or(137), message: format!("it ended: {code:?}") },
                    }
                }
                .boxed(),
            })
        }
        .boxed()
    }
}

fn documents(path: &str) -> Value {
    match path {
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}),
        "/api/v1" => json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": [
            {"name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "verbs": ["get"], "shortNames": ["po"]},
        ]}),
        _ => json!({
            "kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "default"},
            "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]},
            "status": {"phase": "Running"},
        }),
    }
}

async fn handle(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    Ok(match path.rsplit('/').next() {
        Some("exec") => {
            let command = query.split('&').filter_map(|pair| pair.strip_prefix("command="));
            let command = command.map(decode).collect();
            remote_command::serve(request, StreamOptions::from_query(&query), Box::new(LocalProcess(command)))
        }
        Some("portforward") => {
            let dialer = PodDialer { network: PodNetwork::Host, name: "pod p, uid u".into() };
            port_forward::serve(request, Arc::new(dialer))
        }
        _ => {
            let mut response = Response::new(Full::from(documents(&path).to_string()));
            response.headers_mut().insert("content-type", "application/json".parse().unwrap());
            response
        }
    })
}

/// Undoes the encoding of a query.
fn decode(word: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

async fn api() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(handle))
                .with_upgrades();
            tokio::spawn(connection);
        }
    });
    url
}

fn kubectl(level: &str, url: &str, args: &[&str]) -> Command {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools");
    let tools = std::env::var("KUBERNEL_TOOLS").unwrap_or(default.into());
    let mut command = Command::new(PathBuf::from(tools).join(level).join("kubectl/kubectl"));
    let home = std::env::temp_dir().join(format!("kubernel-streams-{level}-{}", std::process::id()));
    command.args(["-s", url]).args(args).env("HOME", home).env_remove("KUBECONFIG").kill_on_drop(true);
    command
}

async fn run(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("kubectl is there (e2e/prerequisites.sh fetches it)");
    let mut stdin = child.stdin.take().unwrap();
    let feed = async {
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let both = async { tokio::join!(feed, child.wait_with_output()).1.unwrap() };
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("kubectl ends")
}

async fn exec_works(level: &str) {
    let url = api().await;
    let sh = |script| ["exec", "p", "--", "sh", "-c", script];
    let output = run(kubectl(level, &url, &sh("echo out; echo err >&2; exit 3")), b"").await;
    assert_eq!((&output.stdout[..], output.status.code()), (&b"out\n"[..], Some(3)), "{output:?}");
    assert!(output.stderr.starts_with(b"err\n"), "{output:?}");

    let input: Vec<u8> = (0..5_000_000u32).map(|n| (n / 3) as u8).collect();
    let output = run(kubectl(level, &url, &["exec", "-i", "p", "--", "cat"]), &input).await;
    assert!(output.stdout == input, "{} of {} bytes came back", output.stdout.len(), input.len());
    assert!(output.status.success());

    let output = run(kubectl(level, &url, &["exec", "p", "--", "/does/not/exist"]), b"").await;
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("No such file"), "{output:?}");
}

async fn port_forward_works(level: &str) {
    let url = api().await;
    let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = echo.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = echo.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    let mut command = kubectl(level, &url, &["port-forward", "pod/p", &format!(":{port}"), ":1"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut local = Vec::new();
    while local.len() < 2 {
        let line = lines.next_line().await.unwrap().expect("kubectl says where it listens");
        // "Forwarding from 127.0.0.1:34567 -> 8080", and the same for IPv6
        if let Some(rest) = line.strip_prefix("Forwarding from 127.0.0.1:") {
            local.push(rest.split(' ').next().unwrap().parse::<u16>().unwrap());
        }
    }
    let (good, bad) = (local[0], local[1]);
    let transfer = |n: usize| async move {
        let mut stream = TcpStream::connect(("127.0.0.1", good)).await.unwrap();
        let data = vec![n as u8; 1_000_000];
        let (mut read, mut write) = stream.split();
        let mut back = Vec::new();
        let send = async {
            write.write_all(&data).await.unwrap();
            write.shutdown().await.unwrap();
        };
        let receive = async { while back.len() < data.len() && read.read_buf(&mut back).await.unwrap() > 0 {} };
        tokio::join!(send, receive);
        assert!(back == data, "{} bytes came back", back.len());
    };
    let all = futures::future::join_all((0..8).map(transfer));
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("eight connections at once");

    let mut stream = TcpStream::connect(("127.0.0.1", bad)).await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut [0])).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "a port that nobody serves closes the connection");
    child.kill().await.unwrap();
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
    assert!(errors.contains("error forwarding port 1 to pod p, uid u"), "{errors}");
}

macro_rules! with_kubectl {
    ($($name:ident: $work:ident($level:literal);)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "needs the clients of e2e/prerequisites.sh"]
        async fn $name() {
            $work($level).await;
        }
    )*};
}

with_kubectl! {
    exec_over_websocket: exec_works("v36");
    exec_over_spdy: exec_works("v27");
    port_forward_over_websocket: port_forward_works("v36");
    port_forward_over_spdy: port_forward_works("v27");
}
