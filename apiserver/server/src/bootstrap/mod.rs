//! What a new cluster starts with: namespaces, roles, bindings, priority classes.
