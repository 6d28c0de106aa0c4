//! The server's end of a SPDY connection: whatever arrives, it comes to an end with the bytes.

#![no_main]

use kubernel_streams::spdy::{Connection, Side};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

const PIPE_BYTES: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let (io, mut peer) = duplex(PIPE_BYTES);
        let mut server = Connection::new(io, Side::Server);
        let accept = tokio::spawn(async move {
            while let Some(mut stream) = server.accept().await {
                let _ = stream.read(&mut [0; 64]).await;
            }
        });
        let _ = peer.write_all(bytes).await;
        let _ = peer.shutdown().await;
        let _ = peer.read_to_end(&mut Vec::new()).await;
        assert!(accept.await.is_ok());
    });
});
