//! Unified diffs of texts, with three lines of context and no file names.

/// Lines around a change that show as well.
const CONTEXT: usize = 3;
/// Above this many pairs of changed lines nothing is compared line by line.
const PAIRS_MAX: usize = 4_000_000;

/// A line of the diff, with where it stands in either text.
struct Line<'a> {
    mark: char,
    text: &'a str,
    old: usize,
    new: usize,
}

/// The hunks that make `new` of `old`; empty for equal texts.
pub(super) fn unified(old: &str, new: &str) -> String {
    let lines = compare(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let changed: Vec<usize> = lines.iter().enumerate().filter(|(_, line)| line.mark != ' ').map(|(at, _)| at).collect();
    let mut out = String::new();
    let mut rest = changed.as_slice();
    while let Some(first) = rest.first() {
        let mut last = *first;
        let mut count = 0;
        for at in rest {
            if *at > last + 2 * CONTEXT + 1 {
                break;
            }
            last = *at;
            count += 1;
        }
        rest = &rest[count..];
        let range = first.saturating_sub(CONTEXT)..(last + CONTEXT + 1).min(lines.len());
        write_hunk(&lines[range], &mut out);
    }
    out
}

fn write_hunk(lines: &[Line<'_>], out: &mut String) {
    let count = |skipped: char| lines.iter().filter(|line| line.mark != skipped).count();
    let Some(first) = lines.first() else { return };
    let old = range(first.old, count('+'));
    let new = range(first.new, count('-'));
    out.push_str(&format!("@@ -{old} +{new} @@\n"));
    for line in lines {
        out.push(line.mark);
        out.push_str(line.text);
        out.push('\n');
    }
}

fn range(start: usize, count: usize) -> String {
    match count {
        1 => (start + 1).to_string(),
        0 => format!("{start},0"),
        _ => format!("{},{count}", start + 1),
    }
}

fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let head = old.iter().zip(new).take_while(|(left, right)| left == right).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(left, right)| left == right).count();
    let (old_middle, new_middle) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);
    let mut out = Vec::with_capacity(old.len().max(new.len()));
    let mut at = (0, 0);
    let mut push = |mark: char, text: &'a str| {
        out.push(Line { mark, text, old: at.0, new: at.1 });
        at = (at.0 + usize::from(mark != '+'), at.1 + usize::from(mark != '-'));
    };
    old[..head].iter().for_each(|line| push(' ', line));
    for (mark, line) in middle(old_middle, new_middle) {
        push(mark, line);
    }
    old[old.len() - tail..].iter().for_each(|line| push(' ', line));
    out
}

/// The changed part by its longest common subsequence; deletions come before insertions.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    if old.len().saturating_mul(new.len()) > PAIRS_MAX {
        let gone = old.iter().map(|line| ('-', *line));
        return gone.chain(new.iter().map(|line| ('+', *line))).collect();
    }
    let width = new.len() + 1;
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i * width + j] = if old[i] == new[j] {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            out.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) {
            out.push(('-', old[i]));
            i += 1;
        } else {
            out.push(('+', new[j]));
            j += 1;
        }
    }
    out
}
