//! The controllers: observe, plan, execute.
