//! The grammar, by recursive descent.

use crate::ast::{Call, Expr, ExprKind, Id, Literal, operators};
use crate::escape::RESERVED;
use crate::parse::literal;
use crate::parse::macros;
use crate::parse::recovery::{Mismatch, Stream};
use crate::parse::token::{FIRST, Kind, OPERATORS, SUFFIX, Set, Token};
use crate::source::{Reports, Source};

/// How deep expressions may nest, and how long a chain of selections or operators may be.
const DEPTH_MAX: usize = 250;
/// How many nodes a tree may have before a macro that doubles its target is refused.
const NODES_MAX: usize = 200_000;

/// What can stand behind a dot.
const AFTER_DOT: Set = Set::of(&[Kind::Question, Kind::Identifier, Kind::EscapedIdentifier]);

/// Parses all tokens. Where they do not fit, the reports say so, and the tree is of no use.
pub(super) fn parse(source: &Source<'_>, tokens: Vec<Token>, reports: &mut Reports) -> (Expr, Vec<usize>) {
    let mut parser = Parser {
        stream: Stream::new(source, tokens, reports),
        positions: vec![0],
        expr_depth: 0,
        follow: Set::of(&[Kind::End]),
        too_deep: None,
    };
    let expr = match parser.expr() {
        Ok((expr, _)) => {
            // What is behind the end is of no interest: only the first token of it is complained about.
            let _ = parser.stream.expect(Kind::End, Set::of(&[]));
            expr
        }
        Err(Stop) => Expr { id: 0, kind: ExprKind::Unspecified },
    };
    if let Some(message) = parser.too_deep {
        parser.stream.reports.report_whole(message);
    }
    (expr, parser.positions)
}

pub(super) struct Parser<'a, 'b> {
    pub(super) stream: Stream<'a, 'b>,
    positions: Vec<usize>,
    expr_depth: usize,
    /// What ends the expressions around this one.
    pub(super) follow: Set,
    too_deep: Option<String>,
}

/// The parse ends: the expression is too deep.
pub(super) struct Stop;

/// A tree, and how deep it is.
pub(super) type Tree = (Expr, usize);

impl Parser<'_, '_> {
    /// A new expression at a place.
    pub(super) fn node(&mut self, offset: usize, kind: ExprKind) -> Expr {
        Expr { id: self.id(offset), kind }
    }

    pub(super) fn id(&mut self, offset: usize) -> Id {
        self.positions.push(offset);
        self.positions.len() - 1
    }

    /// Whether there is room to double a part of the tree.
    pub(super) fn may_double(&mut self) -> bool {
        let may = self.positions.len() < NODES_MAX;
        if !may {
            self.too_deep = Some("max recursion depth exceeded".to_owned());
        }
        may
    }

    pub(super) fn position(&self, id: Id) -> usize {
        self.positions.get(id).copied().unwrap_or(0)
    }

    /// A complaint that is not about a token.
    pub(super) fn complain(&mut self, offset: usize, message: impl Into<String>) {
        self.stream.reports.report(self.stream.source, offset, message);
    }

    pub(super) fn broken(&mut self) -> Expr {
        let offset = self.stream.token().start;
        self.node(offset, ExprKind::Unspecified)
    }

    fn call(&mut self, offset: usize, function: &str, args: Vec<Expr>) -> Expr {
        self.node(offset, ExprKind::Call(Call { function: function.to_owned(), target: None, args }))
    }

    /// One level deeper than the deepest part.
    fn deeper(&mut self, depth: usize) -> Result<usize, Stop> {
        if depth >= DEPTH_MAX {
            self.too_deep = Some("max recursion depth exceeded".to_owned());
            return Err(Stop);
        }
        Ok(depth + 1)
    }

    /// More tokens end the expressions that follow. Gives those that ended them before.
    pub(super) fn enter(&mut self, ends: &[Kind]) -> Set {
        let outer = self.follow;
        self.follow = outer.and(Set::of(ends));
        outer
    }

    /// `or ? or : expr`
    pub(super) fn expr(&mut self) -> Result<Tree, Stop> {
        self.expr_depth += 1;
        if self.expr_depth > DEPTH_MAX {
            self.too_deep = Some(format!("expression recursion limit exceeded: {DEPTH_MAX}"));
            return Err(Stop);
        }
        let (condition, depth) = self.binary(0)?;
        let tree = match self.stream.take_if(Kind::Question) {
            None => (condition, depth),
            Some(question) => {
                let outer = self.enter(&[Kind::Colon]);
                let (yes, yes_depth) = self.binary(0)?;
                self.follow = outer;
                if self.stream.expect(Kind::Colon, FIRST).is_err() {
                    self.stream.recover(self.follow);
                    (self.broken(), depth)
                } else {
                    let (no, no_depth) = self.expr()?;
                    let call = self.call(question.start, operators::CONDITIONAL, vec![condition, yes, no]);
                    (call, depth.max(yes_depth).max(no_depth))
                }
            }
        };
        self.expr_depth -= 1;
        Ok(tree)
    }

    /// Binary operators of at least a precedence: `||`, `&&`, relations, sums, products.
    fn binary(&mut self, least: u8) -> Result<Tree, Stop> {
        let (mut left, mut depth) = self.unary()?;
        while let Some((level, function)) = binary_operator(self.stream.kind()).filter(|(level, _)| *level >= least) {
            if level < RELATION {
                (left, depth) = self.chain(left, depth, level, function)?;
                continue;
            }
            let operator = self.stream.take();
            let (right, right_depth) = self.binary(level + 1)?;
            depth = self.deeper(depth.max(right_depth))?;
            left = self.call(operator.start, function, vec![left, right]);
        }
        Ok((left, depth))
    }

    /// The rest of a chain of `||`, or of `&&`, which becomes a balanced tree.
    fn chain(&mut self, first: Expr, mut depth: usize, level: u8, function: &str) -> Result<Tree, Stop> {
        let mut terms = vec![first];
        let mut ids = Vec::new();
        while binary_operator(self.stream.kind()).is_some_and(|(next, _)| next == level) {
            let operator = self.stream.take();
            let (term, term_depth) = self.binary(level + 1)?;
            ids.push(self.id(operator.start));
            terms.push(term);
            depth = depth.max(term_depth);
        }
        Ok((balance(function, &ids, &mut terms.into_iter()), depth))
    }

    fn unary(&mut self) -> Result<Tree, Stop> {
        if self.stream.sync(FIRST).is_err() {
            return Ok(self.skip_unary());
        }
        let first = self.stream.token();
        let function = match first.kind {
            Kind::Exclamation => operators::NOT,
            Kind::Minus if !matches!(self.stream.ahead(1).kind, Kind::Int | Kind::Float) => operators::NEGATE,
            _ => return self.member(),
        };
        let mut count = 0;
        while self.stream.kind() == first.kind
            && !(first.kind == Kind::Minus && matches!(self.stream.ahead(1).kind, Kind::Int | Kind::Float))
        {
            let operator = self.stream.token();
            let next = self.stream.ahead(1);
            // A sign without an operand: what follows takes it for an operator between two.
            if first.kind == Kind::Minus && (!FIRST.has(next.kind) || next.kind == Kind::Exclamation) {
                self.stream.no_alternative(operator, next);
                return Ok(self.skip_unary());
            }
            self.stream.take();
            count += 1;
        }
        if self.stream.sync(FIRST).is_err() || self.stream.kind() == Kind::Exclamation {
            return Ok(self.skip_unary());
        }
        let (operand, next) = (self.stream.token(), self.stream.ahead(1));
        if operand.kind == Kind::Minus && !matches!(next.kind, Kind::Int | Kind::Float) {
            self.stream.no_alternative(operand, next);
            return Ok(self.skip_unary());
        }
        let (operand, depth) = self.member()?;
        if count % 2 == 0 {
            return Ok((operand, depth));
        }
        Ok((self.call(first.start, function, vec![operand]), depth))
    }

    fn skip_unary(&mut self) -> Tree {
        self.stream.recover(self.follow.and(OPERATORS));
        (self.broken(), 0)
    }

    /// A primary expression with selections, calls and indexes behind it.
    fn member(&mut self) -> Result<Tree, Stop> {
        let (mut on, mut depth) = self.primary()?;
        loop {
            let token = self.stream.token();
            match token.kind {
                Kind::Dot if !is_path(&on) && !AFTER_DOT.has(self.stream.ahead(1).kind) => {
                    self.stream.no_alternative(token, self.stream.ahead(1));
                    self.stream.take();
                    self.stream.recover(self.follow.and(OPERATORS).and(SUFFIX));
                    on = self.broken();
                }
                Kind::Dot => {
                    self.stream.take();
                    match self.after_dot(token, on, depth)? {
                        Ok(tree) => (on, depth) = tree,
                        Err(Mismatch) => {
                            self.stream.recover(self.follow.and(OPERATORS).and(SUFFIX));
                            on = self.broken();
                        }
                    }
                }
                Kind::BracketOpen => {
                    self.stream.take();
                    let optional = self.stream.take_if(Kind::Question).is_some();
                    let outer = self.enter(&[Kind::BracketClose]);
                    let (index, index_depth) = self.expr()?;
                    self.follow = outer;
                    depth = self.deeper(depth.max(index_depth))?;
                    let function = if optional { operators::OPTIONAL_INDEX } else { operators::INDEX };
                    on = self.call(token.start, function, vec![on, index]);
                    self.close(Kind::BracketClose);
                }
                _ => return Ok((on, depth)),
            }
        }
    }

    /// What stands behind a dot: a field, an optional field, or a call.
    fn after_dot(&mut self, dot: Token, on: Expr, depth: usize) -> Result<Result<Tree, Mismatch>, Stop> {
        let optional = self.stream.take_if(Kind::Question).is_some();
        let name = self.stream.token();
        let identifiers = Set::of(&[Kind::Identifier, Kind::EscapedIdentifier]);
        if !identifiers.has(name.kind) {
            match (optional, name.kind) {
                (true, _) => self.stream.mismatched(identifiers),
                // What could follow the name without its dot.
                (false, kind) if self.follow.and(OPERATORS).has(kind) => self.stream.no_alternative(dot, name),
                // Names with dots between them might have become the name of a type.
                (false, _) => self.stream.mismatched(Set::of(&[Kind::Identifier])),
            }
            return Ok(Err(Mismatch));
        }
        self.stream.take();
        let depth = self.deeper(depth)?;
        let field = self.stream.text(name);
        if name.kind == Kind::EscapedIdentifier {
            self.complain(name.start, "unsupported syntax: '`'");
            return Ok(Ok((self.broken(), depth)));
        }
        if optional {
            let field = self.node(name.start, ExprKind::Literal(Literal::String(field.into())));
            return Ok(Ok((self.call(dot.start, operators::OPTIONAL_SELECT, vec![on, field]), depth)));
        }
        let Some(open) = self.stream.take_if(Kind::ParenOpen) else {
            let select = ExprKind::Select { operand: Box::new(on), field, test_only: false };
            return Ok(Ok((self.node(dot.start, select), depth)));
        };
        let (args, args_depth) = self.args()?;
        let call = Call { function: field, target: Some(Box::new(on)), args };
        let args_depth = self.deeper(args_depth)?;
        Ok(Ok((macros::expand(self, open.start, call), depth.max(args_depth))))
    }

    /// The arguments of a call, behind `(`.
    fn args(&mut self) -> Result<(Vec<Expr>, usize), Stop> {
        let mut args = Vec::new();
        let mut depth = 0;
        if self.stream.sync(FIRST.and(Set::of(&[Kind::ParenClose]))).is_err() {
            self.stream.recover(self.follow.and(OPERATORS).and(SUFFIX));
            return Ok((args, depth));
        }
        if FIRST.has(self.stream.kind()) {
            loop {
                let outer = self.enter(&[Kind::ParenClose, Kind::Comma]);
                let (arg, arg_depth) = self.expr()?;
                self.follow = outer;
                args.push(arg);
                depth = depth.max(arg_depth);
                if self.stream.take_if(Kind::Comma).is_none() {
                    break;
                }
            }
        }
        self.close(Kind::ParenClose);
        Ok((args, depth))
    }

    /// The bracket that ends a part.
    pub(super) fn close(&mut self, kind: Kind) {
        let follow = self.follow.and(OPERATORS).and(SUFFIX);
        if self.stream.expect(kind, follow).is_err() {
            self.stream.recover(follow);
        }
    }

    fn primary(&mut self) -> Result<Tree, Stop> {
        let token = self.stream.token();
        match token.kind {
            Kind::ParenOpen => {
                self.stream.take();
                let outer = self.enter(&[Kind::ParenClose]);
                let tree = self.expr()?;
                self.follow = outer;
                self.close(Kind::ParenClose);
                Ok(tree)
            }
            Kind::BracketOpen => self.list(),
            Kind::BraceOpen => self.map(),
            Kind::Dot if self.stream.ahead(1).kind != Kind::Identifier => {
                self.stream.no_alternative(token, self.stream.ahead(1));
                self.stream.recover(self.follow.and(OPERATORS));
                Ok((self.broken(), 0))
            }
            Kind::Dot | Kind::Identifier => self.name(),
            Kind::Minus => {
                self.stream.take();
                let number = self.stream.take();
                Ok((self.literal(number.kind, token.start, number.end), 0))
            }
            kind => {
                self.stream.take();
                Ok((self.literal(kind, token.start, token.end), 0))
            }
        }
    }

    fn literal(&mut self, kind: Kind, start: usize, end: usize) -> Expr {
        // There may be spaces between a sign and its number.
        let quoted = matches!(kind, Kind::String | Kind::Bytes);
        let chars = self.stream.source.chars[start..end].iter();
        let text: String = chars.filter(|next| quoted || !next.is_whitespace()).collect();
        match literal::value(kind, &text) {
            Ok(value) => self.node(start, ExprKind::Literal(value)),
            Err(message) => {
                self.complain(start, message);
                self.node(start, ExprKind::Unspecified)
            }
        }
    }

    /// A name, the call of a function, or an object with the name of its type.
    fn name(&mut self) -> Result<Tree, Stop> {
        let start = self.stream.token();
        let dot = self.stream.take_if(Kind::Dot).is_some();
        let token = self.stream.take();
        let text = self.stream.text(token);
        // Whether this is the name of a type shows only at its end.
        let mut length = 0;
        while self.stream.ahead(length).kind == Kind::Dot && self.stream.ahead(length + 1).kind == Kind::Identifier {
            length += 2;
        }
        let lead = if dot { "." } else { "" };
        if self.stream.ahead(length).kind == Kind::BraceOpen {
            let mut name = format!("{lead}{text}");
            for _ in 0..length {
                let part = self.stream.take();
                name.push_str(&self.stream.text(part));
            }
            return self.object(name);
        }
        if RESERVED.contains(&text.as_str()) {
            self.complain(token.start, format!("reserved identifier: {text}"));
            if self.stream.kind() != Kind::ParenOpen {
                return Ok((self.node(token.start, ExprKind::Unspecified), 0));
            }
        }
        let name = format!("{lead}{text}");
        if let Some(open) = self.stream.take_if(Kind::ParenOpen) {
            let (args, depth) = self.args()?;
            let call = Call { function: name, target: None, args };
            return Ok((macros::expand(self, open.start, call), depth));
        }
        Ok((self.node(if dot { start.start } else { token.start }, ExprKind::Ident(name)), 0))
    }
}

/// A balanced tree of the terms of a chain; the ids are those of the operators between them.
fn balance(function: &str, ids: &[Id], terms: &mut impl Iterator<Item = Expr>) -> Expr {
    let middle = ids.len() / 2;
    let Some(id) = ids.get(middle) else {
        return terms.next().unwrap_or(Expr { id: 0, kind: ExprKind::Unspecified });
    };
    let left = balance(function, &ids[..middle], terms);
    let right = balance(function, &ids[middle + 1..], terms);
    Expr {
        id: *id,
        kind: ExprKind::Call(Call { function: function.to_owned(), target: None, args: vec![left, right] }),
    }
}

/// The precedence of relations, above which operators are not chained.
const RELATION: u8 = 2;

fn binary_operator(kind: Kind) -> Option<(u8, &'static str)> {
    Some(match kind {
        Kind::Or => (0, operators::OR),
        Kind::And => (1, operators::AND),
        Kind::Less => (RELATION, operators::LESS),
        Kind::LessEquals => (RELATION, operators::LESS_EQUALS),
        Kind::Greater => (RELATION, operators::GREATER),
        Kind::GreaterEquals => (RELATION, operators::GREATER_EQUALS),
        Kind::Equals => (RELATION, operators::EQUALS),
        Kind::NotEquals => (RELATION, operators::NOT_EQUALS),
        Kind::In => (RELATION, operators::IN),
        Kind::Plus => (3, operators::ADD),
        Kind::Minus => (3, operators::SUBTRACT),
        Kind::Star => (4, operators::MULTIPLY),
        Kind::Slash => (4, operators::DIVIDE),
        Kind::Percent => (4, operators::MODULO),
        _ => return None,
    })
}

/// Whether an expression is names with dots between them.
fn is_path(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Ident(_) => true,
        ExprKind::Select { operand, test_only: false, .. } => is_path(operand),
        _ => false,
    }
}
