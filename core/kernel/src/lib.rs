//! The resource kernel: agents, roles, frameworks, offers, tasks, fairness (pure).
