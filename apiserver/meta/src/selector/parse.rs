//! The query-string form of label selectors: `app=web,tier in (a,b),!old`.
//!
//! Follows the grammar and the error texts of apimachinery's `labels.Parse`, which works on the whole token list and
//! treats `in` and `notin` as words wherever no operator is expected.

use super::{LabelSelector, Operator, Requirement, SelectorError};
use crate::field::{self, Path};
use crate::validation::{label_key, label_value};

const BINARY_OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `in` and `notin`.
    Keyword(String),
    Symbol(&'static str),
    End,
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

/// Reads a label selector.
pub(super) fn label_selector(text: &str) -> Result<LabelSelector, SelectorError> {
    let mut parser = Parser { tokens: tokens(text), next: 0 };
    let mut requirements = Vec::new();
    loop {
        match parser.peek() {
            Token::Word(_) | Token::Keyword(_) | Token::Symbol("!") => {
                let requirement =
                    parser.requirement().map_err(|e| SelectorError(format!("unable to parse requirement: {e}")))?;
                requirements.push(requirement);
                match parser.take() {
                    Token::End => return Ok(LabelSelector::of(requirements)),
                    Token::Symbol(",") => match parser.peek() {
                        Token::Word(_) | Token::Keyword(_) | Token::Symbol("!") => {}
                        other => return Err(found(other, ", expected: identifier after ','")),
                    },
                    other => return Err(found(&other, ", expected: ',' or 'end of string'")),
                }
            }
            Token::End => return Ok(LabelSelector::of(requirements)),
            other => return Err(found(other, ", expected: !, identifier, or 'end of string'")),
        }
    }
}

/// A requirement from its parts, checked; several mistakes are listed as upstream lists them.
fn checked(key: String, operator: Operator, mut values: Vec<String>) -> Result<Requirement, SelectorError> {
    values.sort();
    values.dedup();
    let path = Path::root("values");
    let mut errors: Vec<field::Error> = Vec::new();
    let messages = label_key(&key);
    if !messages.is_empty() {
        errors.push(Path::root("key").invalid(key.as_str(), messages.join("; ")));
    }
    if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
        for (index, value) in values.iter().enumerate().filter(|(_, value)| value.parse::<i64>().is_err()) {
            let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
            errors.push(path.index(index).invalid(value.as_str(), detail));
        }
    }
    for (index, value) in values.iter().enumerate() {
        let messages = label_value(value);
        if !messages.is_empty() {
            errors.push(path.index(index).key(&key).invalid(value.as_str(), messages.join("; ")));
        }
    }
    match field::aggregate(&errors) {
        Some(message) => Err(SelectorError(message)),
        None => Ok(Requirement { key, operator, values }),
    }
}

fn found(token: &Token, expected: &str) -> SelectorError {
    SelectorError(format!("found '{}'{expected}", token.text()))
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Keyword(text) => text,
            Self::Symbol(text) => text,
            Self::End => "",
        }
    }

    /// The token as a word, also where it could have been an operator.
    fn word(self) -> Result<String, Self> {
        match self {
            Self::Word(text) | Self::Keyword(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).unwrap_or(&Token::End)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let mut token = self.take();
        let negated = token == Token::Symbol("!");
        if negated {
            token = self.take();
        }
        let key = token.word().map_err(|other| found(&other, ", expected: identifier"))?;
        let messages = label_key(&key);
        if !messages.is_empty() {
            let error = Path::root("<nil>").invalid(key.as_str(), messages.join("; "));
            return Err(SelectorError(error.to_string()));
        }
        if negated {
            return checked(key, Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            return checked(key, Operator::Exists, Vec::new());
        }
        let operator = match self.take() {
            Token::Keyword(word) if word == "in" => Operator::In,
            Token::Keyword(_) => Operator::NotIn,
            Token::Symbol("=" | "==") => Operator::Equals,
            Token::Symbol("!=") => Operator::NotEquals,
            Token::Symbol(">") => Operator::GreaterThan,
            Token::Symbol("<") => Operator::LessThan,
            other => return Err(found(&other, &format!(", expected: {BINARY_OPERATORS}"))),
        };
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.exact_value()?],
        };
        checked(key, operator, values)
    }

    fn exact_value(&mut self) -> Result<String, SelectorError> {
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            return Ok(String::new());
        }
        self.take().word().map_err(|other| found(&other, ", expected: identifier"))
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        let open = self.take();
        if open != Token::Symbol("(") {
            return Err(found(&open, " expected: '('"));
        }
        match self.peek() {
            Token::Word(_) | Token::Keyword(_) | Token::Symbol(",") => self.value_list(),
            Token::Symbol(")") => {
                self.take();
                Ok(vec![String::new()])
            }
            other => Err(found(other, ", expected: ',', ')' or identifier")),
        }
    }

    /// The values up to and with the closing parenthesis; an empty place between commas is the empty value.
    fn value_list(&mut self) -> Result<Vec<String>, SelectorError> {
        let mut values = Vec::new();
        loop {
            match self.take() {
                Token::Word(word) | Token::Keyword(word) => {
                    values.push(word);
                    match self.peek() {
                        Token::Symbol(",") => {}
                        Token::Symbol(")") => break,
                        other => return Err(found(other, ", expected: ',' or ')'")),
                    }
                }
                Token::Symbol(",") => {
                    let next = self.peek();
                    let closes = *next == Token::Symbol(")");
                    if values.is_empty() || closes || *next == Token::Symbol(",") {
                        values.push(String::new());
                    }
                    if closes {
                        break;
                    }
                }
                other => return Err(found(&other, ", expected: ',', or identifier")),
            }
        }
        self.take();
        Ok(values)
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        // A zero byte ends the text, as it ends upstream's scanner.
        match rest.chars().next() {
            None | Some('\0') => return tokens,
            Some(first) if is_symbol(first) => {
                let symbol = symbol(rest);
                tokens.push(Token::Symbol(symbol));
                rest = &rest[symbol.len()..];
            }
            Some(_) => {
                let length =
                    rest.find(|c| is_symbol(c) || matches!(c, ' ' | '\t' | '\r' | '\n' | '\0')).unwrap_or(rest.len());
                let word = rest[..length].to_owned();
                tokens.push(if word == "in" || word == "notin" { Token::Keyword(word) } else { Token::Word(word) });
                rest = &rest[length..];
            }
        }
    }
}

fn is_symbol(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

/// The longest symbol that the text begins with.
fn symbol(text: &str) -> &'static str {
    const SYMBOLS: [&str; 8] = ["==", "!=", "=", "!", "(", ")", ",", ">"];
    SYMBOLS.into_iter().find(|symbol| text.starts_with(symbol)).unwrap_or("<")
}
