//! The streams of nested containers: records of Mesos' `ProcessIO` in HTTP bodies, or files of a sandbox.

use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use futures::StreamExt as _;
use kubernel_mesos_proto::agent::call::{self, AttachContainerInput, AttachContainerInputType};
use kubernel_mesos_proto::agent::{
    Call, ProcessIo, ProcessIoControlType, ProcessIoData, ProcessIoDataType, ProcessIoType,
};
use kubernel_mesos_proto::recordio::Decoder;
use kubernel_mesos_proto::{Message as _, agent};
use kubernel_streams::remote_command::{BoxReader, TerminalSize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::Container;
use crate::Executors;
use crate::http::{Form, JSON, Refusal, bad};

/// Records of output that wait for a slow reader.
pub(super) const RECORDS_MAX: usize = 16;
/// The most output in one record.
const CHUNK_BYTES: usize = 16 << 10;
/// The longest record of input.
const RECORD_BYTES_MAX: usize = 4 << 20;

/// Makes records of what a process says.
pub(super) async fn pump(
    stdout: Option<BoxReader>,
    stderr: Option<BoxReader>,
    form: Form,
    records: mpsc::Sender<Bytes>,
) {
    let one = |from: Option<BoxReader>, kind: ProcessIoDataType| {
        let records = records.clone();
        async move {
            let Some(mut from) = from else { return };
            let mut chunk = vec![0; CHUNK_BYTES];
            // A terminal whose process is gone breaks instead of ending.
            while let Ok(length @ 1..) = from.read(&mut chunk).await {
                let data = ProcessIoData { r#type: Some(kind), data: Some(chunk[..length].to_vec()) };
                let said = ProcessIo { r#type: Some(ProcessIoType::Data), data: Some(data), ..ProcessIo::default() };
                if records.send(form.record(&said)).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::join!(one(stdout, ProcessIoDataType::Stdout), one(stderr, ProcessIoDataType::Stderr));
}

/// Writes what a process says into the files `stdout` and `stderr` of a folder.
pub(super) async fn write(stdout: Option<BoxReader>, stderr: Option<BoxReader>, folder: PathBuf) {
    let one = async |from: Option<BoxReader>, name: &str| {
        let Some(mut from) = from else { return };
        if let Err(error) = copy(&mut from, &folder, name).await {
            tracing::warn!(folder = %folder.display(), name, %error, "output of a nested container is lost");
        }
    };
    tokio::join!(one(stdout, "stdout"), one(stderr, "stderr"));
}

async fn copy(from: &mut BoxReader, folder: &Path, name: &str) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let mut file = tokio::fs::File::create(folder.join(name)).await?;
    tokio::io::copy(from, &mut file).await?;
    file.flush().await
}

/// `ATTACH_CONTAINER_INPUT`: a body of records that lasts as long as somebody types. The first says which container.
pub(crate) async fn attach_input(executors: &Executors, request: Request) -> Result<(), Refusal> {
    let (head, body) = request.into_parts();
    let kind = head.headers.get("Message-Content-Type").and_then(|value| value.to_str().ok());
    let kind = kind.ok_or_else(|| bad("Expecting 'Message-Content-Type' to be present"))?;
    let form = Form::of(kind).ok_or_else(|| {
        let text = format!("Expecting 'Message-Content-Type' of {JSON} or application/x-protobuf");
        Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
    })?;
    let mut records = Records { body: body.into_data_stream(), decoder: Decoder::new(RECORD_BYTES_MAX), form };
    let first = records.next().await?.ok_or_else(|| bad("Received EOF while reading request body"))?;
    let id = match first {
        AttachContainerInput {
            r#type: Some(AttachContainerInputType::ContainerId), container_id: Some(id), ..
        } => id,
        _ => {
            let text = "Expecting 'attach_container_input.container_id' to be present";
            return Err(bad(format!("Failed to validate agent::Call: {text}")));
        }
    };
    super::calls::authorize(executors, head.headers.get(header::AUTHORIZATION), &id).await?;
    let container = executors.inner.nested.find(&id)?;
    if container.ended.borrow().is_some() {
        return Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, "the container has ended".to_owned()));
    }
    while let Some(record) = records.next().await? {
        let Some(said) = record.process_io else { continue };
        take(&container, said).await?;
    }
    Ok(())
}

/// Gives a process what is said to it. Empty data are the end of its input.
async fn take(container: &Container, said: ProcessIo) -> Result<(), Refusal> {
    let control = said.control.filter(|control| control.r#type == Some(ProcessIoControlType::TtyInfo));
    let size = control.and_then(|control| control.tty_info?.window_size);
    if let (Some(size), Some(resize)) = (size, &container.resize) {
        let side = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
        // A process that has ended has no terminal.
        let _ = resize.send(TerminalSize { width: side(size.columns), height: side(size.rows) }).await;
    }
    let Some(data) = said.data.filter(|data| data.r#type == Some(ProcessIoDataType::Stdin)) else { return Ok(()) };
    let mut input = container.input.lock().await;
    let Some(to) = input.as_mut() else { return Ok(()) };
    let bytes = data.data.unwrap_or_default();
    if bytes.is_empty() {
        // Whatever cannot be said any more is over already.
        let _ = to.shutdown().await;
        *input = None;
        return Ok(());
    }
    to.write_all(&bytes).await.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    to.flush().await.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// The calls in a body.
struct Records {
    body: axum::body::BodyDataStream,
    decoder: Decoder,
    form: Form,
}

impl Records {
    async fn next(&mut self) -> Result<Option<AttachContainerInput>, Refusal> {
        loop {
            let record = self.decoder.record().map_err(|error| bad(format!("Failed to decode: {error}")))?;
            if let Some(record) = record {
                let call: Call = match self.form {
                    Form::Json => agent::Call::from_json(&record),
                    Form::Protobuf => agent::Call::decode(&record),
                }
                .map_err(|error| bad(format!("Failed to parse body into Call: {error}")))?;
                let is_input = call.r#type == Some(call::Type::AttachContainerInput);
                let input = call.attach_container_input.filter(|_| is_input);
                let missing = "Failed to validate agent::Call: Expecting 'attach_container_input' to be present";
                return input.map(Some).ok_or_else(|| bad(missing));
            }
            match self.body.next().await {
                Some(Ok(piece)) => self.decoder.push(&piece),
                // Whoever goes without a word types no more.
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }
}

/// Output as an answer.
pub(super) fn body(records: mpsc::Receiver<Bytes>) -> Body {
    let records = tokio_stream::wrappers::ReceiverStream::new(records);
    Body::from_stream(records.map(Ok::<_, std::convert::Infallible>))
}
