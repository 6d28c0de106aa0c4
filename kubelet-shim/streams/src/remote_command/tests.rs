//! Clients of every protocol version against a process that echoes its input.

use super::{BoxReader, BoxWriter, ExecTarget, Exit, Process, StreamOptions, TerminalSize, spdy, websocket};
use crate::Error;
use crate::spdy::{Connection, Headers, Side};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use futures::{FutureExt, SinkExt, StreamExt};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

/// Copies input to output until its end, writes the last terminal size to its error output, and exits with 7.
struct Echo;

impl ExecTarget for Echo {
    fn start(self: Box<Self>, options: StreamOptions) -> BoxFuture<'static, Result<Process, Error>> {
        async move {
            let (stdin, mut input) = duplex(64);
            let (mut output, stdout) = duplex(64);
            let (mut errors, stderr) = duplex(64);
            let (resize, mut sizes) = mpsc::channel::<TerminalSize>(1);
            let exit = async move {
                if options.tty {
                    let size = sizes.recv().await.unwrap();
                    output.write_all(format!("{}x{} ", size.width, size.height).as_bytes()).await.unwrap();
                }
                tokio::io::copy(&mut input, &mut output).await.unwrap();
                let _ = errors.write_all(b"bye").await;
                Exit::Code { code: 7, message: "exit 7".into() }
            };
            Ok(Process {
                stdin: options.stdin.then(|| Box::new(stdin) as BoxWriter),
                stdout: options.stdout.then(|| Box::new(stdout) as BoxReader),
                stderr: options.stderr.then(|| Box::new(stderr) as BoxReader),
                resize: options.tty.then_some(resize),
                exit: exit.boxed(),
            })
        }
        .boxed()
    }
}

/// Refuses to run.
struct Broken;

impl ExecTarget for Broken {
    fn start(self: Box<Self>, _: StreamOptions) -> BoxFuture<'static, Result<Process, Error>> {
        async { Err(Error::Closed) }.boxed()
    }
}

const ALL: StreamOptions = StreamOptions { stdin: true, stdout: true, stderr: true, tty: false };
const TERMINAL: StreamOptions = StreamOptions { stdin: true, stdout: true, stderr: false, tty: true };

/// What the client got on stdout, stderr and the error stream.
type Got = (String, String, String);

async fn over_spdy(protocol: &'static str, options: StreamOptions, target: Box<dyn ExecTarget>) -> Got {
    let (client, server) = duplex(1024);
    tokio::spawn(async move { spdy::run(server, protocol, options, target).await });
    let client = Connection::new(client, Side::Client);
    let open = async |kind| client.open(Headers::from([("streamtype", kind)])).await.unwrap();
    let mut error = open("error").await;
    let mut stdin = open("stdin").await;
    let mut stdout = open("stdout").await;
    let mut stderr = if options.stderr { Some(open("stderr").await) } else { None };
    if options.tty {
        let mut resize = open("resize").await;
        resize.write_all(b"{\"Width\":80,").await.unwrap();
        resize.write_all(b"\"Height\":24}\n").await.unwrap();
        resize.shutdown().await.unwrap();
    }
    let (mut out, mut err, mut status) = (String::new(), String::new(), String::new());
    let _ = stdin.write_all(b"hello").await;
    let _ = stdin.shutdown().await;
    stdout.read_to_string(&mut out).await.unwrap();
    if let Some(stderr) = &mut stderr {
        stderr.read_to_string(&mut err).await.unwrap();
    }
    error.read_to_string(&mut status).await.unwrap();
    client.close().await;
    (out, err, status)
}

async fn over_websocket(protocol: &'static str, options: StreamOptions, target: Box<dyn ExecTarget>) -> Got {
    let (client, server) = duplex(1024);
    tokio::spawn(async move { websocket::run(server, protocol, options, target).await });
    let mut socket = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    let base64 = protocol.contains("base64");
    let message = |channel: u8, data: &[u8]| match base64 {
        true => Message::text(format!("{channel}{}", STANDARD.encode(data))),
        false => Message::binary([&[channel], data].concat()),
    };
    if options.tty {
        socket.send(message(4, b"{\"Width\":80,\"Height\":24}")).await.unwrap();
    }
    socket.send(message(0, b"hello")).await.unwrap();
    if protocol.starts_with("v5") {
        socket.send(Message::binary(vec![255, 0])).await.unwrap();
    }
    let mut got: [Vec<u8>; 5] = Default::default();
    let mut first = None;
    while let Some(Ok(message)) = socket.next().await {
        let (channel, data) = match message {
            Message::Binary(data) if !base64 => (data[0], data[1..].to_vec()),
            Message::Text(text) if base64 => {
                (text.as_bytes()[0] - b'0', STANDARD.decode(&text.as_bytes()[1..]).unwrap())
            }
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.unwrap().code), 1000);
                break;
            }
            other => panic!("{other:?}"),
        };
        first.get_or_insert((channel, data.len()));
        got[usize::from(channel)].extend(data);
        // Before version 5 only the client's going ends the input.
        if !protocol.starts_with("v5") && got[1].ends_with(b"hello") {
            break;
        }
    }
    assert_eq!(first, Some((1, 0)), "the first message is empty and says that we are connected");
    let text = |n: usize| String::from_utf8(got[n].clone()).unwrap();
    (text(1), text(2), text(3))
}

#[tokio::test]
async fn every_spdy_version_carries_all_streams() {
    for (protocol, json) in
        [("v4.channel.k8s.io", true), ("v3.channel.k8s.io", false), ("v2.channel.k8s.io", false), ("", false)]
    {
        let (out, err, status) = over_spdy(protocol, ALL, Box::new(Echo)).await;
        assert_eq!((out.as_str(), err.as_str()), ("hello", "bye"), "{protocol}");
        assert_eq!(status.contains("\"ExitCode\""), json, "{protocol}: {status}");
        assert!(status.contains("exit 7"), "{protocol}: {status}");
    }
}

#[tokio::test]
async fn every_websocket_version_carries_its_streams() {
    let (out, err, status) = over_websocket("v5.channel.k8s.io", ALL, Box::new(Echo)).await;
    assert_eq!((out.as_str(), err.as_str()), ("hello", "bye"));
    assert!(status.contains("\"ExitCode\""), "{status}");
    for protocol in ["v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io", ""] {
        let (out, _, _) = over_websocket(protocol, ALL, Box::new(Echo)).await;
        assert_eq!(out, "hello", "{protocol}");
    }
}

#[tokio::test]
async fn terminals_learn_their_size() {
    assert_eq!(over_spdy("v4.channel.k8s.io", TERMINAL, Box::new(Echo)).await.0, "80x24 hello");
    assert_eq!(over_websocket("v5.channel.k8s.io", TERMINAL, Box::new(Echo)).await.0, "80x24 hello");
}

#[tokio::test]
async fn what_cannot_start_says_so_on_the_error_stream() {
    let expected = "error executing command in container: connection closed";
    assert!(over_spdy("v4.channel.k8s.io", ALL, Box::new(Broken)).await.2.contains(expected));
    assert!(over_websocket("v5.channel.k8s.io", ALL, Box::new(Broken)).await.2.contains(expected));
}

/// Ends with code 7 and an output that fails instead of ending.
struct Torn;

impl ExecTarget for Torn {
    fn start(self: Box<Self>, _: StreamOptions) -> BoxFuture<'static, Result<Process, Error>> {
        let failing = tokio_util::io::StreamReader::new(futures::stream::iter([
            Ok(bytes::Bytes::from_static(b"partial")),
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)),
        ]));
        let exit = async { Exit::Code { code: 7, message: "exit 7".into() } }.boxed();
        let stdout = Some(Box::new(failing) as BoxReader);
        async { Ok(Process { stdin: None, stdout, stderr: None, resize: None, exit }) }.boxed()
    }
}

#[tokio::test]
async fn an_output_that_breaks_does_not_hide_the_exit_status() {
    let (out, _, status) = over_websocket("v5.channel.k8s.io", ALL, Box::new(Torn)).await;
    assert_eq!(out, "partial");
    assert!(status.contains("\"ExitCode\""), "{status}");
    let (out, _, status) = over_spdy("v4.channel.k8s.io", ALL, Box::new(Torn)).await;
    assert_eq!(out, "partial");
    assert!(status.contains("\"ExitCode\""), "{status}");
}

/// Tells when it is dropped, and runs for ever.
struct Endless {
    _alive: mpsc::Sender<()>,
}

impl ExecTarget for Endless {
    fn start(self: Box<Self>, _: StreamOptions) -> BoxFuture<'static, Result<Process, Error>> {
        let exit = async move {
            let _self = self;
            std::future::pending().await
        };
        async { Ok(Process { stdin: None, stdout: None, stderr: None, resize: None, exit: exit.boxed() }) }.boxed()
    }
}

#[tokio::test]
async fn a_client_that_goes_away_detaches_the_process() {
    let options = StreamOptions { stdout: true, ..Default::default() };
    let (alive, mut gone) = mpsc::channel(1);
    let (client, server) = duplex(1024);
    tokio::spawn(async move {
        websocket::run(server, "v5.channel.k8s.io", options, Box::new(Endless { _alive: alive })).await
    });
    let mut socket = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    socket.next().await.unwrap().unwrap();
    drop(socket);
    assert_eq!(gone.recv().await, None);

    let (alive, mut gone) = mpsc::channel(1);
    let (client, server) = duplex(1024);
    tokio::spawn(
        async move { spdy::run(server, "v4.channel.k8s.io", options, Box::new(Endless { _alive: alive })).await },
    );
    let client = Connection::new(client, Side::Client);
    let _error = client.open(Headers::from([("streamtype", "error")])).await.unwrap();
    let _stdout = client.open(Headers::from([("streamtype", "stdout")])).await.unwrap();
    client.close().await;
    assert_eq!(gone.recv().await, None);
}

#[test]
fn options_are_read_from_both_spellings() {
    let check = |query: &str, expected| assert_eq!(StreamOptions::from_query(query), expected, "{query}");
    check("command=a&stdin=true&stdout=true&stderr=true&tty=true", TERMINAL);
    check("input=1&output=1&error=1&tty=0", ALL);
    check("stdin=false&output=0&x", StreamOptions::default());
}

/// What a client puts into messages: something on a channel, or anything at all.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (prop::sample::select(vec![0_u8, 0, 0, 1, 4, 9]), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(channel, data)| [&[channel], &data[..]].concat()),
        prop::collection::vec(any::<u8>(), 0..4).prop_filter("closes no input", |data| data.first() != Some(&255)),
        Just(vec![255, 4]),
        Just(vec![255]),
    ]
}

/// Sends these to a process that echoes them, then ends the input; gives what came back on its output.
async fn echoed(messages: Vec<Vec<u8>>) -> Vec<u8> {
    let (client, server) = duplex(1 << 20);
    let session = tokio::spawn(async move { websocket::run(server, "v5.channel.k8s.io", ALL, Box::new(Echo)).await });
    let mut socket = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    for message in messages.into_iter().chain([vec![255, 0]]) {
        socket.send(Message::binary(message)).await.unwrap();
    }
    let mut output = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Binary(data) = message
            && data[0] == 1
        {
            output.extend_from_slice(&data[1..]);
        }
    }
    session.await.unwrap().unwrap();
    output
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn a_message_reads_as_it_was_written(channel in 0_u8..80, data in prop::collection::vec(any::<u8>(), 0..200), base64: bool) {
        let message = websocket::encode(channel, &data, base64);
        prop_assert_eq!(message.is_text(), base64);
        prop_assert_eq!(websocket::decode(message, base64).unwrap(), [&[channel], &data[..]].concat());
    }

    #[test]
    fn any_message_reads_as_something(data in prop::collection::vec(any::<u8>(), 0..60), text in any::<String>(), base64: bool) {
        for message in [Message::binary(data.clone()), Message::text(text), Message::Ping(data.into())] {
            prop_assert!(websocket::decode(message, base64).is_some());
        }
        prop_assert!(websocket::decode(Message::Close(None), base64).is_none());
    }

    #[test]
    fn only_the_input_reaches_the_process(messages in prop::collection::vec(message(), 0..12)) {
        let sent = messages.iter().filter(|message| message.first() == Some(&0)).flat_map(|message| message[1..].to_vec());
        let sent: Vec<u8> = sent.collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        prop_assert_eq!(runtime.block_on(echoed(messages)), sent);
    }
}
