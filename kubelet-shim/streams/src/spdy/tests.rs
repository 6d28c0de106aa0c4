//! Both ends of a connection in one process, and hostile peers.

use super::{Connection, Headers, Side};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

fn pair() -> (Connection, Connection) {
    let (client, server) = duplex(64 * 1024);
    (Connection::new(client, Side::Client), Connection::new(server, Side::Server))
}

#[tokio::test]
async fn streams_carry_headers_data_and_half_close() {
    let (client, mut server) = pair();
    let echo = tokio::spawn(async move {
        let mut stream = server.accept().await.unwrap();
        assert_eq!(stream.headers().get("streamtype"), Some("data"));
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        all.reverse();
        stream.write_all(&all).await.unwrap();
        stream.shutdown().await.unwrap();
        server.close().await;
    });
    let mut stream = client.open(Headers::from([("streamType", "data")])).await.unwrap();
    let sent: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
    stream.write_all(&sent).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).await.unwrap();
    back.reverse();
    assert!(back == sent);
    client.close().await;
    echo.await.unwrap();
}

#[tokio::test]
async fn finished_streams_make_room_for_new_ones() {
    let (client, mut server) = pair();
    tokio::spawn(async move {
        while let Some(mut stream) = server.accept().await {
            stream.shutdown().await.unwrap();
        }
    });
    for _ in 0..1000 {
        let mut stream = client.open(Headers::default()).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn dropping_a_stream_resets_it_and_reads_as_its_end() {
    let (client, mut server) = pair();
    let mut stream = client.open(Headers::default()).await.unwrap();
    drop(server.accept().await.unwrap());
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert!(stream.write_all(b"x").await.is_err());
}

#[tokio::test]
async fn a_lost_connection_is_an_error_and_not_an_end() {
    let (client_io, mut server_io) = duplex(1024);
    let client = Connection::new(client_io, Side::Client);
    let opening = tokio::spawn(async move { client.open(Headers::default()).await.map(drop) });
    server_io.read_u64().await.unwrap();
    drop(server_io);
    assert!(opening.await.unwrap().is_err());

    let (client, mut server) = pair();
    let mut stream = client.open(Headers::default()).await.unwrap();
    let other = server.accept().await.unwrap();
    server.close().await;
    drop(other);
    assert!(stream.read(&mut [0]).await.is_err());
}

#[tokio::test]
async fn a_slow_reader_holds_its_writer_and_nothing_is_lost() {
    let (client, mut server) = pair();
    let mut stream = client.open(Headers::default()).await.unwrap();
    let mut slow = server.accept().await.unwrap();
    let writer = tokio::spawn(async move {
        stream.write_all(&[7; 8_000_000]).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    // The writer cannot finish before somebody reads: what waits is bounded far below what it sends.
    slow.read_exact(&mut [0; 1]).await.unwrap();
    assert!(!writer.is_finished());
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len(), 7_999_999);
    writer.await.unwrap();
}

async fn hostile(bytes: &[u8]) -> Vec<u8> {
    let (io, mut peer): (DuplexStream, DuplexStream) = duplex(1 << 20);
    let mut server = Connection::new(io, Side::Server);
    let accept = tokio::spawn(async move {
        while let Some(mut stream) = server.accept().await {
            let _ = stream.read(&mut [0; 64]).await;
        }
    });
    peer.write_all(bytes).await.unwrap();
    peer.shutdown().await.unwrap();
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    accept.await.unwrap();
    answer
}

#[tokio::test]
async fn pings_are_answered_and_wrong_stream_ids_reset() {
    let check = async |request: &[u8], expected: &[u8]| {
        let (io, mut peer) = duplex(1024);
        let _server = Connection::new(io, Side::Server);
        peer.write_all(request).await.unwrap();
        let mut answer = vec![0; expected.len()];
        peer.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, expected);
    };
    check(&[0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1], &[0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]).await;
    // Stream 2 belongs to the server.
    let mut request = vec![0x80, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0];
    request.extend(super::headers::Deflater::new().unwrap().block(&Headers::default()).unwrap());
    request[7] = request.len() as u8 - 8;
    check(&request, &[0x80, 3, 0, 3, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 1]).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn garbage_ends_the_connection_without_a_hang(frames in prop::collection::vec((0u8..10, 0u8..4, prop::collection::vec(any::<u8>(), 0..40)), 0..20)) {
        let mut bytes = Vec::new();
        for (kind, flags, payload) in frames {
            let first = if kind == 0 { [0, 0, 0, 1] } else { [0x80, 3, 0, kind] };
            bytes.extend(first);
            bytes.extend([flags, 0, 0, payload.len() as u8]);
            bytes.extend(payload);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(hostile(&bytes));
    }
}
