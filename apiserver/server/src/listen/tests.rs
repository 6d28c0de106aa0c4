//! Clients that take their time, that flood, and that leave, over pipes and in virtual time.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::{Request, Response, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Broken, Door, Endless, LastOfConnection};
use super::limits::Limits;
use crate::pki::{Pki, ServingNames};

const PIPE_BYTES: usize = 64 * 1024;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Answers `/` with a word, `/echo` with its body, `/slow` after an hour, `/endless` never to its end, `/nobody` with
/// the last answer of a connection.
fn router() -> Router {
    Router::new().fallback(|request: Request<Body>| async move {
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/slow" => tokio::time::sleep(Duration::from_secs(3600)).await,
            "/echo" => return Response::new(Body::from(request.into_body().collect().await.unwrap().to_bytes())),
            "/endless" => {
                let mut response = Response::new(Body::from_stream(stream::pending::<Result<Bytes, axum::Error>>()));
                response.extensions_mut().insert(Endless);
                return response;
            }
            "/nobody" => {
                let mut response = Response::new(Body::from("who?"));
                if request.version() == Version::HTTP_2 {
                    response.extensions_mut().insert(LastOfConnection);
                }
                return response;
            }
            _ => {}
        }
        Response::new(Body::from("here"))
    })
}

fn door() -> (Arc<Door>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let names =
        ServingNames { hosts: Vec::new(), addresses: Vec::new(), service_cidr: "10.96.0.0/24".parse().unwrap() };
    let pki = Pki::open(folder.path(), &names).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(pki.server_config().unwrap()));
    let limits = Limits::default();
    let (leaving, stop, busy) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
    (Arc::new(Door { acceptor, router: router(), pki: None, limits, leaving, stop, busy }), folder)
}

/// A connection after its handshake, and how the server says that it ended.
fn speak(is_http2: bool) -> (DuplexStream, JoinHandle<Result<(), Broken>>, CancellationToken) {
    let (door, _folder) = door();
    let (client, server) = duplex(PIPE_BYTES);
    let stop = door.stop.clone();
    let ended = tokio::spawn(async move { door.speak(server, is_http2, |_| {}).await });
    (client, ended, stop)
}

/// Sends pieces of an HTTP/1.1 conversation, with seconds of silence after each; gives what came back, and after how
/// many seconds the server had closed the connection.
async fn converse(pieces: &[(&str, u64)]) -> (String, u64) {
    let begin = Instant::now();
    let (client, ended, _stop) = speak(false);
    let (mut answers, mut requests) = tokio::io::split(client);
    let reader = tokio::spawn(async move {
        let mut text = Vec::new();
        let _ = answers.read_to_end(&mut text).await;
        String::from_utf8(text).unwrap()
    });
    for (piece, silence_secs) in pieces {
        let _ = requests.write_all(piece.as_bytes()).await;
        tokio::time::sleep(Duration::from_secs(*silence_secs)).await;
    }
    let _ = ended.await.unwrap();
    let took = begin.elapsed().as_secs();
    (reader.await.unwrap(), took)
}

#[tokio::test(start_paused = true)]
async fn slow_clients_of_http_1() {
    type Row<'a> = (&'a str, &'a [(&'a str, u64)], usize, u64);
    const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    // What is sent, how many answers come, and when the connection is closed.
    let rows: &[Row<'_>] = &[
        ("nothing is ever sent", &[], 0, 90),
        ("a head that never ends", &[("GET / HT", 0)], 0, 32),
        ("a head a byte at a time", &[("G", 10), ("E", 10), ("T", 10), (" ", 10), ("/", 10)], 0, 50),
        ("a head that comes late", &[("", 80), (GET, 0)], 1, 170),
        ("a head that comes in two pieces", &[("GET / HTTP/1.1\r\n", 30), ("host: a\r\n\r\n", 0)], 1, 120),
        ("silence after an answer", &[(GET, 0)], 1, 90),
        ("a second request, and silence", &[(GET, 89), (GET, 0)], 2, 179),
        ("a second head that never ends", &[(GET, 10), ("GET", 0)], 1, 42),
        ("a request that takes an hour", &[("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n", 0)], 1, 3690),
        (
            "a slow body",
            &[("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n", 40), ("ab", 40), ("cd", 0)],
            1,
            170,
        ),
    ];
    for (what, pieces, answers, secs) in rows {
        let (text, took) = converse(pieces).await;
        assert_eq!(text.matches("200 OK").count(), *answers, "{what}: {text}");
        // Whether the timer of the millisecond before or after fires is nobody's business.
        assert!(took.abs_diff(*secs) <= 1, "{what}: closed after {took} s instead of {secs} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_finishes_its_handshake_is_let_go() {
    let (door, _folder) = door();
    let (mut client, server) = duplex(PIPE_BYTES);
    let begin = Instant::now();
    client.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
    assert!(matches!(door.open(server, None).await, Err(Broken::HandshakeTimeout)));
    assert_eq!(begin.elapsed().as_secs(), 10);
}

/// A client of HTTP/2 whose requests share a connection.
async fn client(io: DuplexStream) -> (http2::SendRequest<Empty<Bytes>>, JoinHandle<hyper::Result<()>>) {
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://a{path}")).body(Empty::new()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_of_http_2_is_closed_and_a_busy_one_is_not() {
    for (path, secs) in [("/", 90), ("/slow", 3600)] {
        let begin = Instant::now();
        let (io, ended, _stop) = speak(true);
        let (mut sender, closed) = client(io).await;
        let body = sender.send_request(get(path)).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "here");
        closed.await.unwrap().unwrap();
        let _ = ended.await.unwrap();
        let took = begin.elapsed().as_secs();
        // A busy one is looked at once in the time that it may be idle.
        assert!((secs..=secs + 180).contains(&took), "{path}: closed after {took} s");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_known_gets_one_answer_per_connection() {
    let (io, ended, _stop) = speak(true);
    let begin = Instant::now();
    let (mut sender, closed) = client(io).await;
    let body = sender.send_request(get("/nobody")).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "who?");
    closed.await.unwrap().unwrap();
    let _ = ended.await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_closes_what_is_idle_at_once() {
    for is_http2 in [false, true] {
        let (mut io, ended, stop) = speak(is_http2);
        let begin = Instant::now();
        if is_http2 {
            let (mut sender, closed) = client(io).await;
            sender.send_request(get("/")).await.unwrap().into_body().collect().await.unwrap();
            stop.cancel();
            closed.await.unwrap().unwrap();
        } else {
            io.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            io.read_exact(&mut [0; 8]).await.unwrap();
            stop.cancel();
            io.read_to_end(&mut Vec::new()).await.unwrap();
        }
        let _ = ended.await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_about_to_stop_sends_clients_of_http_1_elsewhere() {
    let (door, _folder) = door();
    door.leaving.cancel();
    let (mut io, server) = duplex(PIPE_BYTES);
    let served = tokio::spawn(async move { door.speak(server, false, |_| {}).await });
    io.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    io.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("here"), "{answer}");
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_waits_for_requests_and_not_for_streams() {
    for (path, secs) in [("/slow", 3600), ("/endless", 0)] {
        for is_http2 in [false, true] {
            let (door, _folder) = door();
            let begin = Instant::now();
            let (io, server) = duplex(PIPE_BYTES);
            let speaking = door.clone();
            let _served = tokio::spawn(async move { speaking.speak(server, is_http2, |_| {}).await });
            let answered = if is_http2 {
                let (mut sender, _closed) = client(io).await;
                sender.send_request(get("/")).await.unwrap();
                tokio::spawn(sender.send_request(get(path)))
            } else {
                let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await.unwrap();
                tokio::spawn(connection);
                tokio::spawn(sender.send_request(get(path)))
            };
            while door.busy.is_empty() && !answered.is_finished() {
                tokio::task::yield_now().await;
            }
            door.stop.cancel();
            door.busy.close();
            let response = answered.await.unwrap().unwrap();
            if path == "/slow" {
                assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "here");
            }
            door.busy.wait().await;
            assert_eq!(begin.elapsed().as_secs(), secs, "{path}");
        }
    }
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET http://a/endless`, in HPACK.
fn endless() -> Vec<u8> {
    [&[0x82, 0x86, 0x41, 1, b'a', 0x44, 8][..], b"/endless"].concat()
}

/// Sends this over HTTP/2, reading nothing unless `reads`; gives the reason of the server's GOAWAY, where it sent one
/// before it closed the connection.
async fn flood(bytes: Vec<u8>, reads: bool) -> Option<u32> {
    let (io, ended, _stop) = speak(true);
    let (mut answers, mut requests) = tokio::io::split(io);
    let writer = tokio::spawn(async move {
        let _ = requests.write_all(PREFACE).await;
        let _ = requests.write_all(&frame(SETTINGS, 0, 0, &[])).await;
        let _ = requests.write_all(&bytes).await;
        // Whoever floods stays; the server has to close.
        std::future::pending::<()>().await;
    });
    let mut read = Vec::new();
    if reads {
        let _ = answers.read_to_end(&mut read).await;
    }
    let _ = ended.await.unwrap();
    writer.abort();
    let _ = answers.read_to_end(&mut read).await;
    let mut reason = None;
    let mut rest = &read[..];
    while let Some((head, payload)) = rest.split_at_checked(9) {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some((payload, more)) = payload.split_at_checked(len) else { break };
        if head[3] == GOAWAY {
            reason = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        rest = more;
    }
    reason
}

#[tokio::test(start_paused = true)]
async fn floods_of_http_2_end_their_connection() {
    const ENHANCE_YOUR_CALM: u32 = 11;
    const FRAME_SIZE_ERROR: u32 = 6;
    let streams = || (0..100_000_u32).map(|n| n * 2 + 1);
    let resets: Vec<u8> = streams()
        .flat_map(|id| {
            [frame(HEADERS, END_STREAM | END_HEADERS, id, &endless()), frame(RST_STREAM, 0, id, &[0, 0, 0, 8])].concat()
        })
        .collect();
    let mut continued = frame(HEADERS, END_STREAM, 1, &endless());
    (0..100_000).for_each(|_| continued.extend(frame(CONTINUATION, 0, 1, &[0, 1, b'x', 1, b'y'])));
    // Requests that nobody takes back: more than fit are refused, and those who go on are not listened to.
    let many: Vec<u8> = streams().flat_map(|id| frame(HEADERS, END_STREAM | END_HEADERS, id, &endless())).collect();
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]).repeat(100_000);
    let pings = frame(PING, 0, 0, &[7; 8]).repeat(100_000);
    for (what, bytes, reads, reason) in [
        ("requests taken back at once", resets, true, Some(ENHANCE_YOUR_CALM)),
        ("a head of endless pieces", continued, true, Some(ENHANCE_YOUR_CALM)),
        ("requests beyond the limit", many, true, Some(ENHANCE_YOUR_CALM)),
        ("settings that nobody lets us confirm", settings, false, None),
        ("pings that nobody lets us answer", pings, false, None),
        ("no HTTP/2", b"GET / HTTP/1.1\r\n\r\n".to_vec(), true, Some(FRAME_SIZE_ERROR)),
    ] {
        assert_eq!(flood(bytes, reads).await, reason, "{what}");
    }
}
