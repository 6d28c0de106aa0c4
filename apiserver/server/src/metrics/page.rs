//! The pages themselves.

use axum::body::Body;
use http::{HeaderValue, Response, header};
use kubernel_metrics::{Format, Page, Source as _, process};

use super::{flow, state};
use crate::compress;
use crate::context::Context;

/// `/metrics`.
pub(crate) async fn serve(context: &Context) -> Response<Body> {
    let format = format(context);
    let mut page = Page::new(format);
    state::write(context, &mut page).await;
    let server = &context.server;
    server.metrics().write(&mut page);
    server.counted().write(&mut page);
    server.flow().look(|table| flow::write(table, &mut page));
    process::write(&mut page);
    answer(context, format, page)
}

/// `/metrics/slis`: whether the server is well.
pub(crate) fn slis(context: &Context) -> Response<Body> {
    let format = format(context);
    let mut page = Page::new(format);
    context.server.metrics().health.write(&mut page);
    answer(context, format, page)
}

fn format(context: &Context) -> Format {
    let accept = context.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    Format::accepted(accept.unwrap_or_default())
}

fn answer(context: &Context, format: Format, page: Page) -> Response<Body> {
    let mut response = Response::new(Body::from(page.finish()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    // Text that repeats itself like this is compressed whatever its size.
    compress::where_wanted(&context.headers, u64::MAX, response)
}
