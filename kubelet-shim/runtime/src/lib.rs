//! Containers through CRI, and a fake runtime that ships as the hollow node.
