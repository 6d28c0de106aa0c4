//! Looks at schemas when a definition is written.
