//! Lists, maps and objects.

use crate::ast::{ExprKind, MapEntry, StructField};
use crate::parse::parser::{Parser, Stop, Tree};
use crate::parse::token::{FIRST, Kind, OPERATORS, SUFFIX, Set};

/// What an element of a list or map can start with.
const FIRST_OPTIONAL: Set = FIRST.and(Set::of(&[Kind::Question]));

impl Parser<'_, '_> {
    /// `[a, ?b]`
    pub(super) fn list(&mut self) -> Result<Tree, Stop> {
        let open = self.stream.take();
        let ends = Set::of(&[Kind::BracketClose, Kind::Comma]);
        let (mut elements, mut optional, mut depth) = (Vec::new(), Vec::new(), 0);
        if self.stream.sync(FIRST_OPTIONAL.and(ends)).is_err() {
            return Ok(self.skip_primary());
        }
        while FIRST_OPTIONAL.has(self.stream.kind()) {
            if self.stream.take_if(Kind::Question).is_some() {
                optional.push(elements.len());
            }
            let outer = self.enter(&[Kind::BracketClose, Kind::Comma]);
            let (element, element_depth) = self.expr()?;
            self.follow = outer;
            elements.push(element);
            depth = depth.max(element_depth);
            if self.stream.kind() != Kind::Comma || !FIRST_OPTIONAL.has(self.stream.ahead(1).kind) {
                break;
            }
            self.stream.take();
        }
        if !self.end(Kind::BracketClose) {
            return Ok(self.skip_primary());
        }
        Ok((self.node(open.start, ExprKind::List { elements, optional }), depth))
    }

    /// The end of a list, a map or an object: perhaps a comma, then the bracket. False if it is something else.
    fn end(&mut self, bracket: Kind) -> bool {
        let fits = self.stream.sync(Set::of(&[bracket, Kind::Comma])).is_ok();
        if fits {
            self.stream.take_if(Kind::Comma);
            self.close(bracket);
        }
        fits
    }

    fn skip_primary(&mut self) -> Tree {
        self.stream.recover(self.follow.and(OPERATORS).and(SUFFIX));
        (self.broken(), 0)
    }

    /// `{a: b, ?c: d}`
    pub(super) fn map(&mut self) -> Result<Tree, Stop> {
        let open = self.stream.take();
        let ends = Set::of(&[Kind::BraceClose, Kind::Comma]);
        let (mut entries, mut depth) = (Vec::new(), 0);
        if self.stream.sync(FIRST_OPTIONAL.and(ends)).is_err() {
            return Ok(self.skip_primary());
        }
        while FIRST_OPTIONAL.has(self.stream.kind()) {
            let optional = self.stream.take_if(Kind::Question).is_some();
            let outer = self.enter(&[Kind::BraceClose, Kind::Comma, Kind::Colon]);
            let (key, key_depth) = self.expr()?;
            self.follow = outer;
            let Ok(colon) = self.stream.expect(Kind::Colon, FIRST) else {
                self.stream.recover(self.follow.and(OPERATORS).and(SUFFIX).and(ends));
                break;
            };
            let outer = self.enter(&[Kind::BraceClose, Kind::Comma]);
            let (value, value_depth) = self.expr()?;
            self.follow = outer;
            entries.push(MapEntry { id: self.id(colon.start), key, value, optional });
            depth = depth.max(key_depth).max(value_depth);
            if self.stream.kind() != Kind::Comma || !FIRST_OPTIONAL.has(self.stream.ahead(1).kind) {
                break;
            }
            self.stream.take();
        }
        if !self.end(Kind::BraceClose) {
            return Ok(self.skip_primary());
        }
        Ok((self.node(open.start, ExprKind::Map(entries)), depth))
    }

    /// `Name{a: b, ?c: d}`, behind the name.
    pub(super) fn object(&mut self, name: String) -> Result<Tree, Stop> {
        let open = self.stream.take();
        let ends = Set::of(&[Kind::BraceClose, Kind::Comma]);
        let names = Set::of(&[Kind::Question, Kind::Identifier, Kind::EscapedIdentifier]);
        let (mut fields, mut depth) = (Vec::new(), 0);
        if self.stream.sync(names.and(ends)).is_err() {
            return Ok(self.skip_primary());
        }
        while names.has(self.stream.kind()) {
            let optional = self.stream.take_if(Kind::Question).is_some();
            let field = self.stream.token();
            if !matches!(field.kind, Kind::Identifier | Kind::EscapedIdentifier) {
                self.stream.mismatched(Set::of(&[Kind::Identifier, Kind::EscapedIdentifier]));
                return Ok(self.skip_primary());
            }
            self.stream.take();
            if field.kind == Kind::EscapedIdentifier {
                self.complain(field.start, "unsupported syntax: '`'");
            }
            let Ok(colon) = self.stream.expect(Kind::Colon, FIRST) else {
                self.stream.recover(self.follow.and(OPERATORS).and(SUFFIX).and(ends));
                break;
            };
            let outer = self.enter(&[Kind::BraceClose, Kind::Comma]);
            let (value, value_depth) = self.expr()?;
            self.follow = outer;
            let name = self.stream.text(field);
            fields.push(StructField { id: self.id(colon.start), name, value, optional });
            depth = depth.max(value_depth);
            if self.stream.kind() != Kind::Comma || !names.has(self.stream.ahead(1).kind) {
                break;
            }
            self.stream.take();
        }
        if !self.end(Kind::BraceClose) {
            return Ok(self.skip_primary());
        }
        Ok((self.node(open.start, ExprKind::Struct { name, fields }), depth))
    }
}
