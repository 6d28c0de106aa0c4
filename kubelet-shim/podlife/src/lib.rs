//! The life of a Pod as a state machine: observations in, actions and status out (pure).
