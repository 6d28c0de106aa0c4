//! The API server: router, negotiation, identity, admission, verbs, discovery.
