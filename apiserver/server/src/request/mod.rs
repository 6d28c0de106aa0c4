//! What a request is about.
