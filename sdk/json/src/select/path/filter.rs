//! The expressions of filters (RFC 9535 section 2.3.5): read to tell what is not answered from what is wrong.

use super::function::{self, Type};
use super::query::Parser;
use super::{PathError, literal};

/// An operand of a comparison or an argument, by what the rules for types need to know (RFC 9535 section 2.4.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    Literal,
    Query { is_singular: bool },
    Function(Type),
}

impl Operand {
    pub(super) fn is_value(self) -> bool {
        matches!(self, Self::Literal | Self::Query { is_singular: true } | Self::Function(Type::Value))
    }

    pub(super) fn is_nodes(self) -> bool {
        matches!(self, Self::Query { .. })
    }
}

/// `a && b || c`, with blanks in between; in front and behind they are the caller's.
pub(super) fn logical(parser: &mut Parser<'_>) -> Result<(), PathError> {
    parser.nested(|parser| {
        loop {
            basic(parser)?;
            let end = parser.cursor.at();
            parser.cursor.skip_blanks();
            if !parser.cursor.eat("&&") && !parser.cursor.eat("||") {
                parser.cursor.back_to(end);
                return Ok(());
            }
            parser.cursor.skip_blanks();
        }
    })
}

fn basic(parser: &mut Parser<'_>) -> Result<(), PathError> {
    let is_negated = parser.cursor.eat("!");
    if is_negated {
        parser.cursor.skip_blanks();
    }
    if parser.cursor.eat("(") {
        parser.cursor.skip_blanks();
        logical(parser)?;
        parser.cursor.skip_blanks();
        return parser.cursor.expect(")", "the bracket is not closed");
    }
    let left = operand(parser)?;
    let end = parser.cursor.at();
    parser.cursor.skip_blanks();
    if !is_negated && comparison(parser) {
        comparable(parser, left, end)?;
        parser.cursor.skip_blanks();
        let right = operand(parser)?;
        return comparable(parser, right, parser.cursor.at());
    }
    parser.cursor.back_to(end);
    match left {
        Operand::Query { .. } | Operand::Function(Type::Logical) => Ok(()),
        Operand::Literal => {
            Err(parser.cursor.invalid("a literal alone is no condition; it is compared with something"))
        }
        Operand::Function(Type::Value) => {
            Err(parser.cursor.invalid("this function gives a value, which is compared with something"))
        }
    }
}

/// Steps over the comparison that is next, and tells whether one was.
fn comparison(parser: &mut Parser<'_>) -> bool {
    ["==", "!=", "<=", ">=", "<", ">"].iter().any(|sign| parser.cursor.eat(sign))
}

fn comparable(parser: &mut Parser<'_>, operand: Operand, end: usize) -> Result<(), PathError> {
    if operand.is_value() {
        return Ok(());
    }
    parser.cursor.back_to(end);
    Err(parser.cursor.invalid("this cannot be compared: it is not one value"))
}

pub(super) fn operand(parser: &mut Parser<'_>) -> Result<Operand, PathError> {
    if parser.cursor.eat("@") || parser.cursor.eat("$") {
        let query = parser.query()?;
        return Ok(Operand::Query { is_singular: query.is_singular });
    }
    if literal::string(&mut parser.cursor)?.is_some() || literal::number(&mut parser.cursor)? {
        return Ok(Operand::Literal);
    }
    let at = parser.cursor.at();
    let word = parser.cursor.take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if parser.cursor.eat("(") {
        return parser.nested(|parser| function::call(parser, word, at)).map(Operand::Function);
    }
    if matches!(word, "true" | "false" | "null") {
        return Ok(Operand::Literal);
    }
    parser.cursor.back_to(at);
    Err(parser.cursor.invalid("a query, a literal or a function comes here"))
}
