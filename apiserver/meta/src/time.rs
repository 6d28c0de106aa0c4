//! Times of the wire: RFC 3339 in seconds (Time) and microseconds (MicroTime), and ages as kubectl shows them.
