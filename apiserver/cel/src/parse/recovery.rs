//! What happens at a token that does not fit: ANTLR's default error strategy.

use crate::parse::token::{Kind, Set, Token};
use crate::source::{Reports, Source};

/// The tokens, where we are, and whether we look for something that fits.
pub(super) struct Stream<'a, 'b> {
    pub(super) source: &'a Source<'a>,
    pub(super) reports: &'b mut Reports,
    tokens: Vec<Token>,
    at: usize,
    recovering: bool,
    /// Where the last recovery stopped: a second one there passes over a token, so that there is an end.
    recovered_at: Option<usize>,
}

/// A rule of the grammar fails; what called it goes on behind what was skipped.
pub(super) struct Mismatch;

impl<'a, 'b> Stream<'a, 'b> {
    pub(super) fn new(source: &'a Source<'a>, tokens: Vec<Token>, reports: &'b mut Reports) -> Stream<'a, 'b> {
        Stream { source, reports, tokens, at: 0, recovering: false, recovered_at: None }
    }

    pub(super) fn token(&self) -> Token {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, count: usize) -> Token {
        self.tokens[(self.at + count).min(self.tokens.len() - 1)]
    }

    pub(super) fn kind(&self) -> Kind {
        self.token().kind
    }

    /// Takes the token.
    pub(super) fn take(&mut self) -> Token {
        let token = self.token();
        self.at += 1;
        self.recovering = false;
        token
    }

    /// Takes the token if it is of a kind.
    pub(super) fn take_if(&mut self, kind: Kind) -> Option<Token> {
        (self.kind() == kind).then(|| self.take())
    }

    pub(super) fn text(&self, token: Token) -> String {
        match token.kind {
            Kind::End => "<EOF>".to_owned(),
            _ => self.source.chars[token.start..token.end].iter().collect(),
        }
    }

    /// Before a part that can start with any of these: passes over one token too many.
    pub(super) fn sync(&mut self, expected: Set) -> Result<(), Mismatch> {
        if self.recovering || expected.has(self.kind()) {
            return Ok(());
        }
        if expected.has(self.ahead(1).kind) {
            self.extraneous(expected);
            return Ok(());
        }
        self.mismatched(expected);
        Err(Mismatch)
    }

    /// Takes a token of a kind, passing over one token too many, or pretending that it was there if what follows it
    /// could stand here.
    pub(super) fn expect(&mut self, kind: Kind, follow: Set) -> Result<Token, Mismatch> {
        if let Some(token) = self.take_if(kind) {
            return Ok(token);
        }
        let expected = Set::of(&[kind]);
        if self.ahead(1).kind == kind && self.kind() != Kind::End {
            self.extraneous(expected);
            return Ok(self.take());
        }
        let token = self.token();
        if follow.has(token.kind) {
            let text = displayed(&self.text(token));
            self.complain(format!("Syntax error: missing {expected} at '{text}'"));
            return Ok(token);
        }
        self.mismatched(expected);
        Err(Mismatch)
    }

    /// No alternative of the grammar goes on from these tokens.
    pub(super) fn no_alternative(&mut self, from: Token, at: Token) {
        if self.recovering {
            return;
        }
        let end = if at.kind == Kind::End { self.ahead_of_end() } else { at.end };
        // Spaces between tokens are not part of them.
        let text: String = self
            .tokens
            .iter()
            .filter(|token| token.start >= from.start && token.end <= end && token.kind != Kind::End)
            .map(|token| self.source.chars[token.start..token.end].iter().collect::<String>())
            .collect();
        self.reports.report(
            self.source,
            at.start,
            format!("Syntax error: no viable alternative at input '{}'", displayed(&text)),
        );
        self.recovering = true;
    }

    pub(super) fn mismatched(&mut self, expected: Set) {
        let text = displayed(&self.text(self.token()));
        self.complain(format!("Syntax error: mismatched input '{text}' expecting {expected}"));
    }

    /// Skips tokens until one fits.
    pub(super) fn recover(&mut self, until: Set) {
        if self.recovered_at == Some(self.at) && self.kind() != Kind::End {
            self.at += 1;
        }
        while self.kind() != Kind::End && !until.has(self.kind()) {
            self.at += 1;
        }
        self.recovered_at = Some(self.at);
        self.recovering = true;
    }

    fn extraneous(&mut self, expected: Set) {
        let text = displayed(&self.text(self.token()));
        self.complain(format!("Syntax error: extraneous input '{text}' expecting {expected}"));
        self.at += 1;
        self.recovering = false;
    }

    fn complain(&mut self, message: String) {
        if !self.recovering {
            self.reports.report(self.source, self.token().start, message);
        }
        self.recovering = true;
    }

    fn ahead_of_end(&self) -> usize {
        self.source.chars.len()
    }
}

/// How messages show text that has line ends.
fn displayed(text: &str) -> String {
    text.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
}
