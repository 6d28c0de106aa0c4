//! The kinds of the `batch` group.

pub mod cron_job;
mod cron_job_rules;
mod failure_policy;
mod indexes;
pub mod job;
mod job_rules;
mod job_status;
mod schedule;
