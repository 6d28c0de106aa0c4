//! `/debug/api_priority_and_fairness/`: the state of levels and queues, as text for people.

use std::sync::atomic::Ordering;

use super::place::Refused;
use super::table::Table;

/// The narrowest a column is.
const COLUMN_CHARS_MIN: usize = 8;

/// A page by its name.
pub(super) fn page(table: &Table, name: &str) -> Option<String> {
    match name {
        "dump_priority_levels" => Some(aligned(&levels(table))),
        "dump_queues" => Some(aligned(&queues(table))),
        _ => None,
    }
}

fn levels(table: &Table) -> Vec<Vec<String>> {
    let mut rows = vec![titles(&[
        "PriorityLevelName",
        "ActiveQueues",
        "IsIdle",
        "IsQuiescing",
        "WaitingRequests",
        "ExecutingRequests",
        "DispatchedRequests",
        "RejectedRequests",
        "TimedoutRequests",
        "CancelledRequests",
    ])];
    for (level, _, line) in table.levels() {
        let of_level = table.schemas().filter(|(schema, _)| schema.level == level.name);
        let (mut dispatched, mut rejected, mut timed_out) = (0, 0, 0);
        for (_, counts) in of_level {
            dispatched += counts.dispatched.load(Ordering::Relaxed);
            timed_out += counts.rejected[Refused::TimeOut as usize].load(Ordering::Relaxed);
            rejected += counts.rejected.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>();
        }
        let (active, waiting, executing) = line.look(|set| (set.active_queues(), set.waiting(), set.executing()));
        rows.push(vec![
            level.name.clone(),
            active.to_string(),
            (waiting + executing == 0).to_string(),
            "false".to_owned(),
            waiting.to_string(),
            executing.to_string(),
            dispatched.to_string(),
            (rejected - timed_out).to_string(),
            timed_out.to_string(),
            "0".to_owned(),
        ]);
    }
    rows
}

fn queues(table: &Table) -> Vec<Vec<String>> {
    let mut rows = vec![titles(&[
        "PriorityLevelName",
        "Index",
        "PendingRequests",
        "ExecutingRequests",
        "SeatsInUse",
        "NextDispatchR",
    ])];
    for (level, _, line) in table.levels() {
        line.look(|set| {
            for (index, (waiting, executing, seats, next_r)) in set.queues().enumerate() {
                rows.push(vec![
                    level.name.clone(),
                    index.to_string(),
                    waiting.to_string(),
                    executing.to_string(),
                    seats.to_string(),
                    format!("{next_r:.8}ss"),
                ]);
            }
        });
    }
    rows
}

fn titles(titles: &[&str]) -> Vec<String> {
    titles.iter().map(|title| (*title).to_owned()).collect()
}

/// Rows of cells, each but the last with a comma, in columns.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].len() + 2).max().unwrap_or(0).max(COLUMN_CHARS_MIN);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            if at + 1 == row.len() {
                out.push_str(cell);
            } else {
                out.push_str(&format!("{:<1$}", format!("{cell},"), widths[at]));
            }
        }
        out.push('\n');
    }
    out
}
