//! The text of an expression: lines, places, and the messages that point at them.

use std::fmt::Write;

use crate::error::{Issue, Issues};

/// How many issues are told; of more, only how many there are.
const ISSUES_MAX: usize = 100;

/// The text of an expression.
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    pub(crate) chars: Vec<char>,
}

/// Issues on their way to the user.
#[derive(Default)]
pub(crate) struct Reports {
    issues: Vec<Issue>,
    without_place: Vec<String>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str) -> Source<'a> {
        Source { text, chars: text.chars().collect() }
    }

    /// The line (from 1) and column (from 0) of a place.
    fn location(&self, offset: usize) -> (usize, usize) {
        let before = &self.chars[..offset.min(self.chars.len())];
        let line = before.iter().filter(|next| **next == '\n').count();
        let column = before.iter().rev().take_while(|next| **next != '\n').count();
        (line + 1, column)
    }
}

impl Reports {
    /// A complaint about a place.
    pub(crate) fn report(&mut self, source: &Source<'_>, offset: usize, message: impl Into<String>) {
        let (line, column) = source.location(offset);
        self.issues.push(Issue { line, column, message: message.into() });
    }

    /// A complaint about the whole.
    pub(crate) fn report_whole(&mut self, message: impl Into<String>) {
        self.without_place.push(message.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.issues.is_empty() && self.without_place.is_empty()
    }

    /// All issues as one error, if there are any.
    pub(crate) fn into_result(mut self, source: &Source<'_>) -> Result<(), Issues> {
        if self.is_empty() {
            return Ok(());
        }
        self.issues.sort_by_key(|issue| (issue.line, issue.column));
        let mut lines: Vec<String> =
            self.without_place.iter().map(|message| format!("ERROR: <input>:-1:0: {message}")).collect();
        lines.extend(self.issues.iter().map(|issue| show(source, issue)));
        let more = lines.len().saturating_sub(ISSUES_MAX);
        lines.truncate(ISSUES_MAX);
        if more > 0 {
            lines.push(format!("{more} more errors were truncated"));
        }
        let whole = self.without_place.into_iter().map(|message| Issue { line: 0, column: 0, message });
        Err(Issues::new(whole.chain(self.issues).collect(), lines.join("\n")))
    }
}

/// The message, the line that it is about, and a caret under the place. Where a character is wider than a byte, the
/// dots and the caret are wide too.
fn show(source: &Source<'_>, issue: &Issue) -> String {
    let mut text = format!("ERROR: <input>:{}:{}: {}", issue.line, issue.column + 1, issue.message);
    if let Some(line) = source.text.split('\n').nth(issue.line - 1) {
        let line = line.replace('\t', " ");
        let dots: String =
            line.chars().take(issue.column).map(|next| if next.is_ascii() { '.' } else { '．' }).collect();
        let caret = if line.chars().nth(issue.column).is_none_or(|next| next.is_ascii()) { '^' } else { '＾' };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n | {line}\n | {dots}{caret}");
    }
    text
}
