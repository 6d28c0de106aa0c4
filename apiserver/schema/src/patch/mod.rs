//! The three patch formats that rewrite a whole object: JSON patch, JSON merge patch, strategic merge patch.
//!
//! Each takes the stored tree and the body of the request and gives the patched tree, which must then take the way of
//! any request body (decoding, defaulting, validation). Errors are the exact answers of upstream. Server-side apply is
//! in [`crate::apply`]. Pure.

pub mod json;
pub mod merge;
pub mod strategic;

mod body;
mod element_order;
mod nulls;
mod typed;
