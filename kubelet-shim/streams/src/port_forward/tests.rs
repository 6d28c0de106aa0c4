//! The old WebSocket form, and pairs of SPDY streams that do not fit.

use super::{PodDialer, PodNetwork, PortTarget, spdy, websocket};
use crate::spdy::{Connection, Headers, Side};
use futures::{SinkExt, StreamExt};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpListener;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

fn host() -> Arc<dyn PortTarget> {
    Arc::new(PodDialer { network: PodNetwork::Host, name: "pod p".into() })
}

/// A server that answers what it gets with "got " before it.
async fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = [0; 5];
            stream.read_exact(&mut text).await.unwrap();
            stream.write_all(&[b"got ", &text[..]].concat()).await.unwrap();
        }
    });
    port
}

#[tokio::test]
async fn the_old_websocket_form_numbers_its_ports() {
    let (good, bad) = (server().await, 1);
    let (client, io) = duplex(1024);
    tokio::spawn(
        async move { websocket::run(crate::websocket::accept(io).await, false, vec![good, bad], host()).await },
    );
    let mut socket = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    socket.send(Message::binary([&[0], &b"hello"[..]].concat())).await.unwrap();
    let mut got: [Vec<u8>; 4] = Default::default();
    while let Some(Ok(Message::Binary(message))) = socket.next().await {
        got[usize::from(message[0])].extend(&message[1..]);
    }
    assert_eq!(got[0], [&good.to_le_bytes(), &b"got hello"[..]].concat());
    assert_eq!(got[1], good.to_le_bytes());
    assert_eq!(got[2], bad.to_le_bytes());
    let error = String::from_utf8(got[3][2..].to_vec()).unwrap();
    assert!(error.starts_with("error forwarding port 1 to pod p: "), "{error}");
}

#[tokio::test]
async fn streams_without_a_usable_port_are_reset_and_others_go_on() {
    let port = server().await.to_string();
    let (client, io) = duplex(1024);
    tokio::spawn(spdy::run(io, host()));
    let client = Connection::new(client, Side::Client);
    for headers in [
        Headers::from([("streamtype", "data")]),
        Headers::from([("streamtype", "data"), ("port", "0")]),
        Headers::from([("streamtype", "data"), ("port", "eighty")]),
        Headers::from([("streamtype", "other"), ("port", &port)]),
    ] {
        let mut stream = client.open(headers).await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }
    // Without request ids, as the first clients did.
    let mut error = client.open(Headers::from([("streamtype", "error"), ("port", &port)])).await.unwrap();
    let mut data = client.open(Headers::from([("streamtype", "data"), ("port", &port)])).await.unwrap();
    data.write_all(b"hello").await.unwrap();
    let mut text = String::new();
    data.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "got hello");
    data.shutdown().await.unwrap();
    text.clear();
    error.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "");
}
